"""Mutants: the pure core with one small bug each, to see whether a test fails for it."""
