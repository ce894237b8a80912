"""Torch and linear algebra on one thread, for training that gives the same numbers everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch and linear algebra on one thread: sums on more threads round differently, which training amplifies."""
    import scipy.optimize  # noqa: F401  # its linear algebra has to be there before it can be limited

    from landscapes.extras import require
    from landscapes.networks.torch_extra import torch

    require("threadpoolctl", purpose="training on one thread")
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)
