"""Typed, parsed values: addresses, ranges, DNS names, NICs, keys. Must not know any section of the profile."""
