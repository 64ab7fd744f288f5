"""The lab: the gateway in a virtual machine, in a private network, asked from outside.

world: the private network   topology: the lab of a profile, as data   hosts: brings it to life
qemu: the machine   guest: looks inside it   wire, probes: the questions   course: the order
"""
