"""Films of real dynamics: data first, pictures after.

One folder per film: ``film`` asks `fpsim` for everything that will be drawn and keeps it as netCDF; ``manim`` and
``matplotlib`` read it and compute no physics of their own.  This package imports without matplotlib.
"""
