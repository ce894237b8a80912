"""SGD in all parameters of a network: leaving a shallow basin, under five laws of noise."""
