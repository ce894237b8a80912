"""Landscapes by name: wells, surfaces, example losses, and what ships with the package."""
