"""Manim scenes drawn from stored results (extra `animation`).

A scene reads a result that `fpsim` or `validation` has saved and shows it; it computes no physics of its
own. Manim is imported only by the modules that hold scenes, so this package imports without it.
"""
