"""Benchmarks: Desirepath against what a user would write, in the same run."""
