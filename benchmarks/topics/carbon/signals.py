"""Signals: marginal intensity held against changes of a measured mix, and plans on a fetched intensity.

No series of measured marginal intensities is there to score against. What can be scored is whether the estimate, made
the day before, tells the change of the emissions from that of the residual load (demand less wind and sun), hour by
hour, better than the average intensity of the very hour does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.datasets import carbon_intensity
from benchmarks.datasets.carbon_intensity import Zone
from benchmarks.rows import CannotMeasure, Measured, row
from dispatch.plan import plan
from dispatch.signals import Horizon
from dispatch.site import Site
from forecasting.archive import Archive
from forecasting.clock import HOUR_NS
from forecasting.models.carbon_intensity.marginal import MarginalIntensity
from forecasting.quantiles import LEVELS
from forecasting.scores import level_weights
from forecasting.targets import Target

Floats = NDArray[np.float64]
INPUTS = (
    "forecasting/intensity",
    "forecasting/models/carbon_intensity",
    "benchmarks/datasets/carbon_intensity.py",
    "benchmarks/topics/carbon/signals.py",
)
TEST_SHARE = 1 / 3
HOURS = 24


@dataclass(frozen=True)
class Told:
    """Hours (N,) of the test: changes of emissions [t/h], residual load and load [MW]; what each [kg/kWh] says of them.

    `constant` is one slope for all hours, from what came before the test; `band` (N, 2) holds nine tenths.
    """

    emitted_t: Floats
    residual_mw: Floats
    load_mw: Floats
    marginal: Floats
    average: Floats
    constant: float
    band: Floats

    def skill(self, over: Floats | float, by_mw: Floats) -> float:
        """Share of the squared errors of another intensity that is gone."""
        ours = np.sum((self.emitted_t - self.marginal * by_mw) ** 2)
        theirs = np.sum((self.emitted_t - over * by_mw) ** 2)
        return float(1 - ours / theirs)

    @property
    def covered(self) -> float:
        """Share of the hours in the band, each by the square of its change, as the band is meant."""
        ratio = self.emitted_t / self.residual_mw
        inside = (self.band[:, 0] <= ratio) & (ratio <= self.band[:, 1])
        return float(np.average(inside, weights=self.residual_mw**2))


@cache
def told(name: str) -> Told:
    """The last third of a year, each day from what was known at its midnight (UTC)."""
    zone = next((zone for zone in carbon_intensity.short_series() if zone.name == name), None)
    if zone is None:
        raise CannotMeasure(f"no series of {name} is there")
    model = MarginalIntensity(average=carbon_intensity.NAME)
    target = Target("marginal_intensity_g_per_kwh", "intensity", np.inf, zone.name)
    index = zone.actual.index
    first = (index[-1] - TEST_SHARE * (index[-1] - index[0])).ceil("D")
    issues = pd.date_range(first, index[-1] - pd.Timedelta(hours=HOURS), freq="D")
    said = np.concatenate([_said(model, zone, target, issue) for issue in issues])
    whole = model.past(zone.archive.as_of(index[-1] + pd.Timedelta("2h")), target)
    start = np.concatenate([issue.as_unit("ns").value + np.arange(HOURS) * HOUR_NS for issue in issues])
    place = np.searchsorted(whole[0], start)
    past = whole[1].usable & (whole[0] < start[0])
    x, y = whole[1].residual_mw, whole[1].emitted_t
    use = whole[1].usable[place]
    average = zone.actual.to_numpy()[np.searchsorted(index.as_unit("ns").asi8, start)] / 1000
    return Told(
        y[place][use],
        x[place][use],
        whole[1].load_mw[place][use],
        (said @ level_weights(LEVELS))[use],
        average[use],
        float(x[past] @ y[past] / (x[past] @ x[past])),
        said[use][:, [0, -1]],
    )


def _said(model: MarginalIntensity, zone: Zone, target: Target, issue: pd.Timestamp) -> Floats:
    """Quantiles (24, Q) [kg/kWh] of the day that begins then."""
    edges_ns = issue.as_unit("ns").value + np.arange(HOURS + 1) * HOUR_NS
    return model.one(zone.archive.as_of(issue), target, zone.place, edges_ns, LEVELS) / 1000


def _over_average(name: str) -> Measured:
    """Skill, beside it the mean marginal over the mean average intensity."""
    found = told(name)
    ratio = float(found.marginal.mean() / found.average.mean())
    return Measured(found.skill(found.average, found.residual_mw), ratio)


@row(
    "carbon",
    name="marginal intensity, Great Britain 2020, told from changes of the mix, a day ahead: skill over the average "
    "(reference: mean marginal over mean average)",
    unit="1",
    bar=">= 0.7",
    slow=True,
    inputs=INPUTS,
)
def britain() -> Measured:
    return _over_average("gb")


@row("carbon", name="marginal intensity, France 2020: likewise", unit="1", bar="> 0", slow=True, inputs=INPUTS)
def france() -> Measured:
    return _over_average("fr")


@row(
    "carbon",
    name="marginal intensity, Great Britain 2020: skill over one slope for all hours",
    unit="1",
    bar="> 0",
    slow=True,
    inputs=INPUTS,
)
def over_constant() -> float:
    found = told("gb")
    return found.skill(found.constant, found.residual_mw)


@row(
    "carbon",
    name="marginal intensity, Great Britain 2020: distance of the 90 % band's coverage from .90",
    unit="1",
    bar="<= 0.03",
    slow=True,
    inputs=INPUTS,
)
def band() -> float:
    return abs(told("gb").covered - 0.9)


# ---------------------------------------------------------------------------------------- plans on what was fetched


DAYS, EVERY, FIRST = 8, "19D", "2024-04-05"
CARBON_PRICE_PER_T, HALL_KW, FLAT_KG_PER_KWH = 500.0, 500.0, 0.15
AVERAGE = "carbon_intensity_g_per_kwh"


def _works(intensity: object) -> Site:
    """A hall that draws the same all day, a battery that loses little, a flat price, a price of carbon."""
    store = {"energy_kwh": 1000, "charge_kw": 250, "discharge_kw": 250, "min_fill": 0, "max_fill": 1, "start_fill": 0.5}
    losses = {"charge_efficiency": 0.97, "discharge_efficiency": 0.97, "end_fill_min": 0.5, "end_penalty_per_kwh": 10}
    price = {"name": "energy", "basis": "energy", "price_per_kwh": 0.15, "source": "assumed"}
    pcc = {"import_kw": 2000, "tariff": {"name": "flat", "currency": "GBP", "components": [price]}}
    assets = [
        {"kind": "load", "name": "hall", "bus": "main"},
        {"kind": "battery", "name": "store", "bus": "main", **store, **losses},
        {"kind": "grid_connection", "name": "pcc", "bus": "main", "carbon_intensity_kg_per_kwh": intensity, **pcc},
    ]
    where = {"time_zone": "Europe/London", "currency": "GBP", "latitude_deg": 53.0, "longitude_deg": -1.5}
    planning = {"scenarios": 0, "step_minutes": 60, "issue_before_h": 12, "rest_of_month_days": 0}
    content = {"name": "works", "buses": [{"name": "main"}], "assets": assets, "planning": planning, **where}
    return Site.model_validate(content | {"objective": {"carbon_price_per_t": CARBON_PRICE_PER_T}})


def _day(grams: pd.Series, measured: Archive, day: date) -> Floats:
    """Money with carbon at its price as the day came: planned on one factor, on the archive of noon before, on all."""
    site = _works({"feed": AVERAGE})
    horizon = Horizon.local_day(day, site.time_zone, 60)
    issue = horizon.start - timedelta(hours=12)
    before = pd.date_range(pd.Timestamp(issue) - pd.Timedelta(days=14), periods=14 * 24, freq="h")
    archive = measured.with_measurements(site.name, "hall", before, np.full(len(before), HALL_KW))
    starts = pd.DatetimeIndex(horizon.edges[:-1]).tz_localize("UTC")
    came = {"hall": np.full(horizon.steps, HALL_KW), AVERAGE: grams.reindex(starts).to_numpy(dtype=np.float64)}
    made = plan(site, horizon, archive, issue, actual=came)
    settled = {outcome.name: outcome for outcome in made.outcomes if outcome.basis.startswith("what really")}
    best, ours = settled["perfect foresight"], settled["plan as executed"]
    blind = plan(_works(FLAT_KG_PER_KWH), horizon, archive, issue).schedule
    bought = blind.asset("pcc", "import_kw") @ came[AVERAGE] / 1000
    pairs = ((float(blind.money[0]), bought), (ours.bill, ours.co2_kg), (best.bill, best.co2_kg))
    return np.array([money + CARBON_PRICE_PER_T * kg / 1000 for money, kg in pairs])


@cache
def saved() -> Floats:
    """The same over all days.

    Nothing but the intensity's own past is known, at noon for the day after: no service's forecast and no weather is
    archived for these years. A plan that took no notice of the hours would have 0, one that read them wrongly less.
    """
    zone = next((zone for zone in carbon_intensity.long_series() if zone.name == "gb"), None)
    if zone is None:
        raise CannotMeasure("no series of several years is there")
    grams = zone.actual.dropna()
    ends = pd.DatetimeIndex(grams.index) + pd.Timedelta("1h")
    values = grams.to_numpy(dtype=np.float64)
    measured = Archive.empty().with_measurements("works", AVERAGE, ends, values, carbon_intensity.DELAY)
    days = pd.date_range(FIRST, periods=DAYS, freq=EVERY)
    return np.asarray(np.sum([_day(grams, measured, day.date()) for day in days], axis=0))


@row(
    "carbon",
    name=f"plan on the carbon intensity in its archive, Great Britain, {DAYS} days a day ahead: share saved of what "
    "perfect foresight saves of money and carbon (reference: what that is of all)",
    unit="1",
    bar="> 0",
    slow=True,
    inputs=(*INPUTS, "dispatch", "forecasting"),
)
def planned() -> Measured:
    unmoved, ours, best = saved()
    return Measured(float((unmoved - ours) / (unmoved - best)), float((unmoved - best) / unmoved))
