"""Simulated annealing: logarithmic cooling finds the deeper valley if it is slow enough."""
