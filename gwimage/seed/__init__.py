"""The seed of one instance: what differs from its base, as a NoCloud volume."""
