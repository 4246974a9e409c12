"""Carbon intensity computed from who generates, and from whom is imported.

    i = (Σ_s P_s f_s + Σ_z I_z i_z) / (Σ_s P_s + Σ_z I_z)   [g/kWh]

with the generation P_s [MW] of each source, its factor f_s [g/kWh], the imports I_z [MW] from each neighbour and the
neighbour's intensity i_z [g/kWh]. Exports leave with the mix and change nothing. (Attribution as in Tranberg et al.
2019, doi:10.1016/j.esr.2019.100367, with the neighbours' intensities given instead of traced.)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from forecasting.entsoe_platform import Platform, Session, area_of
from forecasting.errors import AnswerError, ForecastError
from forecasting.intensity.base import intensity_run
from forecasting.intensity.factors import ENTSOE_SOURCES, FACTORS
from forecasting.series_run import SeriesRun, intervals, require_period

Floats = NDArray[np.float64]
MOST_UNKNOWN = 0.05  # share of what has no factor that may be left out of the mean
DELAY = pd.Timedelta(hours=1)  # Regulation (EU) 543/2013, Article 16(1)(b): no later than one hour after
LIFECYCLE = {source: factor.g_per_kwh for source, factor in FACTORS.items()}


def mix_intensity(
    generation_mw: Mapping[str, ArrayLike],
    factors_g_per_kwh: Mapping[str, float] = LIFECYCLE,
    imports_mw: Mapping[str, ArrayLike] | None = None,
    imports_g_per_kwh: Mapping[str, ArrayLike] | None = None,
) -> tuple[Floats, tuple[str, ...]]:
    """Intensity (N,) [g/kWh] of a mix, and notes on what was left out.

    A source without a factor, and a neighbour without an intensity, is left out of the mean where it is at most 5 %
    of the whole; elsewhere the intensity is unknown (NaN), as it is where any part is unknown. What is negative
    (a plant's own use, a pump) counts as nothing.
    """
    power = {f"source {name}": np.asarray(mw, dtype=np.float64) for name, mw in generation_mw.items()}
    of = {f"source {name}": factors_g_per_kwh.get(name) for name in generation_mw}
    imported = imports_mw or {}
    power |= {f"import from {zone}": np.asarray(mw, dtype=np.float64) for zone, mw in imported.items()}
    of |= {f"import from {zone}": (imports_g_per_kwh or {}).get(zone) for zone in imported}  # type: ignore[misc]
    if not power:
        raise ForecastError("carbon intensity: the mix is empty; give the generation of one source at least")
    names = list(power)
    mw = np.maximum(np.stack([power[name] for name in names]), 0.0)
    g = np.stack([np.broadcast_to(np.nan if of[n] is None else np.asarray(of[n], float), mw.shape[1:]) for n in names])
    counted = np.where(np.isfinite(g), mw, 0.0)
    total, known = mw.sum(axis=0), counted.sum(axis=0)
    unknown = np.divide(total - known, total, out=np.full_like(total, np.nan), where=total > 0)
    mean = np.divide((np.nan_to_num(g) * counted).sum(axis=0), known, out=np.full_like(total, np.nan), where=known > 0)
    notes = tuple(
        f"carbon intensity: {name} has no factor and is {_share(mw[i], total):.1%} of the whole; left out"
        for i, name in enumerate(names)
        if not np.isfinite(g[i]).any() and np.nansum(mw[i]) > 0
    )
    if (too_much := unknown > MOST_UNKNOWN).any():
        some = f"{int(too_much.sum())} of {len(total)} intervals"
        notes += (f"carbon intensity: unknown in {some}, where more than {MOST_UNKNOWN:.0%} has no factor",)
    return np.where(too_much, np.nan, mean), notes


def _share(part: Floats, whole: Floats) -> float:
    return float(np.nansum(part) / np.nansum(whole))


@dataclass(frozen=True, eq=False)
class Mix:
    """Generation and imports (N,) [MW] by name in the intervals that begin at `starts` (N,), and when that came."""

    place: str
    starts: pd.DatetimeIndex
    generation_mw: Mapping[str, Floats]
    imports_mw: Mapping[str, Floats]
    at: pd.Timestamp
    notes: tuple[str, ...]


def power_run(provider: str, variable: str, mix: Mix, mw: Floats) -> SeriesRun:
    """One source of a mix as a measured series, of the intervals that were over when it came."""
    ends, step, filled, _ = intervals(mix.starts, mw, "UTC", mix.place)
    over = np.asarray(ends <= mix.at)
    ends, step, filled = ends[over], step[over], filled[over]
    since = pd.DatetimeIndex(np.minimum((ends + DELAY).as_unit("ns"), mix.at.tz_convert("UTC").as_unit("ns")))
    return SeriesRun(provider, variable, "MW", ends, step, since, None, filled)


def _plain(name: str) -> str:
    """A name in lower case, with single underlines for all that is no letter or digit."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


@dataclass(frozen=True)
class EntsoeMix(Platform):
    """Intensity of a zone from what the ENTSO-E platform publishes of generation and cross-border flows.

    Attributes:
        neighbours_g_per_kwh: intensity of each neighbour by the platform's zone names; empty counts the zone's own
            generation alone.
        factors_g_per_kwh: by our source names, or by the platform's production types.
    """

    zone: str = ""
    neighbours_g_per_kwh: Mapping[str, float] = field(default_factory=dict)
    factors_g_per_kwh: Mapping[str, float] = field(default_factory=lambda: dict(LIFECYCLE))
    name: str = "entsoe-mix"

    def fetch(self, start: pd.Timestamp, end: pd.Timestamp, now: pd.Timestamp) -> SeriesRun:
        """Intensity of the intervals that end in (start, end], as far as generation is published."""
        mix = self._mix(start, end, now)
        factors, neighbours = self.factors_g_per_kwh, dict(self.neighbours_g_per_kwh)
        values, notes = mix_intensity(mix.generation_mw, factors, mix.imports_mw, neighbours)
        said = (*mix.notes, *notes)
        run = intensity_run(self.name, mix.place, mix.starts, values, delay=DELAY, fetched_at=mix.at, notes=said)
        return run.between(start, end)

    def powers(self, start: pd.Timestamp, end: pd.Timestamp, now: pd.Timestamp) -> tuple[SeriesRun, ...]:
        """Generation by source and imports by neighbour [MW] of the same intervals, from the same answers."""
        mix = self._mix(start, end, now)
        named = {f"generation_{_plain(name)}_mw": mw for name, mw in mix.generation_mw.items()}
        named |= {f"import_{_plain(zone)}_mw": mw for zone, mw in mix.imports_mw.items()}
        return tuple(power_run(self.name, name, mix, mw).between(start, end) for name, mw in sorted(named.items()))

    def _mix(self, start: pd.Timestamp, end: pd.Timestamp, now: pd.Timestamp) -> Mix:
        require_period(start, end, "carbon intensity")
        session = self.session("carbon intensity", now)
        start, last = start.floor("h"), min(end, now).ceil("h")  # the library would round to the nearest hour
        table = self.asked(
            session,
            self.zone,
            lambda client, area: client.query_generation(
                area, start=start.tz_convert("UTC"), end=last.tz_convert("UTC")
            ),
        )
        place = f"{session.service.place}, zone {self.zone}"
        if (units := session.said("quantity_Measure_Unit.name")) != {"MAW"}:
            raise AnswerError(f"{place}: generation in {sorted(units)}; MAW (megawatts) was expected")
        index = pd.DatetimeIndex(table.index)
        imports = self._imports(session, start, last, index)
        starts, notes = index.tz_convert("UTC"), tuple(session.notes)
        return Mix(place, starts, self._by_source(table), imports, max(session.at), notes)

    def _by_source(self, table: pd.DataFrame) -> dict[str, Floats]:
        """(N,) MW by source; what a plant consumes is not taken off."""
        if table.columns.nlevels > 1:
            table = table.xs("Actual Aggregated", axis=1, level=-1)
        mw: dict[str, Floats] = {}
        for kind in table.columns:
            values = table[kind].to_numpy(dtype=np.float64)
            source = str(kind) if kind in self.factors_g_per_kwh else ENTSOE_SOURCES.get(str(kind), str(kind))
            mw[source] = mw.get(source, np.zeros(len(values))) + values
        return mw

    def _imports(
        self, session: Session, start: pd.Timestamp, end: pd.Timestamp, index: pd.DatetimeIndex
    ) -> dict[str, Floats]:
        """(N,) MW from each neighbour whose intensity is known, on the generation's own steps."""
        found: dict[str, Floats] = {}
        for neighbour in self.neighbours_g_per_kwh:
            flow = self.asked(
                session,
                neighbour,
                lambda client, area: client.query_crossborder_flows(
                    area,
                    area_of(self.zone, "carbon intensity"),
                    start=start.tz_convert("UTC"),
                    end=end.tz_convert("UTC"),
                ),
            )
            found[neighbour] = flow.reindex(index, method="ffill", limit=3).to_numpy(dtype=np.float64)
        return found
