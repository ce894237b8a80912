"""Sweeps: one function over many parameters and seeds, on every core or a cluster, with nothing lost and nothing twice.

point -> key = sha256(function, its code, parameters, seed, version) -> result in a store, one by one
"""
