"""Films of real dynamics: data first, pictures after.

:mod:`animations.film` and :mod:`animations.arrhenius` ask `fpsim` for everything that will be drawn and keep it as
netCDF; the renderers read it and compute no physics of their own.  This package imports without matplotlib.
"""
