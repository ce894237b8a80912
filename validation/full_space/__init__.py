"""The escape law in all parameters of residual networks: least actions and prefactors against measured times."""
