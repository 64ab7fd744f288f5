"""Claims that `verify` tests on a running gateway, as data: one claim with its probe for each promise of the profile."""
