"""The chance not to have left yet, under a schedule: by paths, grid, SGD's own chain, and the hazard integral."""
