"""Repetitions of splitting that share the lanes of a kernel: each is the same in any company, and ends as it would."""

import threading

import numpy as np
import pytest

import fpsim
from fpsim.splitting.batches import BatchFlights
from fpsim.splitting.company import Company
from fpsim.splitting.dynamics import Flown, Log, Stop, Until
from landscapes.catalogue.example_losses import PerExampleDoubleWell

SGD = fpsim.MiniBatchSGD(PerExampleDoubleWell(noise=2.0, examples=10, positive=5), 0.1, 3)


def split(monkeypatch, heavy, **options):
    calls, fly = [], BatchFlights.fly
    monkeypatch.setattr(BatchFlights, "heavy", property(lambda self: heavy))
    monkeypatch.setattr(BatchFlights, "fly", lambda self, *way: calls.append(len(way[1])) or fly(self, *way))
    options = {"seed": 3, "repetitions": 6, "particles": 40, "score": "distance", **options}
    found = fpsim.split_iterations(SGD, -1.0, 0.4, **options)
    monkeypatch.setattr(BatchFlights, "fly", fly)
    return found, calls


@pytest.mark.parametrize("threads", [1, 2])
def test_nothing_changes_but_the_number_of_calls(threads, monkeypatch):
    alone, many = split(monkeypatch, False, threads=threads, repetitions=12)
    shared, few = split(monkeypatch, True, threads=threads, repetitions=12)
    assert (shared.mean, shared.standard_error) == (alone.mean, alone.standard_error)
    assert sum(few) == sum(many) and len(few) < 0.8 * len(many)


class Falling:
    """Flights that end at once, or fail."""

    dimension, engine = 1, "compiled"

    def fly(self, starts, numbers, first, until, recording, stop):
        if (starts == 13).any():
            raise ValueError("unlucky")
        rows = Log(np.arange(len(starts)), starts[:, 0], np.ones(len(starts)), starts)
        return Flown(np.ones(len(starts), np.int8), numbers.astype(float), starts, rows)


def together(wishes):
    """What becomes of wishes (start, until) of members on threads of their own."""
    company, found, ready = Company(Falling()), {}, threading.Barrier(len(wishes))

    def one(k, start, until):
        with company.member():
            ready.wait()
            points = np.full((k + 1, 1), start)
            try:
                found[k] = company.fly(points, 10 * k + np.arange(k + 1), points[:, 0], until, True, Stop())
            except ValueError as error:
                found[k] = str(error)

    threads = [threading.Thread(target=one, args=(k, *wish)) for k, wish in enumerate(wishes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads)
    return found


def test_everybody_gets_their_own():
    found = together([(1.0, Until()), (2.0, Until()), (3.0, Until(low=0.0))])
    for k in range(3):
        assert found[k].steps.tolist() == [10 * k + i for i in range(k + 1)]
        assert found[k].log.owner.tolist() == list(range(k + 1)) and (found[k].places == k + 1).all()


def test_an_error_reaches_those_who_flew_along():
    found = together([(1.0, Until()), (13.0, Until()), (3.0, Until(low=0.0))])
    assert found[0] == found[1] == "unlucky" and found[2].steps.size == 3


def test_a_deadline_ends_all(monkeypatch):
    with pytest.raises(ValueError, match="give more time"):
        split(monkeypatch, True, deadline=1e-3)
