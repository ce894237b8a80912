"""SGD in all parameters of a network, many replicas at once (needs torch, loaded late)."""
