"""Drawing with Manim."""
