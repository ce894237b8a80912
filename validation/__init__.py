"""Experiments that confront fpsim's routes with each other, with papers and with SGD on a network.

An experiment is a function that returns a result object, a figure and a verdict (the measured number,
the expected one, and the tolerance that was fixed beforehand), and can be run by name from the command
line. It may import `fpsim` and `landscapes`; neither imports it.
"""
