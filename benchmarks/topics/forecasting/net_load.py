"""Net loads from load and sun apart where that is better, against the direct model, on sums of measured series."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from benchmarks.datasets import net_loads
from benchmarks.rows import CannotMeasure, row
from forecasting.clock import DAY_NS, utc_index
from forecasting.embedded import is_installed
from forecasting.models.load.net_load import DIRECT, NetLoad
from forecasting.observed import means_over
from forecasting.quantiles import LEVELS
from forecasting.scores import pinball

INPUTS = (
    "forecasting/models/load",
    "forecasting/models/solar",
    "forecasting/models/rhythm.py",
    "forecasting/learners",
    "forecasting/net_load_separation.py",
    "benchmarks/datasets",
    "benchmarks/topics/forecasting/net_load.py",
)
EVERY = 2  # days of the test


@dataclass(frozen=True)
class Score:
    """Of one meter: the way that the training period chose, pinball of it and of the direct model, coverage of it."""

    way: str
    loss: float
    direct_loss: float
    covered: float


@cache
def scores() -> tuple[Score, ...]:
    """Each meter trained once before PVOD's test and asked for every second day of it, as shares of the plant."""
    if not is_installed():
        raise CannotMeasure("the embedded profiles are not installed: pip install parkwatt[simbench]")
    data = net_loads.load()
    known = data.archive.as_of(utc_index(np.array([data.train_until_ns]))[0])
    later = data.archive.as_of(utc_index(np.array([int(data.issues_ns[-1]) + 7 * DAY_NS]))[0])
    found = []
    for target in data.targets:
        both = [
            model.train(known, [target], data.place, data.horizon_ns, LEVELS)
            for model in (NetLoad(), NetLoad(way=DIRECT))
        ]
        measured = later.measurements(target.site, target.name)
        came, said = [], []
        for issue in data.issues_ns[::EVERY]:
            edges, then = issue + data.horizon_ns, data.archive.as_of(utc_index(np.array([issue]))[0])
            came.append(means_over(measured, edges))
            said.append([one.quantiles(then, edges)[target.name] for one in both])
        actual, quantiles = np.concatenate(came), np.concatenate(said, axis=1)
        use = np.isfinite(actual)
        plant_kw = target.capacity_kw / net_loads.LIMIT_OVER_PLANT
        loss = [float(pinball(actual[use], each[use], LEVELS).mean()) / plant_kw for each in quantiles]
        inside = (actual >= quantiles[0][:, 0]) & (actual <= quantiles[0][:, -1])
        found.append(Score(both[0].parts[target.name].way, loss[0], loss[1], float(inside[use].mean())))
    return tuple(found)


@row("forecasting", name="net load, sun behind the meter: pinball over the direct model's, mean of meters", unit="1",
     bar="< 1", slow=True, inputs=INPUTS)  # fmt: skip
def net_load_over_direct() -> float:
    """PVOD's plants in front of embedded loads; the way was chosen on the training period."""
    return float(np.mean([score.loss for score in scores()]) / np.mean([score.direct_loss for score in scores()]))
