"""The gateway as a virtual machine: QEMU, its disks and cards, and what the guest reports."""
