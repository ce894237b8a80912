"""The stochastic differential equation, its second-order version, and the gates of its noise."""
