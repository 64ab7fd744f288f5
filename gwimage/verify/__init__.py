"""Asks every claim of a gateway, in a machine or in namespaces, and judges the answers."""
