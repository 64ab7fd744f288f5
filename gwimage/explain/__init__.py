"""Predicts whether a packet passes and which line of the profile decides, from the compiled rules, without a kernel.

nft_parser, nft_rules: grammar and meaning of one rule; networkd, routing, kernel: addresses, routes and routing decision;
packet_path: the way through all hooks; answer: verdict with reply, notes and suggestion; matrix: allowed connections by zone;
question, output: user input and output.
"""
