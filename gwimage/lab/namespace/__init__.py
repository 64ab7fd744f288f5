"""The gateway as a namespace: the compiled files and Debian 13's own programs, without image and machine."""
