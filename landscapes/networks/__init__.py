"""Losses of neural networks (needs torch, loaded late)."""
