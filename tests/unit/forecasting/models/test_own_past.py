"""What a load's own past teaches in its first weeks: no more than it tells."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtri

from forecasting.archive import Archive
from forecasting.clock import DAY_NS, HOUR_NS
from forecasting.models.own_past import OwnPast
from forecasting.quantiles import LEVELS
from forecasting.scores import mean_pinball
from forecasting.targets import Place, Target

PLACE = Place(52.0, 5.0, "Etc/UTC")
TARGET = Target("feeder", "net_load", 1000.0, "town", place=PLACE)
START = pd.Timestamp("2024-01-01T00:00Z")
SPREAD_KW = 50.0
AHEAD = np.arange(14, 63)


def test_days_that_tell_nothing_of_the_next_ones_teach_nothing_but_the_usual() -> None:
    """A feeder with wind behind it: each half day has a level of its own, and the best quantiles are the normal ones.

    Where 25 days were learnt by heart, the loss was 1.68 of the least there is.
    """
    days = 25
    losses = []
    for seed in range(8):
        level = np.random.default_rng(seed).normal(0.0, SPREAD_KW, 2 * (days + 4))
        value = 100.0 + np.repeat(level, 12)
        ends = START + pd.to_timedelta(np.arange(1, len(value) + 1), unit="h")
        archive = Archive.empty().with_measurements("town", "feeder", ends, value)
        issue_ns = START.as_unit("ns").value + days * DAY_NS
        known = archive.as_of(START + pd.Timedelta(days=days))
        trained = OwnPast().train(known, [TARGET], PLACE, AHEAD * HOUR_NS, LEVELS)
        assert trained.shown, "a model was trained"
        said = trained.quantiles(known, issue_ns + AHEAD * HOUR_NS)["feeder"]
        came = value[24 * days + AHEAD[:-1]]
        best = np.tile(100.0 + SPREAD_KW * ndtri(LEVELS), (len(came), 1))
        losses.append([mean_pinball(came, said, LEVELS), mean_pinball(came, best, LEVELS)])
    ours, least = np.mean(losses, axis=0)
    assert ours < 1.25 * least, ours / least
