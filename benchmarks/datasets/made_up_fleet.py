"""A made-up fleet: wind farms, photovoltaic plants and loads of quarter-hours, with a run of weather of 96 h each day.

For speed only: no data set given here holds a year of a hundred sites with forecasts four days ahead. Weather is a
red-noise truth with a part that all sites share; its forecasts err by red noise that grows with the lead. Power follows
from it by a curve, a gain of each site's own and noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.signal import lfilter

from forecasting.archive import Archive
from forecasting.archive.rows import MEASURED_NS, Rows
from forecasting.clock import DAY_NS, HOUR_NS, MINUTE_NS, Ns
from forecasting.models.fleet.panel import suns
from forecasting.targets import Kind, Place, Target

Floats = NDArray[np.float64]
STEP_NS = 15 * MINUTE_NS
PER_DAY, REACH_H = 96, 97
KINDS: tuple[Kind, ...] = ("wind", "pv", "load", "wind", "pv")


@dataclass(frozen=True, eq=False)
class Made:
    """The archive, the sites, and the issue after the last day."""

    archive: Archive
    targets: tuple[Target, ...]
    place: Place
    issue_ns: int
    edges_ns: Ns
    start_ns: int
    actual: Floats  # (S, N) all quarter-hours, to the end of the horizon


def make(sites: int, days: int, seed: int = 0) -> Made:
    """So many sites with so many days of history and a horizon of four days."""
    rng = np.random.default_rng(seed)
    start_ns = int(pd.Timestamp("2021-01-01").as_unit("ns").value)
    count = (days + 5) * PER_DAY
    start = start_ns + np.arange(count, dtype=np.int64) * STEP_NS
    places = [Place(float(rng.uniform(30, 50)), float(rng.uniform(0, 20)), "Europe/Berlin") for _ in range(sites)]
    shared = _red(rng, 1, count)
    clear = suns(start + STEP_NS // 2, places)[1]
    rows: dict[tuple[str, str], Rows] = {}
    targets, actual = [], np.empty((sites, count))
    for k, place in enumerate(places):
        kind = KINDS[k % len(KINDS)]
        site, name = f"site_{k:03d}", f"power_{k:03d}"
        state = np.sqrt(0.5) * shared[0] + np.sqrt(0.5) * _red(rng, 1, count)[0]
        truth, actual[k] = _power(rng, kind, state, clear[k], start)
        if kind != "load":
            variable = "wind_speed_100m" if kind == "wind" else "shortwave_radiation"
            rows[site, variable] = _runs(rng, truth, clear[k] if kind == "pv" else None, start_ns, days)
        end = start + STEP_NS
        past = actual[k, : days * PER_DAY]
        rows[site, name] = _rows(np.full(len(past), MEASURED_NS), end[: len(past)], end[: len(past)] + STEP_NS, past)
        targets.append(Target(name, kind, 1000.0, site, place=place))
    issue_ns = start_ns + days * DAY_NS
    edges = issue_ns + np.arange(385) * STEP_NS
    return Made(Archive.of_rows(rows), tuple(targets), places[0], issue_ns, edges, start_ns, actual)


def _red(rng: np.random.Generator, rows: int, count: int, memory_h: float = 18.0) -> Floats:
    keep = np.exp(-0.25 / memory_h)
    noise = rng.standard_normal((rows, count)) * np.sqrt(1 - keep**2)
    return np.asarray(lfilter([1.0], [1.0, -keep], noise, axis=1))


def _power(rng: np.random.Generator, kind: Kind, state: Floats, clear: Floats, start: Ns) -> tuple[Floats, Floats]:
    """What the weather is (speed or radiation) and the power [kW] of 1 000 kW (N,)."""
    gain, noise = rng.uniform(0.7, 1.0), 0.03 * _red(rng, 1, len(state), 2.0)[0]
    if kind == "wind":
        speed = np.maximum(7.5 + 3.2 * state, 0.0)
        share = gain / (1 + np.exp(-(speed - 8.5) / 1.4))
        return speed, 1000 * np.clip(share + noise, 0, 1)
    if kind == "pv":
        radiation = clear / (1 + np.exp(-(state + 0.6) * 1.5))
        return radiation, 1000 * np.clip(gain * radiation / 1000 * (1 + noise), 0, 1)
    hour, weekend = (start % DAY_NS) / HOUR_NS, (start // DAY_NS + 3) % 7 >= 5
    shape = 0.35 + 0.4 * gain * np.exp(-(((hour - 13) / 4.5) ** 2)) * np.where(weekend, 0.4, 1.0)
    return state, 1000 * np.clip(shape + 0.05 * state + noise, 0, 1)


def _runs(rng: np.random.Generator, truth: Floats, clear: Floats | None, start_ns: int, days: int) -> Rows:
    """A run a day at 00 UTC, available six hours before the day begins, of hourly stamps up to 96 h ahead."""
    run, lead = np.arange(days + 1)[:, None], np.arange(REACH_H)[None, :]
    at = run * PER_DAY + lead * 4
    error = _red(rng, days + 1, REACH_H, 6.0) * (0.15 + 0.5 * lead / REACH_H)
    if clear is None:
        value = np.maximum(truth[at] + 3.0 * error, 0.0)
    else:
        before = np.maximum(at[..., None] - 1 - np.arange(4), 0)  # a mean over the hour that ends at the stamp
        value = np.clip(truth[before].mean(axis=-1) + 0.5 * error * clear[before].mean(axis=-1), 0.0, None)
    issue = np.broadcast_to(start_ns + run * DAY_NS - 6 * HOUR_NS, at.shape)
    valid = start_ns + at * STEP_NS
    return _rows(issue.ravel(), valid.ravel(), issue.ravel(), value.ravel())


def _rows(issue: Ns, valid: Ns, available: Ns, value: Floats) -> Rows:
    member = np.zeros(len(value), dtype=np.int32)
    return Rows(np.asarray(issue), np.asarray(valid), np.asarray(available), member, np.asarray(value)).sorted()
