"""Routes to an escape time: each a function from a problem to an :class:`~fpsim.escape_time.EscapeTime`."""
