"""The lab: the gateway in a virtual machine, in a private network, asked from outside.

world: the private network   topology: the lab of a profile, as data   hosts, serve, roles: bring it to life
disk: damage to its disks   qemu, switch: the machine   guest: looks inside it   rendered, userland, cards, kernel: without a machine
wire, dhcp, probes: the questions   course, turns: the order
provider, and what ends in 6: the same of IPv6
"""
