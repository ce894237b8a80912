"""Numbers in print: with as many digits as their errors allow, and as powers of e where no float holds them."""

from __future__ import annotations

import math


def digits(value: float, error: float) -> int:
    """Digits of ``value`` worth printing: two beyond the first digit of the error, between 3 and 12."""
    if value == 0 or not math.isfinite(value) or not math.isfinite(error):
        return 6
    return max(3, min(12, 2 + math.ceil(math.log10(min(abs(value) / error, 1e300)))))


def power_of_e(log_value: float, log_error: float) -> str:
    """``e^1234.567``: a number that no float holds, to its relative error."""
    return f"e^{log_value:.{digits(log_value, max(log_error, 1e-10))}g}"
