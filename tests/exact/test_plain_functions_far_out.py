"""Losses without derivatives: far out, differences over one length see nothing, so Feller's test must not ask there."""

import numpy as np
import pytest

from fpsim import SDE, ConstantDiffusion, EscapeProblem
from landscapes import Landscape


@pytest.mark.parametrize("power", [2, 4])
@pytest.mark.parametrize("bounds", [[(-2, 2)], [(-3, 5)], None])
def test_a_bowl_of_plain_functions_confines(power: int, bounds: object) -> None:
    formula = Landscape.from_expression(f"x**2/2 + x**{power}/8", bounds=[(-2, 2)])
    plain = Landscape(lambda x: x[0] ** 2 / 2 + x[0] ** power / 8, bounds=bounds)
    noise = ConstantDiffusion(0.5)
    exact, found = (EscapeProblem(SDE(one, noise), 0.0, 1.0).by_quadrature() for one in (formula, plain))
    np.testing.assert_allclose(found.mean, exact.mean, rtol=1e-8)


def test_one_that_does_not_confine_is_still_refused() -> None:
    flat = Landscape(lambda x: np.log1p(x[0] ** 2) / 4, bounds=[(-2, 2)])
    with pytest.raises(ValueError, match="does not confine"):
        EscapeProblem(SDE(flat, ConstantDiffusion(1.0)), 0.0, 1.0).by_quadrature()
