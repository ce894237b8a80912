"""Least actions: the most probable way out, its exponent, and what stands before the exponential."""
