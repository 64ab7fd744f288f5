"""Ports that more than one part of the program means."""

SSH, DNS, DHCP, NTP = 22, 53, 67, 123  # of the services that a gateway may have
FTP, TFTP = 21, 69
DHCP_CLIENT, DHCP6_CLIENT, DHCP6 = 68, 546, 547
LISTENER = 8080  # TCP and UDP, of the lab's hosts: what a claim asks, and what they answer
