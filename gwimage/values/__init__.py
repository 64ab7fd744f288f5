"""Values of the field, typed and parsed: addresses, ranges, names, cards, keys. They know no section of the profile."""
