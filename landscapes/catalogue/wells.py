"""Named landscapes in one dimension: L(x) with two wells, or a well in every period."""

from __future__ import annotations

import math

from landscapes.catalogue.parametric import ParametricLandscape
from landscapes.field import require_positive


class DoubleWell(ParametricLandscape):
    """The quartic double well L = barrier ((x/width)^2 - 1)^2 + tilt x + offset.

    Without tilt the minima lie at -width and width with L'' = 8 barrier / width^2, the top at 0 with
    L'' = -4 barrier / width^2. The defaults give (x^2 - 1)^2/4.

    Args:
        barrier: height of the top above the minima, without tilt.
        width: distance from the top to either minimum, without tilt.
        tilt: slope added to the loss; a positive one lowers the left well. Smaller in size than
            8 barrier / (sqrt(27) width), beyond which a well vanishes.
        offset: constant added to the loss; it matters to noise that grows with the loss.

    Raises:
        ValueError: for a barrier or width that is not positive, or a tilt that leaves one well only.
    """

    def __init__(self, barrier: float = 0.25, width: float = 1.0, tilt: float = 0.0, offset: float = 0.0) -> None:
        require_positive(barrier=barrier, width=width)
        limit = 8 * barrier / (math.sqrt(27) * width)
        if not abs(tilt) < limit:
            raise ValueError(f"With |tilt| >= {limit:.6g} there is only one well; tilt is {tilt:g}.")
        # with x = width u: u^3 - u + tilt width/(4 barrier) = 0, whose three roots are real (Viete)
        angle = math.acos(-tilt / limit) / 3
        left, right = (width * 2 / math.sqrt(3) * math.cos(angle + turn) for turn in (2 * math.pi / 3, 0.0))
        self._from_formula(
            "barrier*((x/width)**2 - 1)**2 + tilt*x + offset",
            ("x",),
            {"barrier": barrier, "width": width, "tilt": tilt, "offset": offset},
            [(-2 * width, 2 * width)],
            start=[left],
            target=[right],
        )


class SharpFlatWell(ParametricLandscape):
    """A sharp and a flat valley of equal depth 0 behind one barrier, L = barrier (u(x)^2 - 1)^2.

    The map u is smooth and rises everywhere, so that L has exactly the minima u = -1 (sharp) and u = 1 (flat)
    and the top u = 0. It is the inverse of x = m u + s (sqrt(u^2 + 1/4) - 1/2), solved for u:

        u = (m X - s sqrt(X^2 + (m^2 - s^2)/4)) / (m^2 - s^2),  X = x + s/2,
        m = (q + p)/2,  s = sqrt(5)/4 (q - p),  p = sqrt(8 barrier/sharp),  q = sqrt(8 barrier/flat),

    which makes dx/du = p and q at the minima: L'' = sharp and flat there, exactly. L is analytic, grows like
    x^4 on both sides, and is the quartic double well where sharp = flat. The top lies at x = 0 with
    L'' = -16 barrier/(p + q)^2; keep p + q fixed in a sweep to keep it, and the distance p + q of the minima.

    Args:
        sharp: curvature of the valley at x < 0.
        flat: curvature of the valley at x > 0.
        barrier: height of the top above both minima.

    Raises:
        ValueError: for a value that is not positive, or curvatures whose ratio is not within 1/256 to 256.
    """

    def __init__(self, sharp: float = 8.0, flat: float = 1.0, barrier: float = 0.25) -> None:
        require_positive(sharp=sharp, flat=flat, barrier=barrier)
        if not 1 / 256 <= sharp / flat <= 256:
            raise ValueError(f"The ratio of the curvatures lies within 1/256 to 256; it is {sharp / flat:g}.")
        p, q = math.sqrt(8 * barrier / sharp), math.sqrt(8 * barrier / flat)
        m, s = (q + p) / 2, math.sqrt(5) / 4 * (q - p)

        def place(u: float) -> float:
            return m * u + s * (math.sqrt(u * u + 0.25) - 0.5)

        self._from_formula(
            _sharp_flat_formula(),
            ("x",),
            {"sharp": sharp, "flat": flat, "barrier": barrier},
            [(place(-2), place(2))],
            start=[place(-1)],
            target=[place(1)],
        )


def _sharp_flat_formula() -> str:
    p, q = "sqrt(8*barrier/sharp)", "sqrt(8*barrier/flat)"
    m, s = f"(({q} + {p})/2)", f"(sqrt(5)/4*({q} - {p}))"
    room = f"({m}**2 - {s}**2)"
    shifted = f"(x + {s}/2)"
    u = f"({m}*{shifted} - {s}*sqrt({shifted}**2 + {room}/4))/{room}"
    return f"barrier*(({u})**2 - 1)**2"


class TiltedCosine(ParametricLandscape):
    """A well in every period on a slope, L = barrier (1 - cos(2 pi x/period))/2 + tilt x.

    Args:
        barrier: height of the tops above the minima, without tilt.
        period: distance of the wells.
        tilt: mean slope; below pi barrier / period in size, beyond which the wells vanish.

    Raises:
        ValueError: for a barrier or period that is not positive, or a tilt that leaves no wells.
    """

    def __init__(self, barrier: float = 1.0, period: float = 2 * math.pi, tilt: float = 0.0) -> None:
        require_positive(barrier=barrier, period=period)
        limit = math.pi * barrier / period
        if not abs(tilt) < limit:
            raise ValueError(f"With |tilt| >= {limit:.6g} there are no wells; tilt is {tilt:g}.")
        bottom = -period / (2 * math.pi) * math.asin(tilt / limit)
        downhill = period if tilt <= 0 else -period
        low, high = sorted((bottom - 0.75 * downhill, bottom + 1.75 * downhill))
        self._from_formula(
            "barrier*(1 - cos(2*pi*x/period))/2 + tilt*x",
            ("x",),
            {"barrier": barrier, "period": period, "tilt": tilt},
            [(low, high)],
            start=[bottom],
            target=[bottom + downhill],
        )
