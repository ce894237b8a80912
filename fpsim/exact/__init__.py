"""Exact integrals in one dimension: Gauss-Legendre panels, collocation, first-passage times."""
