"""Builds disk images from compiled files: runs mkosi, reads images, and replaces the configuration layer (rebake)."""
