"""What the founding document claims, measured on the reference parks: each row's reference is the claimed figure.

Days and methods are those of ``benchmarks/claims/days.yaml``; ``python -m benchmarks claims`` shows all of it.
"""

from __future__ import annotations

import math
import os
from functools import cache
from pathlib import Path

from benchmarks.claims.answers import Answer
from benchmarks.claims.cli import OUT
from benchmarks.claims.run import INPUTS, ParkDone, run_park
from benchmarks.claims.spec import read_spec
from benchmarks.rows import CannotMeasure, Measured, row

PARKS = {"A": "yizhuang", "B": "ordos", "C": "chifeng", "D": "sino_german", "E": "campus"}
# Bars are the claimed figure where it is of this very park, and else relations that must hold of any park.
WANTED = (
    ("utilisation of wind and PV", "%", "> 0", 100.0),
    ("joint dispatch: objective", "%", ">= 0", 100.0),
    ("joint dispatch: own use of wind and PV", "%", ">= -5", 100.0),
    ("earned by stores", "CNY a year", "> 0", 1.0),
)
OF_A_PARK = (("A", "clean share", "%", ">= 50", 100.0), ("B", "direct share", "%", ">= 80", 100.0))


@cache
def done(name: str) -> ParkDone:
    """A park, once per process; PARKWATT_CLAIMS names a folder to go on from."""
    spec = read_spec()
    return run_park(name, spec, spec.dates, Path(os.environ.get("PARKWATT_CLAIMS") or OUT))


def measured(name: str, metric: str, scale: float) -> Measured:
    """The first answer by a metric, beside the claimed figure."""
    answers: list[Answer] = [answer for answer in done(name).answers if answer.metric == metric]
    if not answers or not math.isfinite(answers[0].found.value):
        raise CannotMeasure(answers[0].note if answers else f"{metric} is not asked of {name}")
    claimed = answers[0].claim.value
    return Measured(scale * answers[0].found.value, None if claimed is None else scale * claimed)


def _register(letter: str, metric: str, unit: str, bar: str, scale: float) -> None:
    @row("studies", name=f"claims, park {letter}: {metric}", unit=unit, bar=bar, slow=True,
         inputs=(*INPUTS, "benchmarks/claims"))  # fmt: skip
    def value() -> Measured:
        return measured(PARKS[letter], metric, scale)


for _letter in PARKS:
    for _metric, _unit, _bar, _scale in WANTED:
        _register(_letter, _metric, _unit, _bar, _scale)
for _of in OF_A_PARK:
    _register(*_of)
