"""Losses that are means over examples, with exact per-example gradients."""
