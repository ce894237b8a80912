"""What is computed: windows, effort and seeds.  The windows were fixed before any confirming seed was drawn.

Windows of S are those at which the exponent of Gaussian noise, (S/eta) V with V the least action, lies between about 11
and 30: below, the time is not exponential yet, and above it the effort grows without telling more.  They follow from
theory alone.  (With digits 4 and 9 Kramers' 2 dL/C at the saddle had stood in for the action, which is 1.8 times that:
its window began at S = 4 until the action was known, when that one time had been seen.)  What only a GPU simulates goes
down to 7.
"""

from __future__ import annotations

from dataclasses import dataclass

Window = tuple[str, float, float, tuple[int, ...]]
"""Network, weight decay, learning rate, batch sizes."""
Dear = tuple[str, float, float, str, tuple[int, ...]]
"""Network, weight decay, learning rate, law of the noise, batch sizes."""
Sampled = tuple[str, float, float, int, str, int, int]
"""Network, weight decay, learning rate, batch size, law of the noise, paths, and iterations that each is followed."""
MAIN = ("resnet-39", 0.04)
NEAR, FAR = ("resnet-39", 0.055), ("resnet-39", 0.03)
FOURS = ("resnet-39-of-4-and-9", 0.055)
TWOS = ("resnet-39-of-2-and-9", 0.055)
WIDER = ("resnet-113", 0.055)
"""Where Gauss and Cramer are to be told apart, next to and far from the pitchfork, other digits, more parameters."""
MAIN_RATE = 0.04
"""The learning rate wherever another one is not asked for."""
CONFIRMING = 1000
"""Seeds from here on confirm; those below were used to explore."""
BATCHES, GAUSSIAN = "with-replacement", "gaussian"
DISTINCT, SHUFFLED, ROUND = "without-replacement", "reshuffled", "isotropic"
MOMENTA = {"momentum 0.5": 0.5, "momentum 0.9": 0.9}
"""Mini-batches with replacement under a heavy ball, whose learning rate is (1 - beta) times the one that is named."""


@dataclass(frozen=True)
class Size:
    """How much is computed.

    Attributes:
        windows: SGD with real mini-batches, by splitting.
        plain: by simulation.
        further: other laws of SGD's steps, and isotropic noise of the same trace, by simulation.
        card: by simulation on a GPU, where there is one.
        leaning: of the main network, batch sizes at which the two sides of a lopsided valley are left.
        parts: independent runs of splitting for each batch size of the first window, each a piece; one elsewhere.
        particles, repetitions: of each; a quarter of the particles fly at a time, which fills a block of lanes.
        pieces: of the finest curve of a least action.
        nodes: of the valley's floor.
        floor: added to the covariance, as a share of its mean eigenvalue.
        pitchfork: whether the decay at which the saddle appears is located.
        once: what costs more a step, by splitting with half of the particles and one run: Gaussian noise of the same
            covariance, whose steps ask all examples (at the main place where Gauss and Cramer differ by e^3), and the
            wider network, which settles eight times as slowly.
    """

    windows: tuple[Window, ...]
    plain: tuple[Sampled, ...]
    further: tuple[Sampled, ...]
    card: tuple[Sampled, ...]
    leaning: tuple[int, ...]
    parts: int
    particles: int
    repetitions: int
    pieces: int
    nodes: int
    floor: float
    pitchfork: bool
    once: tuple[Dear, ...] = ()

    @classmethod
    def of(cls, quick: bool, seed: int = 0) -> Size:
        """Three batch sizes at the window's low end in some minutes, or everything in two hours on two cores."""
        if quick:
            few: Sampled = (*MAIN, 0.04, 3, BATCHES, 512, 60_000)
            return cls(((*MAIN, 0.04, (3, 4, 5)),), (few,), (), (), (), 1, 256, 4, 32, 16, 1e-5, False)
        windows = (
            (*MAIN, 0.04, (4, 5, 6, 8, 10)),
            (*MAIN, 0.02, (2, 3, 4)),
            (*FAR, 0.04, (3, 4, 5, 6, 7)),
            (*FOURS, 0.04, (2, 3, 4, 5)),
            (*TWOS, 0.04, (2, 3, 4)),
            ("resnet-39", 0.05, 0.04, (8, 10, 12)),
            (*NEAR, 0.04, (16, 20, 24)),
        )
        plain = ((*MAIN, 0.04, 3, BATCHES, 512, 150_000),)
        further = (
            (*MAIN, 0.04, 2, BATCHES, 512, 60_000),
            (*MAIN, 0.04, 2, SHUFFLED, 512, 400_000),
            *((*MAIN, 0.04, 3, law, 512, 150_000) for law in (DISTINCT, *MOMENTA)),
            (*MAIN, 0.04, 4, ROUND, 64, 40_000),
            (*MAIN, 0.04, 6, ROUND, 128, 60_000),
        )
        card = (
            *((*MAIN, 0.04, s, BATCHES, paths, 160_000) for s, paths in ((3, 16384), (4, 32768), (5, 65536))),
            (*MAIN, 0.04, 3, GAUSSIAN, 8192, 40_000),
            *(("resnet-39", 0.05, 0.04, s, BATCHES, paths, 90_000) for s, paths in ((6, 16384), (8, 32768))),
            (*NEAR, 0.04, 12, BATCHES, 16384, 60_000),
            (*NEAR, 0.04, 12, GAUSSIAN, 8192, 40_000),
            *((*WIDER, 0.04, s, BATCHES, 16384, 60_000) for s in (6, 7, 8, 9)),
            (*NEAR, 0.04, 16, BATCHES, 32768, 90_000),
        )
        once = (
            (*MAIN, 0.04, GAUSSIAN, (6,)),
            (*NEAR, 0.04, GAUSSIAN, (16,)),
            (*WIDER, 0.04, BATCHES, (8, 10, 12)),
        )
        return cls(windows, plain, further, card, (6,), 2, 1024, 2, 64, 32, 1e-5, True, once)
