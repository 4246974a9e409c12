"""Columns of feature rows of many sites (S, I, H): shares of each site's own scale, so that sites are alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.archive.known import Known
from forecasting.clock import DAY_NS, HOUR_NS, Ns
from forecasting.features import by_calendar
from forecasting.learners.base import Frame
from forecasting.models.fleet.panel import Panel, Steps, calendar, suns, weather_of
from forecasting.targets import Place, Target

Floats = NDArray[np.float64]
DAYS_BACK = (1, 2, 3, 7)
BACK_DAYS = 9  # how far back a row looks
STATE_H = (3, 24, 168)


@dataclass(frozen=True, eq=False)
class Sites:
    """Targets of one kind, their places, the weather they have in common, and what their past says of each (S, K)."""

    targets: tuple[Target, ...]
    places: tuple[Place, ...]
    weather: tuple[str, ...]
    scale: Floats
    statistics: Floats

    def take(self, chosen: Sequence[int]) -> Sites:
        """Some of them."""
        at = list(chosen)
        picked = tuple(self.targets[k] for k in at), tuple(self.places[k] for k in at)
        return Sites(*picked, self.weather, self.scale[at], self.statistics[at])


def common_weather(known: Known, targets: Sequence[Target]) -> tuple[str, ...]:
    """Variables that every target's first weather site has."""
    each = [{n for n in known.variables(t.weather[0]) if known.has_runs(t.weather[0], n)} for t in targets]
    return tuple(sorted(set.intersection(*each))) if each else ()


def statistics_of(value: Floats, scale: Floats) -> Floats:
    """Mean, spread and outer deciles of what each site (S, N) gave, shares of its scale (S, 4); NaN where unknown."""
    share = value / scale[:, None]
    with np.errstate(all="ignore"):
        known = np.isfinite(share).any(axis=1)
        found = np.full((len(share), 4), np.nan)
        part = share[known]
        found[known] = np.stack(
            [np.nanmean(part, axis=1), np.nanstd(part, axis=1), *np.nanquantile(part, [0.1, 0.9], axis=1)], axis=1
        )
    return found


def frame_of(known: Known, sites: Sites, panel: Panel, issue_ns: Ns, step: Steps) -> Frame:
    """Rows of all sites, issues (I,) and steps (I, H), site after site; a block is a day."""
    grid = panel.grid
    start = grid.start_of(step)
    lead_h = (start - issue_ns[:, None]) / HOUR_NS
    columns: dict[str, Floats] = {"lead_h": lead_h}
    columns |= _clocks(sites, start, grid.step_ns)
    columns |= _weather(known, sites, issue_ns, start + grid.step_ns // 2)
    columns |= _past(sites, panel, issue_ns, step)
    columns |= {f"site_{k}": sites.statistics[:, k, None, None] for k in range(sites.statistics.shape[1])}
    if "shortwave_radiation" in columns and "clear" in columns:
        clear = columns["clear"]
        columns["clear_index"] = np.where(clear > 10, columns["shortwave_radiation"] / np.maximum(clear, 10), np.nan)
    shape = (len(sites.targets), *step.shape)
    x = np.empty((*shape, len(columns)), dtype=np.float32)
    for number, column in enumerate(columns.values()):
        x[..., number] = column
    block = np.broadcast_to(start // DAY_NS, shape).ravel()
    return Frame(x.reshape(-1, len(columns)), tuple(columns), block)


def _clocks(sites: Sites, start: Ns, step_ns: int) -> dict[str, Floats]:
    """Hour, and by kind the sort of day or the sun, (S, I, H)."""
    unique, back = np.unique(start, return_inverse=True)
    back = back.reshape(start.shape)
    hour, day = calendar(unique, sites.places)
    found = {"hour": hour[:, back]}
    if by_calendar(sites.targets[0]):
        found["day_kind"] = day[:, back].astype(np.float64)
    if sites.targets[0].kind == "pv":
        elevation, clear = suns(unique + step_ns // 2, sites.places)
        found |= {"elevation": elevation[:, back], "clear": clear[:, back]}
    return found


def _weather(known: Known, sites: Sites, issue_ns: Ns, middle_ns: Ns) -> dict[str, Floats]:
    """Each variable (S, I, H); sites under one weather site read it once."""
    found = {}
    for name in sites.weather:
        read = {
            site: weather_of(known, site, name, issue_ns, middle_ns)
            for site in dict.fromkeys(t.weather[0] for t in sites.targets)
        }
        found[name] = np.stack([read[t.weather[0]] for t in sites.targets])
    return found


def _past(sites: Sites, panel: Panel, issue_ns: Ns, step: Steps) -> dict[str, Floats]:
    """The same time on days before, and means of the last hours, as known at each issue."""
    grid, scale = panel.grid, sites.scale[:, None, None]
    days = {f"back_{d}d": panel.seen(step - d * grid.per_day, issue_ns[:, None]) / scale for d in DAYS_BACK}
    found: dict[str, Floats] = dict(days)
    found["back_mean"] = _mean(np.stack(list(days.values()), axis=-1))
    last = (issue_ns - grid.start_ns) // grid.step_ns - 1
    for hours in STATE_H:
        count = max(round(hours / grid.step_h), 1)
        every = max(count // 48, 1)
        seen = panel.seen(last[:, None] - np.arange(0, count, every), issue_ns[:, None])
        found[f"last_{hours}h"] = _mean(seen)[..., None] / scale
    return found


def _mean(values: Floats) -> Floats:
    known = np.isfinite(values)
    count = known.sum(axis=-1)
    total = np.where(known, values, 0.0).sum(axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
