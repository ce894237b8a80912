"""Valleys and passes of a landscape, and the steepest path over them."""
