"""What CONTRIBUTING promises of a noise model, for every row of a table; a new model is covered by adding its row.

`check_noise(noise, landscape)` holds for anybody's own model too.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fpsim
import landscapes
from fpsim.kernels.random_numbers import Stream
from fpsim.noise.borrowed import NoiseOf, StepNoise
from fpsim.noise.examples import ExampleCovariance
from fpsim.noise.model import Diffusion
from fpsim.paths import numpy_kernels as twin
from fpsim.paths.edges import Edges
from fpsim.paths.simulate import simulate
from fpsim.paths.step import numpy_step

ROOT = Path(__file__).parents[2]
SGD = {"learning_rate": 0.2, "batch_size": 4}
WELL, PLANE = (
    landscapes.DoubleWell(),
    landscapes.Landscape.from_expression("(x**2 - 1)**2/4 + y**2 + x*y/3", variables="x y", bounds=[(-2, 2), (-2, 2)]),
)
DATA = landscapes.DatasetLandscape.from_expression(
    "(x - u)**2/2 + u*x**3/6", data={"u": [-1.0, 0.5, 1.5]}, bounds=[(-2, 2)]
)
RAISED = landscapes.DoubleWell(offset=0.2)
RAISED_PLANE = landscapes.Landscape.from_expression(
    "(x**2 - 1)**2/4 + y**2 + x*y/3 + 0.3", variables="x y", bounds=[(-2, 2), (-2, 2)]
)
CIRCLING = landscapes.DriftField.from_expression(["-x + y", "-x - y**3"], variables="x y", bounds=[(-2, 2), (-2, 2)])
HESSIAN = fpsim.HessianDiffusion(**SGD, at="everywhere", floor=0.5)
SMOOTH = fpsim.HessianDiffusion(**SGD, at="everywhere", floor=0.5, floor_shape="smooth", injected=0.01)
LOSS = fpsim.LossScaledDiffusion(**SGD, curvature=1.7)
LOSS_SHAPED = fpsim.LossScaledDiffusion(**SGD, shape="hessian", floor=0.5)
LOSS_SMOOTH = fpsim.LossScaledDiffusion(**SGD, shape="hessian", floor=0.5, floor_shape="smooth")
FIELD = fpsim.DiffusionField.from_expression("a + x**2/4", a=0.3)
TENSOR = fpsim.DiffusionField.from_expression([["2 + x*y/4", "x/3"], ["x/3", "1 + y**2"]], variables="x y")

SPACE = landscapes.Landscape.from_expression(
    "(x**2 - 1)**2/4 + y**2 + x*y/3 + z**2/2", variables="x y z", bounds=[(-2, 2)] * 3
)
TENSOR_3 = fpsim.DiffusionField.from_expression(
    [["2 + x*y/4", "x/3", "z/5"], ["x/3", "1 + y**2", "1/4"], ["z/5", "1/4", "1 + x**2/4"]], variables="x y z"
)
RANK_2 = fpsim.DiffusionField.from_expression(
    [["1", "x", "y"], ["x", "1 + x**2", "x*y + z"], ["y", "x*y + z", "y**2 + z**2"]], variables="x y z"
)

NOISES = {
    "number": (fpsim.ConstantDiffusion(0.3), WELL),
    "vector": (fpsim.ConstantDiffusion([0.3, 0.2]), PLANE),
    "matrix": (fpsim.ConstantDiffusion([[0.3, 0.1], [0.1, 0.2]]), CIRCLING),
    "hessian": (HESSIAN, WELL),
    "hessian, smooth": (SMOOTH, WELL),
    "hessian, plane": (SMOOTH, PLANE),
    "hessian at the minimum": (fpsim.HessianDiffusion(**SGD, at="minimum", minimum=-1.0), WELL),
    "two levels": (fpsim.HessianDiffusion(**SGD, at="path", minimum=-1.0, saddle=0.0, climb_fraction=0.4), WELL),
    "formula": (FIELD, WELL),
    "tensor of formulas": (TENSOR, CIRCLING),
    "tensor of formulas, space": (TENSOR_3, SPACE),
    "tensor of rank two, space": (RANK_2, SPACE),
    "function": (fpsim.DiffusionField(lambda x: 0.2 + np.sin(x[0]) ** 2, 1), WELL),
    "covariance": (fpsim.GradientNoise(**SGD, covariance=FIELD), WELL),
    "covariance, a number": (fpsim.GradientNoise(**SGD, covariance=1.5), WELL),
    "loss": (LOSS, RAISED),
    "loss, plane": (LOSS, RAISED_PLANE),
    "loss, hessian": (LOSS_SHAPED, RAISED),
    "loss, hessian, plane": (LOSS_SMOOTH, RAISED_PLANE),
    "stable, alpha = 2": (fpsim.LevyNoise(2.0, 0.7), PLANE),
    "examples": (fpsim.GradientNoise(**SGD, covariance=DATA), DATA),
    "examples alone": (ExampleCovariance(DATA, 0.1), DATA),
    "borrowed": (NoiseOf(SMOOTH, WELL), landscapes.Landscape.from_expression("x**2/2", bounds=[(-2, 2)])),
    "single steps": (StepNoise(HESSIAN), WELL),
}
NUMBERS = {"number": ["0.3"], "hessian": ["0.2", "4", "0.5"], "hessian, smooth": ["0.2", "4", "0.5", "0.01"],
           "two levels": ["0.2", "4", "0.4"], "formula": ["0.3"], "covariance, a number": ["0.2", "4", "1.5"],
           "matrix": ["0.3", "0.1", "0.2"],
           "stable, alpha = 2": ["2", "0.7"],
           "loss": ["0.2", "4", "1.7"], "loss, hessian": ["0.2", "4", "0.5"],
           "examples alone": ["0.1"], "borrowed": ["0.2", "4", "0.5", "0.01"]}  # fmt: skip


def points(landscape, count=7) -> np.ndarray:
    """Points in the box, away from its middle; the same ones always."""
    low, high = np.array(landscape.bounds).T
    return (low + (high - low) * (0.1 + 0.8 * np.random.default_rng(5).random((count, len(low))))).T


def check_tensor(noise: Diffusion, landscape) -> None:
    """Shape (d, d, ...) for any shape of points, symmetric, no negative eigenvalue, and as its structure says."""
    x, d = points(landscape, 6), landscape.dimension
    noise.requires(landscape)
    found = noise.tensor(landscape, x)
    assert found.shape == (d, d, 6)
    np.testing.assert_array_equal(noise.tensor(landscape, x.reshape(d, 2, 3)), found.reshape(d, d, 2, 3))
    np.testing.assert_allclose(found, np.swapaxes(found, 0, 1), rtol=1e-12, atol=1e-300)
    assert np.linalg.eigvalsh(np.moveaxis(found, -1, 0)).min() >= -1e-14 * np.abs(found).max()
    off = found * (1 - np.eye(d)[..., None])
    structure = noise.structure(landscape)
    assert structure == "full" or not off.any()
    assert structure != "isotropic" or np.ptp(np.einsum("ii...->i...", found), axis=0).max() == 0
    assert not noise.is_constant or np.ptp(found, axis=-1).max() == 0


def check_divergence(noise: Diffusion, landscape) -> None:
    """The divergence against differences of D, away from its breaks."""
    x = points(landscape)
    try:
        noise.require_divergence()
    except ValueError:
        with pytest.raises(ValueError, match="kink"):
            noise.divergence(landscape, x)
        return
    expected, step = np.zeros_like(x), 1e-5
    for j in range(len(x)):
        moved = step * np.eye(len(x))[:, j : j + 1]
        expected += (noise.tensor(landscape, x + moved) - noise.tensor(landscape, x - moved))[:, j] / (2 * step)
    np.testing.assert_allclose(
        noise.divergence(landscape, x), expected, rtol=1e-6, atol=1e-7 * max(1, np.abs(expected).max())
    )


def check_kicks(noise: Diffusion, landscape) -> None:
    """Kicks have covariance 2 D, `along` is n . D n, and the formula of a root gives the same kick to 1e-12."""
    x, sde = points(landscape, 3), fpsim.SDE(landscape, noise)
    tensor = sde.diffusion(x)
    roots = np.stack([sde.kick(x, np.broadcast_to(e[:, None], (sde.normals, 3))) for e in np.eye(sde.normals)])
    np.testing.assert_allclose(np.einsum("ni...,nj...->ij...", roots, roots), 2 * tensor, rtol=1e-11, atol=1e-13)
    n = np.random.default_rng(6).standard_normal(x.shape)
    np.testing.assert_allclose(sde.along(x, n), np.einsum("i...,ij...,j...->...", n, tensor, n), rtol=1e-11)
    if sde.symbolic is None or sde.normals != sde.dimension:
        return
    start = x[:, 0]
    compiled = simulate(sde, start, 0.04, 0.01, 5, 4, seed=3).x[-1].T
    walked = twin.walk(
        np.repeat(start[:, None], 5, axis=1), 0, 0, 4, numpy_step(sde, 0.01, Edges(sde, None, start)), 3,
        Stream.INCREMENTS,
    )[0]  # fmt: skip
    np.testing.assert_allclose(compiled, walked, rtol=1e-12, atol=1e-12)


def check_breaks(noise: Diffusion, landscape) -> None:
    """On a line: where D jumps or has a kink (smoothed, perhaps), and nowhere else."""
    found = noise.breaks(landscape, -1.9, 1.9)
    assert not noise.is_constant or found.size == 0
    if found is None:
        return
    assert (np.diff(found) > 0).all() and ((found > -1.9) & (found < 1.9)).all()
    for place in found if getattr(noise, "inner", noise) is not SMOOTH else ():
        h = np.array([1e-3, 5e-4])
        near = noise.tensor(landscape, place + np.array([-1.0, 0.0, 1.0])[:, None] * h + np.zeros((1, 3, 2)))[0, 0]
        bend = np.abs(near[0] - 2 * near[1] + near[2])
        assert bend[1] > 0.4 * bend[0] and bend[0] > 0  # a smooth D has a quarter left
    x = np.linspace(-1.9, 1.9, 2001)[None]
    third = np.abs(np.diff(noise.tensor(landscape, x)[0, 0], 3))
    rough = x[0, 1:-2][third > 1e-6 * np.ptp(noise.tensor(landscape, x)[0, 0])]
    assert all(np.abs(found - place).min(initial=np.inf) < 0.01 for place in rough)


CHECKS = {check.__name__: check for check in (check_tensor, check_divergence, check_kicks)}


def check_noise(noise: Diffusion, landscape) -> None:
    """All that is promised of any model on a landscape with a box."""
    for check in CHECKS.values():
        check(noise, landscape)
    if landscape.dimension == 1:
        check_breaks(noise, landscape)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", NOISES)
def test_promises(name: str, check: str):
    CHECKS[check](*NOISES[name])


@pytest.mark.parametrize("name", [name for name, (_, landscape) in NOISES.items() if landscape.dimension == 1])
def test_breaks_are_where_d_is_not_smooth(name: str):
    check_breaks(*NOISES[name])


BEND = [-(3**-0.5), 3**-0.5]  # of (x^2 - 1)^2/4
BREAKS = {
    **dict.fromkeys(["hessian", "loss, hessian", "borrowed", "single steps"], BEND),
    "two levels": [-np.sqrt(1 - np.sqrt(0.4))],
}


@pytest.mark.parametrize("name", BREAKS)
def test_breaks_that_are_known_are_told(name: str):
    noise, landscape = NOISES[name]
    np.testing.assert_allclose(noise.breaks(landscape, -1.9, 1.9), BREAKS[name], atol=1e-12)


@pytest.mark.parametrize("name", NUMBERS)
def test_words_hold_every_number(name: str):
    words = str(NOISES[name][0])
    assert all(number in words for number in NUMBERS[name]), words


@pytest.mark.parametrize("name", [n for n, (noise, _) in NOISES.items() if noise.strength is not None])
def test_scaled_by_the_strength(name: str):
    noise, landscape = NOISES[name]
    x, twice = points(landscape), noise.scaled(2.0)
    np.testing.assert_allclose(twice.tensor(landscape, x), 2 * noise.tensor(landscape, x), rtol=1e-13)
    assert twice.strength == (noise.strength[0], pytest.approx(2 * noise.strength[1]))


@pytest.mark.parametrize(
    ("noise", "words"),
    [
        (HESSIAN, "drift field, which has no Hessian"),
        (LOSS, "needs a landscape with a loss"),
        (FIELD, "2 dimensions, but the diffusion has 1"),
        (fpsim.ConstantDiffusion([1.0, 1.0, 1.0]), "2 dimensions, but the diffusion has 3"),
        (fpsim.GradientNoise(**SGD, covariance=DATA), "2 dimensions, but the examples have 1"),
        (fpsim.GradientNoise(**SGD, covariance=FIELD), "2 dimensions, but the diffusion has 1"),
        (NoiseOf(HESSIAN, CIRCLING), "drift field, which has no Hessian"),
    ],
)
def test_a_landscape_that_lacks_what_d_is_made_of_is_refused(noise: Diffusion, words: str):
    with pytest.raises(ValueError, match=words):
        fpsim.SDE(CIRCLING, noise)


TYPED = """
from fpsim import SDE, ConstantDiffusion, HessianDiffusion
from landscapes import DoubleWell, DriftField

noise = HessianDiffusion(learning_rate=0.1, batch_size=1, at="everywhere", floor=0.1)
circling = DriftField.from_expression(["-x"])
print(SDE(DoubleWell(), noise), SDE(circling, ConstantDiffusion(0.1)))
SDE(circling, noise)  # line 8
"""


@pytest.mark.slow
def test_mypy_sees_a_drift_field_under_a_noise_that_wants_a_hessian(tmp_path: Path):
    pytest.importorskip("mypy")
    (tmp_path / "program.py").write_text(TYPED)
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(tmp_path / "program.py")]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300).stdout.strip().splitlines()
    assert len(told) == 1 and "program.py:8: error:" in told[0] and "SDE" in told[0], told


ASKS_STILL = ROOT / "fpsim/action/systems.py"


def test_outside_its_folder_nobody_asks_which_model_a_noise_is():
    models = {node.name for path in (ROOT / "fpsim/noise").glob("*.py")
              for node in ast.walk(ast.parse(path.read_text()))
              if isinstance(node, ast.ClassDef)} - {"Diffusion"}  # fmt: skip
    assert {"HessianDiffusion", "NoiseOf", "MiniBatchNoise"} <= models
    wrong = []
    for package in ("fpsim", "validation", "animations"):
        for path in (ROOT / package).rglob("*.py"):
            if path.is_relative_to(ROOT / "fpsim/noise") or path == ASKS_STILL:
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) >= 2):
                    continue
                names = {n.id for n in ast.walk(node.args[1]) if isinstance(n, ast.Name)}
                asked = ast.unparse(node.args[0]).split(".")[-1]
                by_name = node.func.id in ("getattr", "hasattr") and asked == "noise"
                if by_name or (node.func.id == "isinstance" and names & models):
                    wrong.append(f"{path.relative_to(ROOT)}, line {node.lineno}: {ast.unparse(node)}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        ([["0.2", "0.1*x"], ["0.01*x", "0.2"]], "D.x. must be symmetric"),
        ([["0.2", "0.3"], ["0.3", "0.2"]], "lowest eigenvalue -0.1"),
        (["0.2", "-0.1"], "must be positive"),
    ],
)
def test_formulas_that_are_no_diffusion_are_refused_where_they_are_given(texts: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        fpsim.DiffusionField.from_expression(texts, variables="x y")


def test_a_full_field_is_written_as_a_matrix() -> None:
    field = fpsim.DiffusionField.from_expression([["0.2", "0.1*x"], ["0.1*x", "0.2"]], variables="x y")
    assert str(field) == "D(x) = [['0.2', '0.1*x'], ['0.1*x', '0.2']]"


def test_functions_that_are_not_symmetric_are_refused_at_their_first_use() -> None:
    field = fpsim.DiffusionField(lambda x: np.array([[0 * x[0] + 1, x[0]], [0 * x[0], 0 * x[0] + 1]]), 2, "full")
    with pytest.raises(ValueError, match=r"at x = \[1.0, 0.0\] its entry \(0, 1\) is 1 and its entry \(1, 0\) 0"):
        field.tensor(landscapes.MuellerBrown(), np.array([1.0, 0.0]))
