"""Benchmarks, run by hand. They import no tests; tests may import them."""
