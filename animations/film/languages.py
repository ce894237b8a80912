"""The words on screen in other languages: a table from the English words to those of each.

Another language is another table and a row of :data:`LANGUAGES`; what stands in braces is filled in, and numbers keep
their decimal point.  A test holds every table against all that the films say.
"""

from __future__ import annotations

GERMAN = {
    # clocks and counts
    "{time} per second": "{time} pro Sekunde",
    "{time} per s": "{time} pro s",
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
    "{words} over time": "{words} im Lauf der Zeit",
    "grid: {share} left": "Gitter: {share} noch da",
    "grid: {share} left at the end": "Gitter: am Ende {share} noch da",
    "paths: {share} left at the end": "Pfade: am Ende {share} noch da",
    "quasi-static: {share} left at the end": "quasistatisch: am Ende {share} noch da",
    "quasi-static: {share} left at the end (doubtful)": "quasistatisch: am Ende {share} noch da (zweifelhaft)",
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
    "last slope {number}": "letzte Steigung {number}",
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
}  # fmt: skip
LANGUAGES: dict[str, dict[str, str]] = {"en": {}, "de": GERMAN}
