"""The lab: a gateway in a private network, with hosts around it that ask and are asked. It knows no claim.

sandbox, netns: the private network; preflight: whether the host can have one; topology, topology6: the lab of a profile, as data;
hosts: the hosts, as namespaces; packets: what they send and record; machine: the gateway as a virtual machine; namespace: the
gateway without one; boot: power on, and the first answers; sockets, wait: for all of them.
"""
