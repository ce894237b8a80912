"""What is behind :class:`fpsim.FokkerPlanck`: a walk on grid cells, and what follows from its matrix.

walk        the jump rates (``line`` in 1-D, ``lattice`` in 2-D and 3-D), ``cuts`` takes targets out of it
solver      linear systems of a walk that ends: ``passage``, ``transitions``, ``stationary``, ``spectrum``
evolution   densities in time
bounds      automatic boxes; ``refinement`` escape times on grids in sequence
"""
