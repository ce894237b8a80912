"""Closed formulas for escape times: one file per paper."""
