"""Feeders against OpenSTEF in the same run: the same days, history, stored weather and levels.

rCRPS as OpenSTEF 4 defines it: twice the mean pinball loss over the levels, divided by the range of the measured values
between their quantiles .05 and .95. The last third of each file is tested, day ahead, trained anew every two weeks.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from benchmarks.cases.feeders import THEIR_MODEL, TRAINED_EVERY_DAYS, score
from benchmarks.datasets import openstef_examples
from benchmarks.peers import openstef
from benchmarks.peers.parkwatt import quantiles_kw
from benchmarks.rows import CannotMeasure, Measured, row

INPUTS = (
    "forecasting/models",
    "forecasting/learners",
    "benchmarks/datasets/openstef_examples.py",
    "benchmarks/cases/feeders.py",
    "benchmarks/peers",
    "benchmarks/topics/forecasting/feeders.py",
    "locks/openstef.txt",
)


@cache
def both() -> tuple[float, float]:
    """Mean rCRPS over the feeders: ours, OpenSTEF's."""
    openstef.interpreter()
    feeders = openstef_examples.feeders()
    if not feeders:
        raise CannotMeasure("no feeder is there")
    each = []
    for feeder in feeders:
        theirs = openstef.quantiles_kw(feeder, THEIR_MODEL, TRAINED_EVERY_DAYS)
        each.append((score(feeder, quantiles_kw(feeder)), score(feeder, theirs)))
    return float(np.mean([a for a, _ in each])), float(np.mean([b for _, b in each]))


@row(
    "forecasting",
    name="feeders, day ahead: rCRPS (reference: OpenSTEF's own in the same run)",
    unit="1",
    bar="< 0.1",
    slow=True,
    inputs=INPUTS,
)
def feeders_rcrps() -> Measured:
    mine, theirs = both()
    return Measured(mine, theirs)


@row("forecasting", name="feeders, day ahead: rCRPS over OpenSTEF's", unit="1", bar="< 1", slow=True, inputs=INPUTS)
def feeders_ratio() -> float:
    mine, theirs = both()
    return mine / theirs
