"""Critical points: where to start, Newton's method, certificates."""
