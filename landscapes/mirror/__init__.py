"""Networks on data that are closed under a mirror: twin minima with a saddle between them, known exactly."""
