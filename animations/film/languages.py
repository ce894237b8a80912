"""The words on screen in other languages: a table from the English words to those of each.

Another language is another table and a row of :data:`LANGUAGES`; what stands in braces is filled in, and numbers get
the language's decimal mark where they are drawn.  A test holds every table against all that the films say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

GERMAN = {
    # clocks and counts
    "{time} per second": "{time} pro Sekunde",
    "time": "Zeit",
    "time (learning rate × iterations)": "Zeit (Lernrate × Iterationen)",
    "τ (learning rate × iterations)": "τ (Lernrate × Iterationen)",
    "iteration": "Iteration",
    "escaped {out} / {all}": "entkommen {out} / {all}",
    "{out} of {all} out": "{out} von {all} draußen",
    "{out} of {all} crossed": "{out} von {all} drüben",
    "{count} within {radius} of ×": "{count} näher als {radius} bei ×",
    "{count} outside the picture": "{count} außerhalb des Bildes",
    "outside the picture": "außerhalb des Bildes",
    "grid: {number}": "Gitter: {number}",
    "not yet in the target": "noch nicht im Ziel",
    "has been there": "war schon dort",
    "not yet across": "noch nicht drüben",
    "across": "drüben",
    "never out": "nie draußen",
    "has been beyond the dashes": "war jenseits der Striche",
    "target": "Ziel",
    # escapes
    "not yet escaped": "noch nicht entkommen",
    "τ grid {time}": "τ Gitter {time}",
    "τ paths {time}": "τ Pfade {time}",
    "τ formula {time}": "τ Formel {time}",
    "τ formula {time} (doubtful)": "τ Formel {time} (zweifelhaft)",
    "current J = {number}": "Strom J = {number}",
    "current J ≈ 0": "Strom J ≈ 0",
    "two valleys, the same barrier, the same learning rate η and batch size S":
        "zwei Täler, dieselbe Barriere, dieselbe Lernrate η und Batchgröße S",
    "the same valleys, η and S;  so far {ratios}": "dieselben Täler, η und S;  bisher {ratios}",
    "sharp": "steil",
    "flat": "flach",
    "sharp valley": "steiles Tal",
    "flat valley": "flaches Tal",
    "White noise": "Weißes Rauschen",
    "Hessian noise": "Hesse-Rauschen",
    "Gradient noise": "Gradientenrauschen",
    "White noise and jumps": "Weißes Rauschen und Sprünge",
    "Heavy tails": "Schwere Schwänze",
    "Loss-scaled noise": "Rauschen wie der Verlust",
    "constant": "konstant",
    # schedules
    "learning rate": "Lernrate",
    "batch size": "Batchgröße",
    "temperature": "Temperatur",
    "cosine from # to # over #": "Kosinus von # auf # in #",
    "warm-up from # to # in #": "Aufwärmen von # auf # in #",
    "from t = #": "ab t = #",
    "left at the end:": "am Ende noch da:",
    "grid {share}": "Gitter {share}",
    "paths {share}": "Pfade {share}",
    "quasi-static {share}": "quasistatisch {share}",
    "quasi-static {share} (doubtful)": "quasistatisch {share} (zweifelhaft)",
    # times against noise
    "Mean escape time τ against inverse noise": "Mittlere Fluchtzeit τ gegen inverses Rauschen",
    "paths ± 1σ": "Pfade ± 1σ",
    "exact": "exakt",
    "formula": "Formel",
    "formula more than {share} % off": "Formel über {share} % daneben",
    "formula more than {share} % off for the valley named": "Formel über {share} % daneben (im genannten Tal)",
    "points: paths   line: exact   dashes: formula   shaded: formula more than {share} % off":
        "Punkte: Pfade   Linie: exakt   Striche: Formel   grau: Formel über {share} % daneben",
    "and": "und",
    # the surface
    "Noisy descent from valley to valley": "Verrauschter Abstieg von Tal zu Tal",
    "most probable path": "wahrscheinlichster Pfad",
    "steepest descent": "steilster Abstieg",
    "border of the valleys": "Grenze der Täler",
    "saddle, L = {number}": "Sattel, L = {number}",
    "mean time τ": "mittlere Zeit τ",
    "{time} (grid)": "{time} (Gitter)",
    "{time} (Eyring-Kramers)": "{time} (Eyring-Kramers)",
    # the gate
    "Noise that dies where the curvature does": "Rauschen, das mit der Krümmung verschwindet",
    "SGD needs no floor: its finite steps jump the gate":
        "SGD braucht keinen Sockel: endliche Schritte überspringen das Tor",
    "gate": "Tor",
    "density (log scale)": "Dichte (logarithmisch)",
    "log₁₀ of floor ε": "log₁₀ des Sockels ε",
    "mean escape time τ": "mittlere Fluchtzeit τ",
    "last slope {number}": "Steigung {number}",
    "loss L": "Verlust L",
    "noise |L''|": "Rauschen |L''|",
    "arrow: drift at the gate": "Pfeil: Drift am Tor",
    "SGD, ε = 0": "SGD, ε = 0",
    "mean number of iterations": "mittlere Zahl der Iterationen",
    "exact {number}": "exakt {number}",
    "{count} chains {number}": "{count} Ketten {number}",
    "best single jump: z = √δ = {number}": "bester Einzelsprung: z = √δ = {number}",
    "share of particles never out": "Anteil der Teilchen, die nie draußen waren",
    "mean": "Mittel",
    # the shape of noise
    "One gradient noise, two histograms": "Ein Gradientenrauschen, zwei Histogramme",
    "{network} ({state}), {parameters} parameters, {examples} images":
        "{network} ({state}), {parameters} Parameter, {examples} Bilder",
    "trained": "trainiert",
    "initial": "am Anfang",
    "batch size S": "Batchgröße S",
    "across the parameters of one gradient": "über die Parameter eines Gradienten",
    "across batches, parameter by parameter": "über Batches, Parameter für Parameter",
    "Gaussian": "Gauß",
    "tail index": "Tail-Index",
    "tail index {number}": "Tail-Index {number}",
    "unlike variances alone: {number}": "nur ungleiche Varianzen: {number}",
    "excess kurtosis": "Exzess-Kurtosis",
    "exact: ∝ 1/S": "exakt: ∝ 1/S",
    # a network
    "A network leaves a valley, in all of its parameters": "Ein Netz verlässt ein Tal, in allen seinen Parametern",
    "{network}, all {parameters} parameters projected; SGD, {size} of {examples} images a step, η = {rate}":
        "{network}, alle {parameters} Parameter projiziert; SGD, {size} von {examples} Bildern je Schritt, η = {rate}",
    "u, along the way out": "u, längs des Wegs hinaus",
    "v, across": "v, quer dazu",
    "still inside": "noch drinnen",
    "thousands of iterations": "Tausend Iterationen",
    "has been out": "war draußen",
    "least-action path": "Weg kleinster Wirkung",
    "the barrier's height": "Höhe der Barriere",
    "out": "draußen",
    "{count} iterations": "{count} Iterationen",
    "mean, in thousands of iterations": "Mittel, in Tausend Iterationen",
    "these replicas: {number}": "diese Kopien: {number}",
    "{count} other exits: {number}": "{count} andere Austritte: {number}",
    "theory, nothing fitted: {number}": "Theorie, ohne Anpassung: {number}",
}  # fmt: skip
LANGUAGES: dict[str, dict[str, str]] = {"en": {}, "de": GERMAN}
COMMA = {"de"}
"""Languages that write 0,5 for a half; numbers of a list stand between semicolons then."""
_SPOKEN: ContextVar[str] = ContextVar("spoken", default="en")


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Within, what is drawn is written in ``language``."""
    mark = _SPOKEN.set(language)
    try:
        yield
    finally:
        _SPOKEN.reset(mark)


def written(text: str) -> str:
    """A line with its numbers as the language writes them; formulas between dollars stay."""
    if _SPOKEN.get() not in COMMA or "$" in text:
        return text
    return re.sub(r"(?<=\d)\.(?=\d)", ",", re.sub(r"(?<=\d), (?=[-−]?\d)", "; ", text))


def set_by_typst(source: str) -> str:
    """Mathematics for Typst, whose numbers are quoted where they have a comma, which would be punctuation."""
    return re.sub(r"\d+\.\d+", lambda found: f'"{written(found[0])}"', source) if _SPOKEN.get() in COMMA else source
