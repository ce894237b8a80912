"""Adaptive multilevel splitting: mean times of escapes that no plain simulation reaches."""
