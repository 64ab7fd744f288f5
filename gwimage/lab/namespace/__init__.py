"""Runs the compiled files by Debian 13's own programs in a network namespace, without image or VM."""
