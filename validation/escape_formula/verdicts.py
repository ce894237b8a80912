"""Verdicts on the escape-time formula, one per assumption: tolerances fixed beforehand, numbers with their errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from validation.escape_formula.sweeps import Sweep
from validation.study.findings import Row, Rows
from validation.study.lines import straight_line
from validation.study.report import Verdict

if TYPE_CHECKING:
    from validation.escape_formula.measures import EscapeFormula

EXACT = 0.01
"""Of slopes and prefactors that are exact, and of the power of the floor."""
AT_SMALL_NOISE = 0.02
"""Exact over formula at kappa = 0.005."""
FINITE_RATE = 0.05
"""Of slopes of mini-batches, beside 5 standard errors: what a finite learning rate may still cost."""


def verdicts(found: EscapeFormula, sweeps: Sequence[Sweep], rows: Rows) -> tuple[Verdict, ...]:
    """All verdicts, model by model."""
    return (
        *_two_level(_of(rows, "two-level"), found.prefactor),
        *_floored(_of(rows, "floored"), found.floor, found.check),
        *_chain(_of(rows, "chain"), _symmetry(sweeps)),
        *_mini_batches(_of(rows, "mini-batches"), _of(rows, "surrogate")),
    )


def _symmetry(sweeps: Sequence[Sweep]) -> float:
    """Largest |difference of ln(iterations)| of chains that are the same: eta against H, and S against dL."""

    def iterations(model: str, variable: str) -> list[float]:
        found = next(s for s in sweeps if (s.model, s.variable) == (model, variable))
        return [
            v - (0.0 if model == "chain" else math.log(p.learning_rate))
            for v, p in zip(found.logs, found.settings, strict=True)
        ]

    halves = [(iterations(model, "1/eta"), iterations(model, "1/H")) for model in ("chain", "mini-batches")]
    halves.append((iterations("chain", "S")[1:4], iterations("chain", "dL")))
    return max(abs(a - b) for one, two in halves for a, b in zip(one, two, strict=True))


def _of(rows: Rows, model: str) -> Rows:
    return [row for row in rows if row["model"] == model]


def _worst(rows: Sequence[Row], key: str) -> float:
    return max(abs(row[key] - 1) for row in rows)


def _range(rows: Sequence[Row], key: str, form: str = ".3f") -> str:
    values = [row[key] for row in rows]
    return f"{min(values):{form}} to {max(values):{form}}"


def _by_variable(rows: Sequence[Row], text: Callable[[Row], str]) -> str:
    return ", ".join(f"{row['variable']} {text(row)}" for row in rows)


def _two_level(rows: Rows, prefactors: Rows) -> list[Verdict]:
    small = next(row for row in prefactors if row["kappa"] == 0.005)
    worst = max(abs(small[c] - 1) for c in ("ito", "stratonovich", "anti-ito"))
    return [
        Verdict(
            "two-level-slopes",
            "two-level noise, which the theorem assumes: slopes in S, 1/eta, dL and 1/H are the theorem's",
            _worst(rows, "slope / theory") <= EXACT and _worst(rows, "prefactor / theory") <= EXACT,
            f"slope / theory = 1 within {_worst(rows, 'slope / theory'):.1g}, prefactor / theory = 1 within "
            f"{_worst(rows, 'prefactor / theory'):.1g} (Ito, asymptote), tolerance {EXACT:g}; Pearson r "
            f"{_range(rows, 'Pearson r', '.6f')}",
        ),
        Verdict(
            "two-level-prefactors",
            "its prefactor is 2 pi/H_a (Ito), 2 pi/sqrt(H_a |H_b|) (Stratonovich), 2 pi/|H_b| (anti-Ito)",
            worst <= AT_SMALL_NOISE,
            f"exact / formula at kappa = 0.005: {small['ito']:.4f}, {small['stratonovich']:.4f}, "
            f"{small['anti-ito']:.4f}, tolerance {AT_SMALL_NOISE:g}",
        ),
        Verdict(
            "published-prefactor",
            "the published prefactor 2 pi/|H_b| is right for the Ito equation",
            abs(small["ito / published"] - 1) <= AT_SMALL_NOISE,
            f"exact / published = {small['ito / published']:.4f} at kappa = 0.005: it tends to |H_b|/H_a = 0.5",
            expected=False,
        ),
    ]


def _floored(rows: Rows, floors: Rows, checks: Rows) -> list[Verdict]:
    powers = [(k, *_power([r for r in floors if r["kappa"] == k])) for k in dict.fromkeys(r["kappa"] for r in floors)]
    worst = max(abs(power / delta - 1) for _, power, _, delta in powers)
    known = [r for r in checks if r["known (6 digits)"] == r["known (6 digits)"]]
    off = max(abs(r["quadrature"] / r["known (6 digits)"] - 1) for r in known)
    honest = all(abs(r["grid / quadrature"] - 1) <= 1e-3 or not r["grid says it converges"] for r in checks)
    silent = [f"{r['floor']:g}" for r in checks if not r["grid says it converges"]]
    return [
        Verdict(
            "floored-slopes",
            "|H| noise with a floor: slope and prefactor are those of int L'/D dx",
            _worst(rows, "slope / theory") <= EXACT and _worst(rows, "prefactor / theory") <= EXACT,
            f"slope / theory = 1 within {_worst(rows, 'slope / theory'):.1g}, prefactor / theory = 1 within "
            f"{_worst(rows, 'prefactor / theory'):.1g}, tolerance {EXACT:g}",
        ),
        _some_s(
            "floored-theorem", "|H| noise with a floor: theorem 3.2 describes the slope for some s in (0, 1)", rows
        ),
        Verdict(
            "floor-power",
            "its time grows like floor^(-delta), so that a time without its floor means nothing",
            worst <= EXACT,
            "; ".join(f"kappa = {k:g}: fitted {p:.4f} +- {e:.1g}, delta = {d:.4f}" for k, p, e, d in powers)
            + f"; tolerance {EXACT:g}",
        ),
        Verdict(
            "check-values",
            "quadrature gives the check values to six digits; the grid agrees or says that it does not converge",
            off <= 1e-5 and honest,
            f"quadrature within {off:.1g}; grid within 1e-3 of it or not converging, as it says at floor "
            f"{', '.join(silent) or '(none)'}",
        ),
    ]


def _power(rows: Rows) -> tuple[float, float, float]:
    """Fitted power of 1/floor over the three smallest floors, its error, and delta."""
    line = straight_line(-np.log([r["floor"] for r in rows[-3:]]), [r["ln time"] for r in rows[-3:]])
    return line.slope, line.slope_error, rows[0]["delta"]


def _some_s(key: str, claim: str, rows: Rows) -> Verdict:
    holds = all(0 < row["s needed"] < 1 for row in rows)
    needed = _by_variable(rows, lambda r: format(r["s needed"], ".2f"))
    return Verdict(key, claim, holds, f"s needed: {needed}", expected=False)


def _chain(rows: Rows, symmetry: float) -> list[Verdict]:
    batches = [row for row in rows if row["variable"] == "S"]
    small = [row for row in rows if row["variable"] != "S" or row["eta"] == 0.1]  # all that reach eta H = 0.2
    worst = max(abs(row["slope / theory"] - 1) for row in batches)
    slopes = [
        f"eta = {r['eta']:g}: {r['slope / theory']:.4f} +- {r['error']:.1g} (s needed {r['s needed']:.2f})"
        for r in batches
    ]
    return [
        Verdict(
            "chain-quasipotential",
            "discrete chain: ln(iterations) ~ S V with the discrete quasi-potential V",
            worst <= EXACT,
            f"slope / V, {'; '.join(slopes)}; tolerance {EXACT:g}",
        ),
        Verdict(
            "chain-straight",
            "on the chain ln(iterations) lies on a straight line against S, 1/eta, dL and 1/H: Pearson r > 0.99",
            min(row["Pearson r"] for row in rows) > 0.99,
            f"r: {_by_variable(rows, lambda r: format(r['Pearson r'], '.5f'))}",
        ),
        _some_s(
            "chain-theorem", "so theorem 3.2 describes a chain that reaches eta H_a = 0.2 for some s in (0, 1)", small
        ),
        Verdict(
            "chain-symmetries",
            "eta and H enter a chain only as eta H, S and dL only as S dL: four experiments are two",
            symmetry <= 1e-6,
            f"ln(iterations) differ by at most {symmetry:.1g} (exact chains, and mini-batches with the same seed)",
        ),
    ]


def _mini_batches(rows: Rows, surrogate: Rows) -> list[Verdict]:
    fine = all(abs(row["slope / theory"] - 1) <= FINITE_RATE + 5 * row["error"] for row in rows)
    rate, gauss = next(row for row in rows if row["variable"] == "1/eta"), surrogate[0]
    ratio, error = rate["slope"] / gauss["slope"], rate["error"] * rate["slope"] / gauss["slope"]
    needed = [row["s needed"] for row in rows]
    slopes = _by_variable(rows, lambda r: f"{r['slope / theory']:.3f} +- {r['error']:.2g}")
    factors = _by_variable(rows, lambda r: f"{r['prefactor / theory']:.2f}")
    return [
        Verdict(
            "batches-cramer",
            "true mini-batches: ln(iterations) grows with Cramer's exponent",
            fine,
            f"slope / theory: {slopes}; prefactor / theory: {factors}; tolerance {FINITE_RATE:g} + 5 errors",
        ),
        Verdict(
            "batches-gaussian",
            "their slope is that of Gaussian noise of the same covariance (any SDE)",
            abs(ratio - 1) <= FINITE_RATE + 5 * error,
            f"measured / Gaussian = {ratio:.3f} +- {error:.2g}; the exponents' ratio by theory is "
            f"{rate['slope'] / rate['slope / theory'] / gauss['slope'] * gauss['slope / theory']:.4f}",
            expected=False,
        ),
        Verdict(
            "surrogate-kramers",
            "Gaussian surrogate noise tends to the SDE's slope and prefactor as eta falls",
            abs(gauss["slope / theory"] - 1) <= EXACT and abs(gauss["prefactor / theory"] - 1) <= 5 * EXACT,
            f"slope / theory = {gauss['slope / theory']:.5f} +- {gauss['error']:.1g}, prefactor / theory = "
            f"{gauss['prefactor / theory']:.4f} +- {gauss['prefactor error']:.1g}",
        ),
        Verdict(
            "batches-theorem",
            "one s in (0, 1) fits all four sweeps of true mini-batches (C1 = H_a at the minimum)",
            min(needed) > 0 and max(needed) < 1 and max(needed) - min(needed) <= 0.1,
            f"s needed: {_by_variable(rows, lambda r: format(r['s needed'], '.2f'))}, with Pearson r "
            f"{_range(rows, 'Pearson r', '.4f')}: a free s can fit one sweep, not all",
            expected=False,
        ),
    ]


def assumptions(rows: Rows, prefactors: Rows, floors: Rows) -> Rows:
    """What dropping each assumption of theorem 3.2 costs."""
    coarse, fine = prefactors[0], next(r for r in prefactors if r["kappa"] == 0.005)
    growth = floors[-1]["ln time"] - next(r for r in floors if r["kappa"] == floors[-1]["kappa"])["ln time"]
    chain = next(r for r in rows if r["model"] == "chain" and r["variable"] == "S")
    floored = next(r for r in rows if r["model"] == "floored")
    batch = {r["variable"]: r for r in rows if r["model"] == "mini-batches"}
    needed = {name: f"s = {row['s needed']:.2f}" for name, row in {**batch, "chain": chain, "floored": floored}.items()}
    found = [
        (
            "low noise",
            f"exact / formula (Ito) = {coarse['ito']:.3f} at kappa = {coarse['kappa']:g}, {fine['ito']:.3f} at 0.005",
            "a correction of order kappa; harmless",
        ),
        (
            "convention",
            f"exact Ito time / published formula = {fine['ito / published']:.3f}",
            "a factor in the prefactor; slope safe",
        ),
        (
            "noise frozen at two levels",
            f"|H| with a floor of 0.05 H_a needs {needed['floored']}",
            "the slope is wrong for every s",
        ),
        (
            "noise that nowhere vanishes",
            f"e^{growth:.1f} longer when the floor falls 1e5-fold (kappa = {floors[-1]['kappa']:g})",
            "the time has no limit",
        ),
        (
            "continuous time",
            f"the chain at eta H_a = 0.2 needs {needed['chain']}, with Pearson r = {chain['Pearson r']:.6f}",
            "the slope is wrong for every s",
        ),
        (
            "Gaussian noise",
            f"mini-batches need {needed['1/eta']} (1/eta) and {needed['dL']} (dL)",
            "the slope is Cramer's; no single s",
        ),
    ]
    return [{"assumption": a, "measured when dropped": m, "consequence": c} for a, m, c in found]
