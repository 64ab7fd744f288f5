"""From compiled files to an image: mkosi and its tools, the disk image, another configuration in seconds (rebake)."""
