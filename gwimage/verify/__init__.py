"""Verification: probes every claim of a gateway, in a VM or in namespaces, and evaluates the answers."""
