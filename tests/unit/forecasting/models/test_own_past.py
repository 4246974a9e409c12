"""What a load's own past teaches in its first weeks: no more than it tells."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtri

from forecasting.archive import Archive
from forecasting.clock import DAY_NS, HOUR_NS
from forecasting.models.own_past import OwnPast, OwnPastTrained
from forecasting.quantiles import LEVELS
from forecasting.scores import mean_pinball
from forecasting.targets import Kind, Place, Target

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


MARKET = Target("price", "price", np.inf, "market", place=PLACE)


def walking(days: int, seed: int) -> np.ndarray:
    """Prices (24 · days,) with a daily profile on a level that walks: .7 of a day's level stays for the next."""
    random = np.random.default_rng(seed)
    level = np.zeros(days)
    for day in range(1, days):
        level[day] = 0.7 * level[day - 1] + random.normal(0.0, 10.0)
    profile = 10.0 * np.sin(2 * np.pi * (np.arange(24) - 8) / 24)
    return (50.0 + level[:, None] + profile + random.normal(0.0, 2.0, (days, 24))).ravel()


def asked(target: Target, value: np.ndarray, days: int) -> tuple[OwnPastTrained, np.ndarray]:
    """What is said (48, Q) of the two days after the first `days` of hourly values."""
    ends = START + pd.to_timedelta(np.arange(1, 24 * days + 1), unit="h")
    now = START + pd.Timedelta(days=days)
    archive = Archive.empty().with_measurements(target.site, target.name, ends, value[: 24 * days], pd.Timedelta(0))
    leads = np.arange(49) * HOUR_NS
    trained = OwnPast().train(archive.as_of(now), [target], PLACE, leads, LEVELS)
    return trained, trained.quantiles(archive.as_of(now), now.as_unit("ns").value + leads)[target.name]


@pytest.mark.parametrize(("days", "least"), [(10, 0.75), (15, 0.85), (25, 0.85)])
def test_bands_of_prices_hold_what_they_say_in_the_first_weeks(days: int, least: float) -> None:
    """Days of a market move together: bands of what ten of them have shown held 56 %, of 25 days 77 %."""
    inside = []
    for seed in range(40):
        value = walking(days + 2, seed)
        _, said = asked(MARKET, value, days)
        came = value[24 * days :]
        inside.append(((came >= said[:, 0]) & (came <= said[:, -1])).mean())
    assert least < np.mean(inside) < 0.98


@pytest.mark.parametrize(("kind", "days", "learns"), [("price", 13, False), ("price", 15, True), ("wind", 20, False)])
def test_what_people_make_teaches_a_model_from_a_fortnight(kind: Kind, days: int, learns: bool) -> None:
    target = Target("one", kind, 1000.0, "market", place=PLACE)
    trained, _ = asked(target, walking(days + 2, 0), days)
    assert bool(trained.shown) is learns
    assert any("train a model" in note for note in trained.notes["one"]) is not learns
