"""The film of one gradient noise and its two histograms."""
