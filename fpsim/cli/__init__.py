"""The command line: ``fpsim escape | simulate | density | landscape | sweep | validate | animate | demo``.

A table for people, ``--json`` for machines, a progress bar for long work.  Wrong input ends with one sentence and exit
code 2, Ctrl-C with one and exit code 130; a traceback reaches nobody unless ``FPSIM_TRACEBACK=1`` asks for it.
Everything heavy is imported inside the commands, so that ``fpsim --help`` is quick.
"""

from fpsim.cli.ending import main

__all__ = ["main"]
