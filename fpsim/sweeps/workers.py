"""Where tasks run: in this thread, on threads or processes, on any executor, or on a Dask cluster.

All of them are ``concurrent.futures.Executor``; nothing else of a sweep knows which one it is.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from fpsim.sweeps.daemon_threads import DaemonThreads

KINDS = ("serial", "threads", "processes")
CONNECTING = 20.0
"""Seconds to wait for the scheduler of a cluster, and for its first worker."""

ENDING = 5.0
"""Seconds that a pool whose processes were killed may take to end."""


class ClusterLostError(ConnectionError):
    """The cluster that a sweep ran on went away."""


class NoWorkersError(RuntimeError):
    """Worker processes end as soon as they start."""


UNGUARDED = (
    "worker processes end as soon as they start; they read your script again, so that what it does must stand under "
    "if __name__ == '__main__': (or sweep with threads)"
)


class Serial(Executor):
    """Runs what is submitted at once, in this thread."""

    def submit(self, call: Callable[..., Any], /, *args: Any, **options: Any) -> Future[Any]:
        """The outcome of a call, which is over when this returns."""
        future: Future[Any] = Future()
        try:
            future.set_result(call(*args, **options))
        except Exception as error:
            future.set_exception(error)
        return future


@dataclass
class Workers:
    """An executor, how many calls it runs at once, how to make a new one of its kind, and whether it is still there."""

    executor: Executor
    count: int
    renewed: Callable[[], Executor] | None = None
    is_there: Callable[[], bool] = lambda: True

    def renew(self) -> bool:
        """Replace an executor that broke; ``False`` if it is somebody else's."""
        if self.renewed is None:
            return False
        self.executor = self.renewed()
        return True


@contextmanager
def workers(executor: Any, cluster: Any, count: int | None) -> Iterator[Workers]:
    """Workers from what a user asks for.

    Args:
        executor: ``"serial"``, ``"threads"``, ``"processes"``, any ``concurrent.futures.Executor``, or ``None`` for
            threads.
        cluster: address of a Dask scheduler such as ``"tcp://10.0.0.1:8786"``, ``"local"`` for one started here, or a
            ``distributed.Client``.
        count: how many at once; the machine's cores if left out, a cluster's own.

    Raises:
        ValueError, TypeError: for anything else, or both an executor and a cluster.
        ClusterLostError: if no scheduler answers.
    """
    if executor is not None and cluster is not None:
        raise ValueError("a sweep runs on an executor or on a cluster; give one of them")
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
        raise ValueError(f"workers is a whole number >= 1; got {count!r}")
    with ExitStack() as stack:
        if cluster is not None:
            yield _on_cluster(cluster, count, stack)
            return
        if isinstance(executor, Executor):
            yield Workers(executor, count or getattr(executor, "_max_workers", 0) or _cores())
            return
        found = _here("threads" if executor is None else executor, count or _cores())
        try:
            yield found
        except BaseException:
            _abandon(found.executor)
            raise
        found.executor.shutdown(wait=True, cancel_futures=True)


def _here(kind: Any, count: int) -> Workers:
    if kind not in KINDS:
        raise ValueError(f"executor is one of {list(KINDS)} or a concurrent.futures.Executor; got {kind!r}")
    if kind == "serial":
        return Workers(Serial(), 1)
    if kind == "threads":
        return Workers(DaemonThreads(count), count)
    _require_guard()

    def made() -> Executor:  # spawned: a fork of a process with threads may hang
        pool = ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn"), initializer=_deaf)
        with _without_ctrl_c():
            pool.submit(int)  # starts all of them
        return pool

    pool = made()
    try:
        pool.submit(int).result()
    except BrokenExecutor:
        raise NoWorkersError(UNGUARDED) from None
    return Workers(pool, count, made)


def _require_guard() -> None:
    """End a worker quietly that reads a script without a guard and is about to start workers of its own."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise SystemExit(1)


def _deaf() -> None:
    """Ctrl-C is for the process that runs the sweep; workers end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Processes that begin in here do not hear Ctrl-C, not even before they are told to ignore it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _abandon(executor: Executor) -> None:
    """End an executor of ours without waiting for calls that may never return.

    A pool's own thread notices that its processes are gone.  It must be through before Python ends: what it is still at
    then would be closed under it, and traces of that printed.
    """
    processes = list((getattr(executor, "_processes", None) or {}).values())
    manager = getattr(executor, "_executor_manager_thread", None)
    executor.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.kill()
    if manager is not None:
        manager.join(ENDING)


def _cores() -> int:
    from fpsim.paths.threads import thread_count

    return thread_count(None)


def _on_cluster(cluster: Any, count: int | None, stack: ExitStack) -> Workers:
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise ValueError("a cluster needs Dask: pip install 'fpsim-sgd[cluster]'") from None
    if isinstance(cluster, Client):
        client = cluster
    elif cluster == "local":
        _require_guard()
        try:
            here = LocalCluster(n_workers=count or _cores(), threads_per_worker=1, dashboard_address=":0")
        except RuntimeError:
            raise NoWorkersError(UNGUARDED) from None
        client = stack.enter_context(Client(stack.enter_context(here)))
    elif isinstance(cluster, str):
        try:
            client = stack.enter_context(Client(cluster, timeout=CONNECTING))
        except (OSError, ValueError) as error:
            raise ClusterLostError(
                f"no Dask scheduler answers at '{cluster}' ({type(error).__name__}); start one with 'dask scheduler' "
                "and give the address that it prints"
            ) from None
    else:
        raise TypeError(f"cluster is the address of a Dask scheduler, 'local', or a Client; got {cluster!r:.60}")
    try:
        client.wait_for_workers(1, timeout=CONNECTING)
    except TimeoutError:
        address = client.scheduler.address
        raise ClusterLostError(
            f"the Dask scheduler at '{address}' has no workers; start some with 'dask worker {address}'"
        ) from None
    size = sum(client.nthreads().values())
    return Workers(client.get_executor(pure=False), max(count or size, 1), None, lambda: client.status == "running")
