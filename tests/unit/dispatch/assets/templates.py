"""For each asset kind, small parks in which every numeric field of the kind is set and bears on the plan.

A new kind needs an entry here; until it has one, the tests over all kinds fail and name it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np

from dispatch.asset import Asset, Inputs, Mode
from dispatch.assets import kinds
from dispatch.problem import Problem
from dispatch.signals import Horizon
from dispatch.site import Site
from tests.parks import battery, given, grid, hours, load, park, unit
from tests.unit.dispatch.assets.mistakes import by_family

STEPS = 8
PRICE = np.array([0.1, 0.1, 0.5, 0.1, 0.6, 0.1, 0.1, 0.7])
DEMAND = np.array([30.0, 20.0, 60.0, 30.0, 70.0, 20.0, 40.0, 65.0])
_CARRIERS = {"heat": "heat", "cold": "cold", "hot": "heat", "steam": "steam", "gas": "gas", "fuel": "fuel"}
BUSES: list[dict[str, Any]] = [
    {"name": "main"},
    {"name": "far"},
    *({"name": name, "carrier": carrier} for name, carrier in _CARRIERS.items()),
    {"name": "nh3", "carrier": "ammonia"},
    {"name": "air", "carrier": "compressed_air"},
    {"name": "dc", "current": "dc"},
]
CLEAN_WISH = {"clean_share_min": 0.5, "penalty_per_kwh": 0.01}
CARBON_WISHES = (
    {"carbon_free_min": 0.6, "penalty_per_kwh": 0.005},
    {"emissions_max_t_per_tce": 0.2, "penalty_per_t": 20.0, "penalty_per_kwh": 0.005},
)


@dataclass(frozen=True)
class Template:
    """One asset under test (``asset``) among ``others``, with series by (asset name, quantity)."""

    asset: dict[str, Any]
    others: tuple[dict[str, Any], ...]
    series: Mapping[tuple[str, str], Any]
    horizon: Horizon = field(default_factory=lambda: hours(STEPS, "2024-03-01T06:00"))

    def site(self, asset: Mapping[str, Any] | None = None) -> Site:
        """The park, with ``asset`` in the place of the one under test."""
        fields = {"buses": BUSES, "wishes": [CLEAN_WISH, *CARBON_WISHES], "objective": {"carbon_price_per_t": 50}}
        return park(self.asset if asset is None else asset, *self.others, **fields)

    def inputs(self, site: Site) -> Inputs:
        """What one solve of ``site`` knows."""
        return given(site, self.horizon, self.series)

    def problem(self, asset: Mapping[str, Any] | None = None, **options: Any) -> Problem:
        """Compiled in exact mode."""
        site = self.site(asset)
        return Problem(site, self.inputs(site), Mode("exact"), **options)


def hourly_tariff(prices: Iterable[float], *, first_hour: int = 0, feed_in: float = 0.9) -> dict[str, Any]:
    """A price for each hour of the local clock from ``first_hour`` on; exports earn ``feed_in`` times as much."""
    parts: list[dict[str, Any]] = []
    for hour, price in enumerate(prices, first_hour):
        common = {"basis": "energy", "source": "test", "calendar": {"hours": [f"{hour}:00-{hour + 1}:00"]}}
        parts.append({"name": f"import {hour}", "price_per_kwh": float(price), **common})
        sold = {"name": f"export {hour}", "direction": "export", "price_per_kwh": feed_in * float(price)}
        parts.append(sold | common)
    return {"name": "hourly", "currency": "EUR", "components": parts}


def priced(**fields: Any) -> dict[str, Any]:
    """A connection with a price for each hour."""
    return grid(export_kw=500, tariff=hourly_tariff(PRICE, first_hour=6), **fields)


def any_store(kind: str, **fields: Any) -> dict[str, Any]:
    base = battery("it", kind=kind, min_fill=0.1, max_fill=0.9, start_fill=0.4, end_fill_min=0.3)
    return base | {
        "charge_efficiency": 0.9,
        "discharge_efficiency": 0.95,
        "loss_fraction_per_h": 0.01,
        "end_penalty_per_kwh": 2.0,
        "band_penalty_per_kwh": 8.0,
        "wear_cost_per_kwh": 0.02,
        "fast_reserve_kw": 5.0,
        "fast_reserve_minutes": 6.0,
        **fields,
    }


ELECTRIC = {("load", "demand_kw"): DEMAND}
_HEAT = {("warm", "demand_kw"): 60.0 * np.ones(STEPS)}
_COLD = {("cool", "demand_kw"): 60.0 * np.ones(STEPS)}
_WEATHER = {("it", "available_kw"): np.linspace(5, 90, STEPS)}


def _generator(kind: str, **fields: Any) -> Template:
    asset = {"kind": kind, "name": "it", "bus": "main", "cost_per_kwh": 0.01, "available_fraction": 0.9} | fields
    return Template(asset, (priced(), load()), {**ELECTRIC, **_WEATHER})


def _tariff() -> dict[str, Any]:
    calendar = {"months": [3], "weekdays": [5], "hours": ["07:00-11:00"]}
    parts: list[dict[str, Any]] = [
        {"name": "base", "basis": "energy", "price_per_kwh": 0.1},
        {"name": "peak", "basis": "energy", "price_per_kwh": 0.4, "calendar": calendar},
        {"name": "feed-in", "basis": "energy", "direction": "export", "price_per_kwh": 0.08},
        {"name": "demand", "basis": "demand", "price_per_kw_month": 3.0},
    ]
    return {"name": "test", "currency": "EUR", "components": [{**p, "source": "test"} for p in parts]}


def _connection(**fields: Any) -> Template:
    asset = grid(
        name="it",
        import_kw=65,
        export_kw=30,
        tariff=_tariff(),
        carbon_intensity_kg_per_kwh=0.5,
        clean_fraction=0.3,
        marginal_intensity_kg_per_kwh=0.8,
        carbon_free_fraction=0.4,
    )
    series = {("load", "demand_kw"): DEMAND, ("roof", "available_kw"): np.where(np.arange(STEPS) == 3, 90.0, 5.0)}
    roof = {"kind": "pv", "name": "roof", "bus": "main", "peak_kw": 90}
    peaks = {"month_to_date_peak_kw": 40.0, "expected_peak_kw": 20.0}
    return Template(asset | peaks | fields, (load(), roof), series)


_RATCHET, _REBATE = {"fraction": 0.8, "months": 2}, {"kwh_per_kva_month": 200.0, "factor": 0.8}
_PEAKS_AND_TAX: tuple[dict[str, Any], ...] = (
    {"name": "demand", "basis": "demand", "price_per_kw_month": 3.0, "ratchet": _RATCHET, "rebate": _REBATE},
    {"name": "daily", "basis": "demand", "price_per_kw_day": 0.7, "min_kw": 5.0},
    {"name": "yearly", "basis": "demand", "price_per_kw_year": 2.0},
    {"name": "tax", "basis": "tax", "share": 0.1},
)


def _contracted() -> Template:
    """Blocks whose prices go up and down, a rebate, a ratchet, and every sort of contract beside the tariff."""
    template = _connection()
    parts: list[dict[str, Any]] = [
        {"name": "base", "basis": "energy", "price_per_kwh": 0.1},
        {"name": "called", "basis": "coincident", "price_per_kw_month": 0.5, "events": [_CALLED], "of_events": "mean"},
        {"name": "blocks", "basis": "tier", "blocks": _blocks((150.0, 0.1), (300.0, 0.3), (None, 0.2))},
        {"name": "sold", "direction": "export", "basis": "tier", "blocks": _blocks((20.0, 0.1), (None, 0.05))},
        *_PEAKS_AND_TAX,
    ]
    tariff = {"name": "test", "currency": "EUR", "components": [{**p, "source": "test"} for p in parts]}
    ppa = {"name": "ppa", "price_per_kwh": 0.02, "share_min": 0.1, "share_max": 0.5, "certificates_kept": 0.8}
    wind = {"name": "wind", "price_per_kwh": 0.03, "max_kw": 25.0, "replaces_energy_price": True}
    sold = {"name": "call", "start": "2024-03-01T08:00Z", "end": "2024-03-01T09:00Z", "baseline_kw": 60.0}
    sold |= {"committed_kw": 20.0, "price_per_kwh": 0.4, "penalty_per_kwh": 0.3}
    return replace(
        template,
        asset=template.asset
        | {
            "tariff": tariff,
            "contracted_kva": 2.0,
            "month_to_date_peak_kw": {"demand": 40.0},
            "expected_peak_kw": {"demand": 20.0, "yearly": 20.0},
            "past_peaks_kw": {"demand": [50.0, 60.0]},
            "month_to_date_kwh": 100.0,
            "expected_day_kwh": 1.0,
            "limits": [{"direction": "export", "limit_kw": 20.0, "calendar": {"hours": ["08:00-10:00"]}}],
            "green_power": [ppa | {"take_kwh_month": 150.0}, wind],
            "demand_response": [sold],
            "awarded": [
                {"start": f"2024-03-01T{hour:02}:00Z", "end": f"2024-03-01T{hour + 1:02}:00Z", "net_import_kw": 30.0}
                for hour in (6, 12)  # more than is cheapest, and less
            ],
        },
    )


_CALLED = {"start": "2024-03-01T10:00Z", "end": "2024-03-01T11:00Z"}


def _blocks(*blocks: tuple[float | None, float]) -> list[dict[str, float | None]]:
    return [{"up_to_kwh": upper, "price_per_kwh": price} for upper, price in blocks]


def _metered() -> Template:
    """Quarter-hours, of which the tariff averages two each: only so does its metering interval bear on the plan."""
    template = _connection()
    asset = template.asset | {"tariff": template.asset["tariff"] | {"metering_minutes": 30.0}}
    return replace(template, asset=asset, horizon=hours(STEPS, "2024-03-01T06:00", step_h=0.25))


def _engine(**fields: Any) -> Template:
    asset = unit(
        "it",
        min_kw=20,
        max_kw=80,
        cost_per_kwh=0.3,
        no_load_cost_per_h=0.5,
        start_cost=1.0,
        co2_kg_per_kwh=0.4,
        no_load_co2_kg_per_h=1.0,
        ramp_up_kw_per_h=30.0,
        ramp_down_kw_per_h=25.0,
        start_up_kw=40.0,
        shut_down_kw=35.0,
        min_up_h=2.0,
        min_down_h=2.0,
        off_before_h=5.0,
        on_before_h=0.0,
        power_before_kw=0.0,
    )
    return Template(asset | fields, (priced(), load()), ELECTRIC)


def _thermal() -> tuple[Template, ...]:
    """Mistakes name a template by its number here, so a new one goes to the end."""
    return (
        _engine(),
        _engine(on_before_h=1.0, power_before_kw=50.0, min_up_h=3.0),
        _engine(off_before_h=1.0, min_down_h=3.0),
        _engine(shut_down_kw=40.0, start_up_kw=30.0, min_up_h=1.0),
        holding(_engine(must_run=True, on_before_h=3.0, power_before_kw=40.0), 30.0),
        holding(_engine(spinning_reserve=False), 30.0),
        _curved(start_tiers=[{"below_off_h": 6.0, "cost": 0.5}, {"cost": 2.0}], off_before_h=3.0),
        _curved(
            start_tiers=[{"below_off_h": 3.0, "cost": 0.5}, {"cost": 2.0}],
            on_before_h=2.0,
            power_before_kw=30.0,
            min_up_h=4.0,
        ),
        surviving(_engine(black_start_h=1.0)),
        holding(_engine(must_run=True, on_before_h=3.0, power_before_kw=40.0, reserve_max_kw=6.0), 30.0, 10.0),
    )


def _curved(**fields: Any) -> Template:
    """Fuel cost in two pieces, start cost by hours off, limits that reach over several steps."""
    curve = [(10.0, 2.5), (50.0, 13.0), (90.0, 26.0)]
    points = [{"power_kw": power, "cost_per_h": cost} for power, cost in curve]
    limits = {"ramp_up_kw_per_h": 15.0, "ramp_down_kw_per_h": 15.0, "min_up_h": 4.0, "min_down_h": 2.0}
    plain = {"cost_per_kwh": None, "no_load_cost_per_h": 0.0, "start_cost": 0.0}
    return _engine(**(plain | limits | {"cost_curve": points} | fields))


def conversion(kind: str, out_bus: str, **fields: Any) -> Template:
    """Electricity into heat or cold for 60 kW of demand."""
    other = load("warm" if out_bus == "heat" else "cool", bus=out_bus)
    asset = {"kind": kind, "name": "it", "bus": "main", f"{out_bus}_bus": out_bus, "electric_kw": 40.0} | fields
    return Template(asset, (priced(), other), _HEAT if out_bus == "heat" else _COLD)


def stored(kind: str, bus: str, *others: dict[str, Any]) -> tuple[Template, ...]:
    """A store that is no electric one: plain, and with powers by fill, on a bus with a demand of 60 kW."""
    series = {("wanted", "demand_kw"): 60.0 * np.ones(STEPS)}
    around = (priced(), *others, load("wanted", bus=bus))
    plain = Template(any_store(kind, bus=bus), around, series)
    return plain, *(replace(way(kind, bus=bus), others=around, series=series) for way in (_by_fill, _other_way))


def _tanks() -> tuple[Template, ...]:
    pump = {"kind": "heat_pump", "name": "pump", "bus": "main", "heat_bus": "heat", "electric_kw": 40}
    return stored("thermal_store", "heat", pump)


def _cable() -> Template:
    asset = {"kind": "cable", "name": "it", "bus": "main", "far_bus": "far", "rating_kw": 50.0}
    return Template(asset, (priced(), load(bus="far")), ELECTRIC)


def _reserve(direction: str) -> Template:
    asset = {"kind": "reserve", "name": "it", "direction": direction, "required_kw": 60.0, "penalty_per_kwh": 0.5}
    times = {"duration_minutes": 30.0, "activation_minutes": 20.0, "for_grid": True}
    return Template(asset | times, (priced(), load(), battery(), unit(ramp_up_kw_per_h=30.0)), ELECTRIC)


def _by_fill(kind: str, **fields: Any) -> Template:
    """A store whose powers depend on its fill; a fast reserve cannot stand beside that."""
    limits = {
        "charge_limit": [{"fill": 0.5, "share": 0.9}, {"fill": 1.0, "share": 0.1}],
        "discharge_limit": [{"fill": 0.0, "share": 0.1}, {"fill": 0.3, "share": 0.8}],
    }
    return Template(any_store(kind, fast_reserve_kw=0.0) | limits | fields, (priced(), load()), ELECTRIC)


def _other_way(kind: str, **fields: Any) -> Template:
    """Charge that rises with fill, discharge that falls with it: so the points above that lie at an end can move."""
    rising = [{"fill": 0.0, "share": 0.1}, {"fill": 0.4, "share": 0.8}]
    falling = [{"fill": 0.5, "share": 0.9}, {"fill": 1.0, "share": 0}]
    return _by_fill(kind, charge_limit=rising, discharge_limit=falling, **fields)


def holding(template: Template, minutes: float, activation: float | None = None) -> Template:
    """The same, where the site asks for reserve in both directions."""
    times = {"duration_minutes": minutes, "activation_minutes": activation}
    asked = [
        {"kind": "reserve", "name": name, "direction": name, "required_kw": 15.0} | times for name in ("up", "down")
    ]
    return replace(template, others=(*template.others, *asked))


def surviving(template: Template) -> Template:
    """The same, where half of the load is to survive an outage of two hours."""
    asked = {"kind": "outage", "name": "blackout", "survival_h": 2.0, "loads": ["load"], "critical_share": 0.5}
    return replace(template, others=(*template.others, asked))


def _plain(kind: str) -> Template:
    return Template(any_store(kind), (priced(), load()), ELECTRIC)


def _electric_stores(kind: str) -> tuple[Template, ...]:
    """Powers by fill; in calls that power binds and that energy binds; powers by fill the other way."""
    return _by_fill(kind), holding(_by_fill(kind), 90.0), holding(_plain(kind), 150.0), _other_way(kind)


def _worn() -> Template:
    wear = {"replacement_cost_per_kwh": 300.0, "segments": 3, "stress_coefficient": 6e-4, "stress_exponent": 2.0}
    asset = any_store("battery", wear=wear, cell_temperature_degc=30.0)
    return Template(asset, (priced(), load()), ELECTRIC)


def _sold(direction: str, **fields: Any) -> Template:
    """Blocks of three hours, so that the horizon from 06:00 or 07:00 on has whole ones and one that has begun."""
    asset = {"kind": "reserve_product", "name": "it", "direction": direction, "offer_kw": 25.0, "price_per_kwh": 0.3}
    asset |= {"block_hours": 3.0, "duration_minutes": 30.0, "penalty_per_kwh": 2.0, "held_kw": 10.0}
    asset |= {"activation_minutes": 20.0}
    engine = unit(min_kw=20, max_kw=80, cost_per_kwh=0.2, on_before_h=1, power_before_kw=50, ramp_up_kw_per_h=60.0)
    store = any_store("battery") | {"name": "store"}
    horizon = hours(STEPS, "2024-03-01T07:00")
    pcc = grid(export_kw=500, tariff=hourly_tariff(PRICE, first_hour=7))
    return Template(asset | fields, (pcc, load(), engine, store), ELECTRIC, horizon)


_CURVE = [{"speed_m_s": speed, "power_kw": power} for speed, power in ((3.0, 0.0), (11.0, 48.0), (25.0, 48.0))]
_SMALLER = [{"valid_to": "2023-05-31", "capacity_kw": 20.0}]

TEMPLATES: dict[str, tuple[Template, ...]] = {
    "battery": (_worn(), *_electric_stores("battery")),
    "cable": (_cable(),),
    "grid_connection": (_connection(), _connection(month_to_date_peak_kw=10.0), _metered(), _contracted()),
    "load": (
        Template(
            load("it", value_of_lost_load_per_kwh=50.0, power_factor=0.9),
            (priced(import_kw=50),),
            {("it", "demand_kw"): DEMAND},
        ),
    ),
    "pv": (
        _generator("pv", peak_kw=100.0, tilt_deg=30.0, azimuth_deg=170.0, system_losses=0.1),
        _generator("pv", peak_kw=100.0, inverter_kw=80.0, inverter_efficiency=0.96, tracking={}),
        _generator("pv", peak_kw=100.0, temperature_coefficient_per_k=-0.004, capacity_history=_SMALLER),
    ),
    "reserve": (_reserve("up"), _reserve("down")),
    "reserve_product": (_sold("up"), _sold("down")),
    "supercapacitor": (_plain("supercapacitor"), *_electric_stores("supercapacitor")),
    "thermal": _thermal(),
    "thermal_store": _tanks(),
    "wind": (
        _generator("wind", rated_kw=50.0, count=2, hub_height_m=100.0, turbine="E-82/2000"),
        _generator("wind", rated_kw=50.0, power_curve=_CURVE, capacity_history=_SMALLER),
    ),
}


@cache
def _every() -> dict[str, tuple[Template, ...]]:
    """Those above, and those of the files ``templates_<family>.py`` beside this one."""
    out = dict(TEMPLATES)
    for kind, more in by_family("templates", "TEMPLATES").items():
        out[kind] = (*out.get(kind, ()), *more)
    return out


def of(kind: str) -> tuple[Template, ...]:
    """The kind's templates; a kind without one fails with what to do."""
    assert kind in _every(), f"kind '{kind}' has no template: add one to TEMPLATES in {__name__}"
    return _every()[kind]


ALL_KINDS: tuple[str, ...] = tuple(kinds())


def cls_of(kind: str) -> type[Asset]:
    """The kind's class."""
    return kinds()[kind]
