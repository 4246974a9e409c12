"""A park: buses, assets, what is wanted of them, and the network they stand on."""

from __future__ import annotations

import math
import operator
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import timedelta
from functools import cached_property, reduce
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeVar, get_args
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
from pydantic import AfterValidator, Field, TypeAdapter, model_validator

from dispatch.asset import Asset, Carrier, Direction, Rows
from dispatch.assets import kinds
from dispatch.assets.grid_connection import GridConnection
from dispatch.carbon_wanted.flow_limits import FlowLimitWish
from dispatch.carbon_wanted.settings import CarbonSettings
from dispatch.carbon_wanted.wishes import CarbonFreeWish, EmissionsWish, Window, ZeroCarbonWish, percent
from dispatch.fields.claims import Claims
from dispatch.fields.days_off import DaysOff
from dispatch.fields.feeds import Feeds
from dispatch.fields.frozen import Finite, Fraction, Frozen, NonNegative, Positive
from dispatch.fields.grid import HOLDS_VOLTAGE, Grid, Group
from dispatch.fields.series import ArchiveFolder
from dispatch.signals import Array, Horizon, takes_percent, unit_of
from dispatch.tariff.contracts import available

_OF_A_MACHINE = ("localtime", "posixrules", "right/")
"""Files beside the zones that a machine's own clock, or a count of leap seconds, stands in."""


def _zone(name: str) -> str:
    try:
        if name.startswith(_OF_A_MACHINE):
            raise KeyError(name)
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        near = sorted(
            z
            for z in available_timezones()
            if not z.startswith(_OF_A_MACHINE)
            and z.split("/")[-1][:3].lower() == name.rsplit("/", maxsplit=1)[-1][:3].lower()
        )
        raise ValueError(
            f"'{name}' is not an IANA time zone; {'near: ' + ', '.join(near[:5]) if near else 'e.g. Asia/Shanghai'}"
        ) from None
    return name


TimeZone = Annotated[str, AfterValidator(_zone)]


class Bus(Frozen):
    """A node at which one carrier balances in every step.

    Balances are in kW: fuels, hydrogen, ammonia and methanol by lower heating value, compressed air by the work it can
    do, CO2 as a feedstock in kg/h. Heat at several levels is several buses.
    """

    name: Annotated[str, Field(min_length=1, pattern=r"^[A-Za-z0-9_\-]+$")]
    carrier: Carrier = "electricity"
    current: Literal["ac", "dc"] = Field(default="ac", description="of an electricity bus; dc stands on no AC network")
    temperature_degc: Finite | None = Field(default=None, description="level of a bus for heat, steam or cold")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.current == "dc" and self.carrier != "electricity":
            raise ValueError(f"'{self.name}' carries {self.carrier}: only a bus for electricity can be dc")
        if self.temperature_degc is not None and self.carrier not in ("heat", "steam", "cold"):
            raise ValueError(f"'{self.name}' carries {self.carrier}: only heat, steam and cold have a temperature")
        return self


Cost = TypeVar("Cost", float, Array)


class Objective(Frozen):
    """What a plan minimises: money + carbon price · emissions + penalties, over scenarios with their probabilities."""

    money: NonNegative = 1.0
    carbon_price_per_t: NonNegative = 0.0
    unmatched_price_per_kwh: NonNegative = Field(
        default=0.0, description="price of a kWh that is not carbon-free in its own hour; no part of the reported money"
    )
    cvar_weight: Fraction = Field(default=0.0, description="0: expected cost; 1: mean of the worst tail only")
    cvar_level: Annotated[Finite, Field(ge=0, lt=1)] = Field(default=0.9, description="the tail is the worst 1 − level")
    limit_penalty_per_kwh: NonNegative = Field(
        default=100.0, description="price of a kWh over a linearised network limit"
    )

    def in_money(self, cost: Cost) -> Cost:
        """A part of what is minimised, in money. With ``money: 0`` there is no rate: carbon stays at its price."""
        return cost / self.money if self.money else cost

    def running_cost(self, money: Array, co2_kg: Array) -> Array:
        r"""(scenario,) what is minimised but for penalties, in money: money + p/w · CO2, with w what money weighs.

        With ``money: 0`` carbon at its price alone.
        """
        return self.in_money(self.money * money + self.carbon_price_per_t / 1000 * co2_kg)


class CleanShareWish(Frozen):
    """Clean electricity over all electricity used on site (direct and imported), at least this much.

    What is not clean counts in the step in which it is imported, so over a day this is a share matched by the hour
    already: clean exports of noon do not make up for the night. ``over: hour`` asks for the share in each hour alone.
    """

    clean_share_min: Fraction
    over: Window = "day"
    penalty_per_kwh: NonNegative = Field(default=1.0, description="price of a kWh short")

    @property
    def texts(self) -> tuple[str]:
        """In the user's words."""
        return (f"clean share of at least {percent(self.clean_share_min)} per {self.over}",)


class DirectShareWish(Frozen):
    """Electricity generated on site or on a line of its own over all electricity used, at least this much.

    What comes over a connection counts as not direct, green power included: that is traded.
    """

    direct_share_min: Fraction
    over: Window = "day"
    penalty_per_kwh: NonNegative = Field(default=1.0, description="price of a kWh short")

    @property
    def texts(self) -> tuple[str]:
        """In the user's words."""
        return (f"direct share of at least {percent(self.direct_share_min)} per {self.over}",)


class FillWish(Frozen):
    """A store's fill at the end of the horizon, at least this much."""

    soc_end_min: Fraction
    asset: str
    penalty_per_kwh: NonNegative = 10.0

    @property
    def texts(self) -> tuple[()]:
        """None: the store reports it."""
        return ()


CarbonWish = EmissionsWish | CarbonFreeWish | ZeroCarbonWish
Wish = CleanShareWish | DirectShareWish | FillWish | CarbonWish | FlowLimitWish
CARBON_WISHES = (EmissionsWish, CarbonFreeWish, ZeroCarbonWish)


def _flow_limits_apart(wishes: tuple[Wish, ...]) -> tuple[Wish, ...]:
    """Rows of a limit on traced carbon are found by its words."""
    read = Counter(wish.text for wish in wishes if isinstance(wish, FlowLimitWish))
    for text in [text for text, times in read.items() if times > 1]:
        raise ValueError(f"two wishes read '{text}': leave one out, or add their penalties")
    return wishes


def wish_names(wishes: Sequence[Wish]) -> tuple[tuple[str, ...], ...]:
    """By place, what each wish is called in results: its words; with its place where another one reads the same.

    No two are ever called the same, so that a name stands for one place in the park's file (and one of its limits).
    """
    read = Counter(text for wish in wishes for text in wish.texts)
    return tuple(
        tuple(text if read[text] == 1 else f"{text} (wish {place})" for text in wish.texts)
        for place, wish in enumerate(wishes, 1)
    )


class StepBlock(Frozen):
    """Steps of ``minutes`` each for ``hours``."""

    hours: Positive = Field(le=744)
    minutes: Positive


class Rolling(Frozen):
    """How plans roll: read by ``parkwatt replay``."""

    window_h: Positive = Field(default=36.0, description="length of every plan")
    scenarios_every_h: Positive = Field(default=1.0, description="time between plans over scenarios")
    forecast_every_h: Annotated[Finite, Field(gt=0, le=24)] = Field(
        default=24.0, description="time between forecasts; in between the last measurements correct them"
    )
    ends: Literal["value", "band"] = Field(
        default="value", description="what a store is worth at a plan's end: money of the prices, or the file's wish"
    )
    peak_margin_kw: NonNegative = Field(
        default=0.0,
        description="plans stay so far below the peak that is paid anyway: what comes differs from what was forecast",
    )
    keep_plan_below: NonNegative = Field(
        default=0.0, description="a published plan changes only where that saves more money than this"
    )
    keep_plan_below_share: Fraction = Field(default=0.0, description="likewise, as a share of the plan's cost")


class Planning(Frozen):
    """How the daily plan is made."""

    step_minutes: Positive = 15.0
    first_steps: tuple[StepBlock, ...] = Field(default=(), description="other step lengths at the start of the horizon")
    days: int = Field(default=1, ge=1, le=31)
    scenarios: int = Field(default=5, ge=0, le=200, description="beside the central forecast")
    issue_before_h: NonNegative = Field(
        default=12.0, le=8784, description="how long before its first step a plan is issued"
    )
    seed: int = 0
    commitment: Literal["exact", "convex"] = Field(
        default="exact",
        description="exact: proved to the gap; convex: near the tightest relaxation, whose bound certifies the gap",
    )
    formulation: Literal["tight", "plain"] = Field(
        default="tight",
        description="of plant that is on or off: tight is solved faster; plain is the basic form, to compare with",
    )
    rest_of_month_days: int = Field(
        default=14,
        ge=0,
        le=62,
        description="measured days from which a connection's peak and imports in the rest of the month are expected "
        "where the file does not say; 0: nothing is",
    )
    rolling: Rolling = Rolling()
    gap: Annotated[Finite, Field(ge=1e-6, le=0.05)] = Field(
        default=1e-4,
        description="a search ends when its plan is proved so near to the optimum, as a share of it",
    )
    deadline_s: Positive | None = Field(
        default=None,
        description="a schedule that passes the audit is there after so many seconds of scheduling; default: no clock",
    )

    @model_validator(mode="after")
    def _fills_its_days(self) -> Self:
        """Days of 24 hours; one on which clocks change may still not be a whole number of long steps."""
        left_s = self.days * 86_400
        for name, hours, minutes in (*((f"first_steps {b.minutes:g}", b.hours, b.minutes) for b in self.first_steps),
                                     (f"step_minutes {self.step_minutes:g}", math.inf, self.step_minutes)):  # fmt: skip
            span_s = round(min(hours * 3600, left_s))
            step_s = round(minutes * 60)
            if step_s < 1 or span_s % step_s:
                raise ValueError(f"{name} does not divide {span_s / 3600:g} h; accepted: such as 15, 30 or 60")
            left_s -= span_s
        return self


class EmbeddedData(Frozen):
    """Plan on the measured 2016 profiles that come with the simbench extra."""

    day: Annotated[str, Field(pattern=r"^2016-\d\d-\d\d$")] = Field(description="the day to plan, in 2016")


if TYPE_CHECKING:
    AnyAsset = Asset
else:
    AnyAsset = Annotated[reduce(operator.or_, kinds().values()), Field(discriminator="kind")]


def _each_module(assets: tuple[Asset, ...]) -> tuple[Asset, ...]:
    """Identical modules one by one, so that every row of a kind is one of them."""
    modules = tuple(module for asset in assets for module in asset.modules())
    taken = {asset.name for asset in assets if asset.modules() == (asset,)}
    twice = [m.name for asset in assets if asset.modules() != (asset,) for m in asset.modules() if m.name in taken]
    if twice:
        raise ValueError(f"'{twice[0]}' is the name of a module of another asset: give one of them another name")
    return modules


class Site(Frozen):
    """A park as its file describes it; see ``parkwatt schema`` for every field."""

    name: Annotated[str, Field(min_length=1, pattern=r"^[A-Za-z0-9_\-]+$")]
    title: str = ""
    time_zone: TimeZone
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    latitude_deg: Annotated[Finite, Field(ge=-90, le=90)] | None = None
    longitude_deg: Annotated[Finite, Field(ge=-180, le=180)] | None = None
    altitude_m: Finite = 0.0
    buses: tuple[Bus, ...] = Field(min_length=1)
    assets: Annotated[tuple[AnyAsset, ...], AfterValidator(_each_module)] = Field(min_length=1)
    grid: Grid | None = None
    groups: tuple[Group, ...] = ()
    objective: Objective = Objective()
    wishes: Annotated[tuple[Wish, ...], AfterValidator(_flow_limits_apart)] = ()
    carbon: CarbonSettings = CarbonSettings()
    planning: Planning = Planning()
    embedded: EmbeddedData | None = None
    archive: ArchiveFolder | None = None
    feeds: Feeds = Feeds()
    claims: Claims = Claims()
    days_off: tuple[DaysOff, ...] = Field(
        default=(),
        description="shutdowns and local holidays, past and coming: forecasts of demand count them as holidays",
    )
    notes: tuple[str, ...] = ()

    @cached_property
    def bus_names(self) -> tuple[str, ...]:
        """Names of the buses, in order."""
        return tuple(bus.name for bus in self.buses)

    @cached_property
    def bus_carriers(self) -> tuple[Carrier, ...]:
        """Carriers of the buses, in order."""
        return tuple(bus.carrier for bus in self.buses)

    def rows(self, scenarios: int) -> dict[str, Rows[Any]]:
        """Members of each kind over ``scenarios``, kinds in alphabetical order."""
        names = sorted({asset.kind for asset in self.assets})
        members = {kind: tuple(a for a in self.assets if a.kind == kind) for kind in names}
        asked = (self.reserve_h, self.reserve_directions, self.outage_h, self.activation_h)
        return {kind: Rows(members[kind], scenarios, self.bus_names, *asked) for kind in names}

    @cached_property
    def reserve_directions(self) -> tuple[Direction, ...]:
        """In which directions any asset asks for reserve."""
        asked = {direction for asset in self.assets for direction in asset.asks_directions}
        return tuple(direction for direction in get_args(Direction) if direction in asked)

    @cached_property
    def reserve_h(self) -> float:
        """How long reserve must last once called: the longest that any asset asks for [h]."""
        return max(asset.asks_reserve_h for asset in self.assets)

    @cached_property
    def activation_h(self) -> float:
        """Within which time a called reserve must be there: the shortest that any asset asks for [h]; or infinite."""
        return min(asset.asks_activation_h for asset in self.assets)

    @cached_property
    def outage_h(self) -> float:
        """How long the site must serve its critical load on its own: the longest that any asset asks for [h]."""
        return max(asset.asks_outage_h for asset in self.assets)

    def known_series(self, horizon: Horizon, but: Collection[str] = ()) -> dict[tuple[str, str], Array]:
        """Input series that the configuration alone decides, of all assets but some, and who holds an island when."""
        assets = (asset for asset in self.assets if asset.name not in but)
        own = {(a.name, quantity): values for a in assets for quantity, values in a.known(horizon).items()}
        if self.grid is None or self.grid.island is None:
            return own
        return own | {(self.grid.island.reference, HOLDS_VOLTAGE): self.without_connection(horizon)[None, :] * 1.0}

    def without_connection(self, horizon: Horizon) -> np.ndarray:
        """(T,) whether all connections are planned out; true throughout where there is none."""
        there = [available(a.planned_outages, horizon) for a in self.assets if isinstance(a, GridConnection)]
        return np.asarray(np.sum(there, axis=0) < 1) if there else np.ones(horizon.steps, bool)

    def windows(self, horizon: Horizon, over: Window) -> Array:
        """(window, T) 1 where a step belongs to the local hour or day, or to the whole horizon."""
        of_step = self.window_of(horizon, over)
        return np.asarray(of_step[None, :] == np.arange(of_step.max() + 1)[:, None], dtype=np.float64)

    def window_of(self, horizon: Horizon, over: Window) -> np.ndarray:
        """(T,) which local hour or day a step belongs to, counted in the order of the clock."""
        if over == "horizon":
            return np.zeros(horizon.steps, int)
        # An hour that comes twice, when clocks go back, is two hours: their offsets differ.
        named = [
            (start.date(), start.hour, -(start.utcoffset() or timedelta())) if over == "hour" else (start.date(),)
            for start in horizon.local_start
        ]
        order = {name: window for window, name in enumerate(sorted(set(named)))}
        return np.array([order[name] for name in named])


def schema() -> dict[str, Any]:
    """JSON schema of a park's file, for editors: with quantities as text, library names and shipped tariffs by name."""
    made = TypeAdapter(Site).json_schema()
    text = {"type": "string"}
    for model in [made, *made["$defs"].values()]:
        fields = model.get("properties", {})
        for name in [n for n, field in fields.items() if unit_of(n) is not None or _is_share(n, field)]:
            fields[name] = {"anyOf": [fields[name], text], "description": fields[name].get("description", "")}
        if "const" in fields.get("kind", {}):
            for name in {"tariff", "carbon_intensity_kg_per_kwh", "marginal_intensity_kg_per_kwh"} & set(fields):
                fields[name] = {"anyOf": [fields[name], text]}
            fields["use"] = text | {"description": "an entry of the asset library; fields given here win"}
            # What the library gives need not be written, so an editor can only ask for these two.
            model["required"] = ["kind", "name"]
    return made


def _is_share(name: str, field: dict[str, Any]) -> bool:
    """A number whose name, or whose limits, say that it is a share: text in % is read."""
    numbers = [way for way in (field, *field.get("anyOf", ())) if way.get("type") == "number"]
    return bool(numbers) and (takes_percent(name) or any(1 in (way.get("le"), way.get("maximum")) for way in numbers))
