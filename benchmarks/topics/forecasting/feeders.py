"""Feeders against OpenSTEF in the same run: the same days, history, stored weather and levels.

rCRPS as OpenSTEF 4 defines it: twice the mean pinball loss over the levels, divided by the range of the measured values
between their quantiles .05 and .95. The last third of each file is tested, day ahead, trained anew every two weeks.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.datasets import openstef_examples
from benchmarks.datasets.openstef_examples import LEVELS, Feeder
from benchmarks.peers import openstef_beside
from benchmarks.rows import CannotMeasure, Measured, row
from forecasting.models.rhythm import Rhythm
from forecasting.quantiles import pinball

Floats = NDArray[np.float64]
INPUTS = (
    "forecasting/models",
    "forecasting/learners",
    "benchmarks/datasets/openstef_examples.py",
    "benchmarks/peers",
    "benchmarks/topics/forecasting/feeders.py",
    "locks/openstef.txt",
)
TRAINED_EVERY_DAYS = 14
THEIR_MODEL = "xgb"  # its default


def rcrps(actual: Floats, quantiles: Floats) -> float:
    """Relative continuous ranked probability score of quantiles (T, Q)."""
    low, high = np.nanquantile(actual, [0.05, 0.95])
    return float(2 * np.nanmean(pinball(actual, quantiles, LEVELS)) / (high - low))


def ours(feeder: Feeder) -> Floats:
    """Our quantiles (T, Q) of all test days one after the other."""
    trained, found = None, []
    for number, issue in enumerate(feeder.issues):
        known = feeder.archive.as_of(issue)
        edges_ns = feeder.edges(issue).as_unit("ns").asi8
        if trained is None or number % TRAINED_EVERY_DAYS == 0:
            trained = Rhythm().train(known, [feeder.target], feeder.place, edges_ns - known.time_ns, LEVELS)
        found.append(trained.quantiles(known, edges_ns)[feeder.target.name])
    return np.concatenate(found)


@cache
def both() -> tuple[float, float]:
    """Mean rCRPS over the feeders: ours, OpenSTEF's."""
    openstef_beside.interpreter()
    feeders = openstef_examples.feeders()
    if not feeders:
        raise CannotMeasure("no feeder is there")
    each = []
    for feeder in feeders:
        actual = np.concatenate([feeder.actual_kw(feeder.edges(issue)) for issue in feeder.issues])
        theirs = openstef_beside.quantiles_kw(feeder, THEIR_MODEL, TRAINED_EVERY_DAYS)
        each.append((rcrps(actual, ours(feeder)), rcrps(actual, theirs)))
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
