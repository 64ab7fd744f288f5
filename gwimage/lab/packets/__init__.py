"""Packets as hosts of the lab send, receive and record them."""
