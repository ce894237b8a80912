"""What is computed: windows, effort and seeds, fixed before any confirming seed is drawn.

Windows of S are those at which the exponent of Gaussian noise, (S/eta) V, lies between about 11 and 30: below, the time
is not exponential yet, and above it the effort grows without telling more.
"""

from __future__ import annotations

from dataclasses import dataclass

Window = tuple[str, float, float, tuple[int, ...]]
"""Network, weight decay, learning rate, batch sizes."""
MAIN = ("resnet-39", 0.04)
NEAR = ("resnet-39", 0.055)
"""The place at which Gauss and Cramer are to be told apart, and the one next to the pitchfork."""
CONFIRMING = 1000
"""Seeds from here on confirm; those below were used to explore."""


@dataclass(frozen=True)
class Size:
    """How much is computed.

    Attributes:
        windows: SGD with real mini-batches, by splitting.
        gaussian: the same with Gaussian noise of the covariance of mini-batches.
        plain: by simulation: network, decay, learning rate, batch size, paths, horizon in iterations.
        leaning: of the main network, mini-batch sizes at which the two sides of a lopsided valley are left.
        parts: independent runs of splitting per setting, each a piece.
        particles, repetitions: of each.
        pieces: of the finest curve of a least action.
        nodes: of the valley's floor.
        floor: added to the covariance, as a share of its mean eigenvalue.
        pitchfork: whether the decay at which the saddle appears is located.
    """

    windows: tuple[Window, ...]
    gaussian: tuple[Window, ...]
    plain: tuple[tuple[str, float, float, int, int, int], ...]
    leaning: tuple[int, ...]
    parts: int
    particles: int
    repetitions: int
    pieces: int
    nodes: int
    floor: float
    pitchfork: bool

    @classmethod
    def of(cls, quick: bool, seed: int = 0) -> Size:
        """Three batch sizes of one network in some minutes, or everything in two hours on two cores."""
        if quick:
            window = (*MAIN, 0.04, (4, 6, 8))
            return cls((window,), (), ((*MAIN, 0.04, 2, 64, 400_000),), (), 1, 200, 4, 32, 17, 1e-5, False)
        windows = (
            (*MAIN, 0.04, (4, 5, 6, 8, 10)),
            (*NEAR, 0.04, (20, 25, 30, 40, 50)),
            ("resnet-39", 0.05, 0.04, (8, 10, 12, 16, 20)),
            ("resnet-39", 0.03, 0.04, (3, 4, 5, 6, 7)),
            (*MAIN, 0.02, (2, 3, 4, 5)),
        )
        gaussian = ((*MAIN, 0.04, (4, 6, 8)), (*NEAR, 0.04, (20, 30, 40)))
        plain = ((*MAIN, 0.04, 3, 512, 4_000_000), (*MAIN, 0.04, 4, 256, 20_000_000))
        return cls(windows, gaussian, plain, (6,), 2, 500, 8, 96, 33, 1e-5, True)
