"""What is agreed beside the tariff at a connection: limits at certain hours, green power, demand response.

Each is data with a function that compiles it for a horizon; :mod:`dispatch.assets.grid_connection` puts them together.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import AwareDatetime, Field, model_validator

from dispatch.fields.frozen import Finite, Fraction, Frozen, NonNegative
from dispatch.fields.series import Signal, signal_values
from dispatch.signals import Array, Horizon
from dispatch.tariff.calendar import Calendar, Days
from dispatch.tariff.components import Block, Component, Event

_WHOLE_S = 0.5
Name = Annotated[str, Field(min_length=1, pattern=r"^[A-Za-z0-9_\-]+$")]


class ExchangeLimit(Frozen):
    """At most so much in one direction at certain hours, beside the connection's own limit."""

    direction: Literal["import", "export"]
    limit_kw: Signal
    calendar: Calendar = Calendar()

    def values(self, horizon: Horizon, days: Days, owner: str) -> Array:
        """(T,) the limit; infinite where it does not hold. One that holds for part of a step holds for all of it."""
        steps = zip(horizon.local_start, horizon.local_end, strict=True)
        holds = [self.calendar.changes_inside(s, e, days) or self.calendar.covers(s, days) for s, e in steps]
        at, out = np.flatnonzero(holds), np.full(horizon.steps, np.inf)
        starts, ends = (tuple(moments[i] for i in at) for moments in (horizon.local_start, horizon.local_end))
        out[at] = signal_values(self.limit_kw, starts, ends, f"{self.direction} limit of '{owner}'")
        return np.asarray(np.maximum(out, 0.0))


class GreenPower(Frozen):
    """Green electricity delivered through the connection, with its certificates.

    Delivered is what is wanted of the import, up to ``max_kw`` and ``share_max`` of it. Paid is its price for at least
    ``take_kwh_month`` each month (take or pay), on top of the tariff or instead of the tariff's energy price.
    """

    name: Name
    price_per_kwh: NonNegative = Field(description="of what is delivered, or must be taken")
    replaces_energy_price: bool = Field(default=False, description="true: these kWh do not pay the tariff's energy")
    max_kw: Signal | None = Field(
        default=None, description="what the seller delivers at the most, like a plant's profile"
    )
    share_min: Fraction | None = Field(default=None, description="of every step's import that is green at least")
    share_max: Fraction = Field(default=1.0, description="of every step's import that is green at most")
    take_kwh_month: NonNegative = Field(default=0.0, description="energy that is paid for whether taken or not")
    certificates_kept: Fraction = Field(
        default=1.0, description="share of the certificates that is kept: only that counts as clean"
    )
    source: str = ""

    @model_validator(mode="after")
    def _shares_in_order(self) -> Self:
        if self.least_share > self.share_max:
            raise ValueError(f"share_min {self.share_min:g} is above share_max {self.share_max:g}")
        if self.share_min is not None and self.max_kw is not None:
            raise ValueError("a contract has share_min (it follows the import) or max_kw (the import follows it)")
        return self

    @property
    def least_share(self) -> float:
        """Of every step's import."""
        return self.share_min or 0.0

    @property
    def component(self) -> Component:
        """Take or pay is a tier: nothing more to pay up to what is owed anyway, the price for each kWh beyond."""
        free = (Block(up_to_kwh=self.take_kwh_month, price_per_kwh=0.0),) if self.take_kwh_month else ()
        blocks = (*free, Block(price_per_kwh=self.price_per_kwh))
        return Component(name=self.name, basis="tier", blocks=blocks, source=self.source or "contract")

    def most_kw(self, horizon: Horizon, owner: str) -> Array:
        """(T,) what the seller delivers at the most."""
        if self.max_kw is None:
            return np.full(horizon.steps, np.inf)
        what = f"max_kw of '{self.name}' at '{owner}'"
        return np.maximum(signal_values(self.max_kw, horizon.local_start, horizon.local_end, what), 0.0)


class Awarded(Event):
    """Net exchange that was sold to a market and is given from then to then, whatever else would be cheaper."""

    net_import_kw: Finite = Field(description="import less export")


class DemandResponse(Frozen):
    """Import below a baseline in a window: paid per kWh for ``committed_kw``, forfeited with a penalty where short.

    A kWh short of the commitment loses its payment and costs the penalty, however far import exceeds the baseline.
    """

    name: Name
    start: AwareDatetime
    end: AwareDatetime
    baseline_kw: NonNegative = Field(description="import that the reduction is counted from")
    committed_kw: NonNegative = Field(description="reduction that is sold")
    price_per_kwh: NonNegative
    penalty_per_kwh: NonNegative = Field(default=0.0, description="beside the payment lost")

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.end <= self.start:
            raise ValueError(f"end {self.end.isoformat()} must be after start {self.start.isoformat()}")
        if self.committed_kw > self.baseline_kw:
            raise ValueError(
                f"committed_kw {self.committed_kw:g} is above baseline_kw {self.baseline_kw:g}: "
                "import cannot fall by more than there is"
            )
        return self

    def share(self, horizon: Horizon) -> Array:
        """(T,) part of each step that lies in the window."""
        edges = horizon.edges.astype("datetime64[s]").astype(np.float64)
        inside = np.diff(np.clip(edges, self.start.timestamp(), self.end.timestamp()))
        return np.asarray(inside / np.diff(edges))


def limit(limits: Sequence[ExchangeLimit], direction: str, horizon: Horizon, days: Days, owner: str) -> Array:
    """(T,) the tightest of all limits in a direction; infinite without one."""
    values = [entry.values(horizon, days, owner) for entry in limits if entry.direction == direction]
    return np.min(values, axis=0) if values else np.full(horizon.steps, np.inf)


def available(outages: Sequence[Event], horizon: Horizon) -> Array:
    """(T,) 0 in steps that a planned outage touches, 1 in all others."""
    if not outages:
        return np.ones(horizon.steps)
    edges = horizon.edges.astype("datetime64[s]").astype(np.float64)
    off = [(edges[:-1] < o.end.timestamp()) & (edges[1:] > o.start.timestamp()) for o in outages]
    return np.asarray(1.0 - np.any([np.zeros(horizon.steps, bool), *off], axis=0))


def awarded_kw(sold: Sequence[Awarded], horizon: Horizon) -> Array:
    """(T,) the mean net import that was sold; NaN where a step is not sold all through."""
    edges = horizon.edges.astype("datetime64[s]").astype(np.float64)
    lasts, sold_s, energy = np.diff(edges), np.zeros(horizon.steps), np.zeros(horizon.steps)
    for one in sold:
        inside = np.diff(np.clip(edges, one.start.timestamp(), one.end.timestamp()))
        sold_s += inside
        energy += inside * one.net_import_kw
    return np.where(sold_s >= lasts - _WHOLE_S, energy / lasts, np.nan)


def require_once(sold: Sequence[Awarded]) -> None:
    """What was sold is one number at a time.

    Raises:
        ValueError: two overlap.
    """
    ordered = sorted(sold, key=lambda one: one.start)
    for one, other in pairwise(ordered):
        if other.start < one.end:
            raise ValueError(f"awarded: two hold at {other.start.isoformat()}; accepted: one at a time")


def require_apart(events: Sequence[DemandResponse]) -> None:
    """Two events at one time would sell the same reduction twice.

    Raises:
        ValueError: two overlap.
    """
    ordered = sorted(events, key=lambda event: event.start)
    for one, other in pairwise(ordered):
        if other.start < one.end:
            raise ValueError(f"demand_response '{one.name}' and '{other.name}' overlap: one reduction is sold once")
