"""From a formula's text to exact derivatives and kernel source."""
