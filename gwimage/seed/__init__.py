"""Seeds: the difference of one instance to its base image, as a NoCloud volume."""
