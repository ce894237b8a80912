"""Exit times, one thread per path:  T = inf {t : level(X_t) >= 0}, as :mod:`fpsim.kernels.exits` decides it.

A thread whose path is out takes the next path of one list.  Which thread carries a path changes no path.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from numba import cuda, types

from fpsim.cuda.functions import column_functions, inlined, lost_function
from fpsim.cuda.moving import Moving

NEXT, END, DONE, LOST, QUAD = range(5)
"""Places in a kernel's ``queue``: next path, end of the list, paths that are out, first path lost and when."""


def _four_steps(moving: Moving) -> Any:
    """``left = four_steps(quad, path, lane, x, u, place, limit, tools)``: when the path left, in steps, or -1."""
    draw, step, arrive, settle = moving.draw, moving.step, moving.arrive, moving.settle

    def four_steps(quad, path, lane, x, u, place, limit, tools):
        """Four steps of x, or fewer, after which it left at ``place``."""
        left = -1.0
        draw(quad, path, lane, tools)
        for k in range(4):
            if left < 0:
                share = step(k, quad, path, lane, x, u, limit, tools)
                if share >= 0:
                    left = 4 * quad + k + share
                    arrive(x, u, share, place)
                settle(u, x, tools)
        return left

    return inlined(four_steps)


@lru_cache(maxsize=64)
def exit_kernel(moving: Moving) -> Any:
    """The kernel ``exits`` of one kind of step.

    Its arguments: x (d, lanes), owner and quads (lanes,), the state of the threads between two calls, owner -1 for
    none; the queue (5,); starts (d, paths) or (d, 1); the number of the first path; groups of four steps until a path
    is censored, and of this call; what moves the path; the largest |x|; times (paths,) in steps, places (d, paths), and
    begun (paths,) by the clock.
    """
    n, number = moving.coordinates, getattr(types, moving.real)
    a, b, c, e, f, g, h = moving.shapes
    equip, begin, four_steps = moving.equip, moving.begin, _four_steps(moving)
    (take, put), is_lost = column_functions(n), lost_function(n)

    @cuda.jit(fastmath=moving.fast)
    def exits(
        states, owner, quads, queue, starts, first, horizon, budget, given, limit, times, places, begun, clock
    ):  # fmt: skip
        """Threads on their paths."""
        lane = cuda.grid(1)
        if lane >= owner.shape[0]:
            return
        x, u = cuda.local.array(n, number), cuda.local.array(n, number)
        place = cuda.local.array(n, types.float64)
        one, two, three = cuda.local.array(a, number), cuda.local.array(b, number), cuda.local.array(c, number)
        four, five, six = cuda.local.array(e, number), cuda.local.array(f, number), cuda.local.array(g, number)
        tools = equip(given, (one, two, three, four, five, six, cuda.local.array(h, number)))
        path, quad = owner[lane], quads[lane]
        take(states, lane, x)
        if path >= 0:
            begin(x, lane, tools)
        for turn in range(budget):
            if path < 0:
                path = cuda.atomic.add(queue, NEXT, 1)
                if path >= queue[END]:
                    path = -1
                    break
                take(starts, path if starts.shape[1] > 1 else 0, x)
                begin(x, lane, tools)
                quad = 0
                begun[path] = clock + turn
            left = four_steps(quad, first + path, lane, x, u, place, limit, tools)
            out = left >= 0
            if out:
                times[path] = left
                put(place, places, path)
            elif is_lost(x, limit):
                cuda.atomic.min(queue, LOST, path)
                cuda.atomic.max(queue, QUAD, quad)
                break
            quad += 1
            if not out and quad >= horizon:
                out = True
                times[path] = math.inf
                put(x, places, path)
            if out:
                cuda.atomic.add(queue, DONE, 1)
                path = -1
        owner[lane], quads[lane] = path, quad
        put(x, states, lane)

    return exits
