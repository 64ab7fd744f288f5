"""What `verify` asks of a running gateway, as data: one claim with its probe for each thing that the profile promises."""
