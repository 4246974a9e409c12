"""The one protocol: what an asset kind is, and what it adds to a problem.

A kind is one file in :mod:`dispatch.assets`. It states its physics, money and carbon once, for all its members
in all scenarios at the same time. A *row* is one member in one scenario; rows are ordered scenario by scenario
(row = scenario · members + member) and every array is (row, step).

Three classmethods feed the optimiser:

* ``ratings``: coefficients that follow from the members' own numbers (constants of one site, parameters of a template);
* ``signals``: coefficients that follow from the inputs of this solve (forecasts, prices, initial state), combined with
  ratings in NumPy where both multiply a variable, because a product of two parameters is not DPP;
* ``part``: cvxpy variables, constraints, cost and carbon written with those coefficients.

Three stand apart from it: ``check`` holds a solution against the members' limits and ``account`` counts its powers,
money and carbon, both in NumPy from the members' fields alone; ``rule`` says what they do when there is no plan.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, Literal, Self, TypeVar

import numpy as np
from pydantic import Field, model_validator

from dispatch.errors import DataError
from dispatch.fields.capital import Capital
from dispatch.fields.frozen import Frozen
from dispatch.fields.inverter import FixedPowerFactor, Inverter, Reactive
from dispatch.fields.out_of_service import OutOfService, touched
from dispatch.fields.series import Need
from dispatch.part import Account, Given, Mode, Part, Violation
from dispatch.ruling import Ruling
from dispatch.signals import Array, Horizon
from dispatch.worth import Worth

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["Asset", "Carrier", "Carriers", "Direction", "Given", "Inputs", "Mode", "Rows", "full", "shifted"]

A = TypeVar("A", bound="Asset")
Carrier = Literal[
    "electricity", "heat", "steam", "cold", "gas", "hydrogen", "ammonia", "methanol", "compressed_air", "fuel", "co2"
]
Carriers = Carrier | tuple[Carrier, ...] | None
"""What a bus must carry: one carrier, one of several, or (None) any."""
Direction = Literal["up", "down"]
_IN_SERVICE = ("available_kw", "demand_kw", "capacity_kw", "overhead_factor", "traffic")  # nothing while out of it


@dataclass(frozen=True)
class Inputs:
    """What one solve knows about the world.

    Attributes:
        horizon: the steps.
        scenarios: S.
        series: by (asset name, quantity with unit): (S, T) forecasts and prices, (S, P) per-period values.
        state: by asset name: numbers carried in from before the horizon; a missing one falls back on the config.
    """

    horizon: Horizon
    scenarios: int
    series: Mapping[tuple[str, str], Array]
    state: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Rows(Generic[A]):
    """The members of one kind, repeated over scenarios.

    Attributes:
        members: M assets of the kind.
        scenarios: S; there are S·M rows.
        buses: names of the site's buses, in order.
        reserve_h: how long reserve must last once it is called, the longest of the site's products [h]; 0: none asked.
        directions: in which reserve is asked for.
        outage_h: how long the site must serve its critical load on its own [h]; 0: nobody asks for that.
        activation_h: within which time a called reserve must be there [h]; infinite: within the distance of two steps.
    """

    members: tuple[A, ...]
    scenarios: int
    buses: tuple[str, ...]
    reserve_h: float = 0.0
    directions: tuple[Direction, ...] = ()
    outage_h: float = 0.0
    activation_h: float = np.inf

    @property
    def count(self) -> int:
        """Number of rows, S·M."""
        return len(self.members) * self.scenarios

    def field(self, name: str, missing: float = np.nan) -> Array:
        """(row, 1) a numeric field of the members; ``missing`` where it is None."""
        values = [getattr(member, name) for member in self.members]
        column = np.array([missing if v is None else float(v) for v in values])
        return np.tile(column, self.scenarios)[:, None]

    def state(self, inputs: Inputs, name: str, missing: float = np.nan) -> Array:
        """(row, 1) a number carried in from before the horizon, or the member's own field of that name."""
        values = [m.before_start(inputs, name) for m in self.members]
        column = np.array([missing if v is None else float(v) for v in values])
        return np.tile(column, self.scenarios)[:, None]

    def series(self, inputs: Inputs, name: str) -> Array:
        """(row, step or period) an input series of the members, scenario by scenario.

        Raises:
            DataError: a member has no such series; the message names it and lists what it has.
        """
        blocks, steps = [], 0
        for member in self.members:
            block = inputs.series.get((member.name, name))
            if block is None:
                has = sorted(q for asset, q in inputs.series if asset == member.name)
                raise DataError(f"asset '{member.name}' needs a series '{name}'; it has {has or 'none'}")
            *rows, steps = np.shape(block)
            blocks.append(block if rows == [self.scenarios] else np.broadcast_to(block, (self.scenarios, steps)))
        out = np.concatenate(blocks, axis=1, dtype=np.float64).reshape(self.count, -1)
        for row in np.flatnonzero(~np.isfinite(out).all(axis=1))[:1]:
            raise DataError(f"series '{name}' of asset '{self.names[row]}' has missing values at the horizon")
        if self.may_stand and name in _IN_SERVICE:
            return np.where(self.standing(inputs.horizon), 0.0, out)
        return out

    @property
    def may_stand(self) -> bool:
        """Is any member out of service at some time?"""
        return any(member.out_of_service for member in self.members)

    def standing(self, horizon: Horizon) -> np.ndarray:
        """(row, step) whether a member is out of service."""
        if not self.may_stand:
            return np.zeros((self.count, horizon.steps), bool)
        return np.tile(np.stack([m.stands(horizon) for m in self.members]), (self.scenarios, 1))

    def bus(self, name: str = "bus") -> np.ndarray:
        """(row,) position of each row's bus among scenario-stacked buses."""
        index = np.array([self.buses.index(getattr(member, name)) for member in self.members])
        return np.concatenate([s * len(self.buses) + index for s in range(self.scenarios)])

    @cached_property
    def names(self) -> tuple[str, ...]:
        """(row,) the member behind each row."""
        return tuple(member.name for member in self.members) * self.scenarios

    @cached_property
    def scenario(self) -> np.ndarray:
        """(row,) the scenario of each row."""
        return np.repeat(np.arange(self.scenarios), len(self.members))

    @cached_property
    def spread(self) -> csr_array:
        """(row, member) ones: turns a here-and-now array (member, step) into one per row."""
        import scipy.sparse as sp

        eye = sp.eye_array(len(self.members), format="csr")
        return sp.csr_array(sp.vstack([eye] * self.scenarios))


class Asset(Frozen, ABC):
    """One piece of plant. A kind is a subclass with ``kind: Literal["…"]``; see CONTRIBUTING for the recipe.

    Class attributes:
        rule_order: position in the cascade of rules; lower acts first.
        gives_more: its ``settle`` gives more where its bus lacks, before loads shed.
        relieves: its ``settle`` gives more for less than a month of demand charge: asked before a billed peak rises.
        counts_on: its penalties are of sums over days or the horizon, of which no part has a share by itself.
        transient: what it hands on is of what is there (vehicles): it replaces all that was handed to it, and only the
            windows of a path tell it, for a sum can be shared out in several ways.
        is_network: its ports are the network itself (a cable, the point of common coupling), not an injection into it.
        bus_fields: field → carrier that the bus must have, or several of which one (None: any).
        same_carrier: all of its buses carry the same.
        carrier_fields: field of a bus → field whose value is the carrier that the bus must have.
        bus_currents: field → ac or dc, for a kind that must stand on one of them.
        inverter: what stands between the kind and its ac bus; None: its reactive power is not for anybody to set.
        never_out: of what is no plant that could be out of service: what to write instead; empty: it is plant.
    """

    rule_order: ClassVar[int] = 0
    gives_more: ClassVar[bool] = False
    relieves: ClassVar[bool] = False
    counts_on: ClassVar[bool] = False
    transient: ClassVar[bool] = False
    is_network: ClassVar[bool] = False
    bus_fields: ClassVar[Mapping[str, Carriers]] = {"bus": "electricity"}
    same_carrier: ClassVar[bool] = False
    carrier_fields: ClassVar[Mapping[str, str]] = {}
    bus_currents: ClassVar[Mapping[str, str]] = {}
    inverter: ClassVar[Inverter | None] = None
    never_out: ClassVar[str] = ""

    kind: str
    name: Annotated[str, Field(min_length=1, pattern=r"^[A-Za-z0-9_\-]+$")]
    source: str = Field(default="", description="where the numbers come from, with a date")
    verified: bool = Field(default=True, description="false: typical values nobody has checked; the report says so")
    out_of_service: tuple[OutOfService, ...] = Field(default=(), description="from when to when it stands still")
    capital: Capital | None = Field(default=None, description="what it cost, for levelised costs in the report")
    reactive: Reactive | None = Field(default=None, description="reactive power of its inverter, on a site with a grid")

    @model_validator(mode="after")
    def _has_inverter(self) -> Self:
        if self.reactive is None:
            return self
        if self.inverter is None:
            raise ValueError(f"reactive: a {self.kind} has no inverter whose reactive power could be set")
        if self.reactive.mode == "free" and self.reactive.power_factor_min is not None and not self.inverter.feeds_only:
            raise ValueError(
                f"reactive: power_factor_min of a {self.kind}, which also draws power, leaves no convex region; "
                "leave it out (the rating still holds), or choose mode fixed or voltage"
            )
        return self

    @model_validator(mode="after")
    def _is_plant(self) -> Self:
        if self.out_of_service and self.never_out:
            raise ValueError(f"out_of_service: a {self.kind} has none; {self.never_out}")
        return self

    @property
    def needs(self) -> tuple[Need, ...]:
        """Forecasts that this asset needs before it can be planned."""
        return ()

    @property
    def structure(self) -> tuple[object, ...]:
        """What must be the same in all sites that share one compiled problem; everything else is data."""
        buses = tuple(str(getattr(self, field)) for field in self.bus_fields)
        return (*buses, "out of service") if self.out_of_service else buses

    def stands(self, horizon: Horizon) -> np.ndarray:
        """(step,) whether it is out of service."""
        return touched(self.out_of_service, horizon)

    def before_start(self, inputs: Inputs, name: str) -> Any:
        """A number carried in from before the horizon, or its own field of that name."""
        return inputs.state.get(self.name, {}).get(name, getattr(self, name))

    @property
    def kvar_per_kw(self) -> float:
        """Reactive power drawn per kW drawn, for the network; equally, given per kW given."""
        return self.reactive.kvar_per_kw if isinstance(self.reactive, FixedPowerFactor) else 0.0

    @property
    def annuity(self) -> float:
        """What it cost to build, in money per year."""
        return self.capital.annuity() if self.capital is not None else 0.0

    @property
    def asks_reserve_h(self) -> float:
        """How long the reserve this asset asks for must last once called [h]; 0: it asks for none."""
        return 0.0

    @property
    def asks_activation_h(self) -> float:
        """Within which time the reserve this asset asks for must be there [h]; infinite: it does not say."""
        return np.inf

    @property
    def asks_directions(self) -> tuple[Direction, ...]:
        """In which directions it asks for reserve."""
        return ()

    def modules(self) -> tuple[Self, ...]:
        """The rows that one entry of a park's file stands for: itself, or its identical modules one by one."""
        return (self,)

    @property
    def asks_outage_h(self) -> float:
        """How long it asks the site to serve its critical load without the grid [h]; 0: it does not."""
        return 0.0

    def known(self, horizon: Horizon) -> dict[str, Array]:
        """(1, …) input series that the configuration alone decides, such as prices, by quantity."""
        return {}

    def worth(self, inputs: Inputs) -> Worth:
        """What it means for the worth of what stores hold: by default, what it draws must be served."""
        return Worth(served=True)

    @classmethod
    def ratings(cls, rows: Rows[Self], horizon: Horizon) -> dict[str, Array]:
        """Coefficients from the members' own numbers."""
        return {}

    @classmethod
    def signals(cls, rows: Rows[Self], inputs: Inputs) -> dict[str, Array]:
        """Coefficients from the inputs of one solve."""
        return {}

    @classmethod
    @abstractmethod
    def part(cls, rows: Rows[Self], given: Given, mode: Mode) -> Part:
        """Physics, money and carbon of all members."""

    @classmethod
    @abstractmethod
    def check(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Limits that a solution breaks, in NumPy, written without looking at ``part``."""

    @classmethod
    @abstractmethod
    def account(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> Account:
        """Powers, money and carbon of a solution, in NumPy from fields and inputs, without looking at ``part``."""

    @classmethod
    @abstractmethod
    def rule(cls, rows: Rows[Self], given: Inputs, state: Ruling) -> dict[str, Array]:
        """Values of the kind's decision variables when there is no plan, by the names in ``Part.series``."""

    @classmethod
    def settle(cls, rows: Rows[Self], given: Inputs, state: Ruling, values: dict[str, Array]) -> dict[str, Array]:
        """``values`` after giving way to what all rules together left over; called in reverse order of the cascade."""
        return values

    @classmethod
    def passed(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Soft limits that a solution passes because nothing else was feasible: they put a plan on rung ``relaxed``."""
        return []

    @classmethod
    def repaired(
        cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array], price: Array | None
    ) -> list[dict[str, Array]]:
        """Decisions that the kind can really follow in place of a solution's; none where it can follow these.

        For a kind whose part is an outer bound: the rest of the site is solved again around the best of them.

        Args:
            price: (row, step) money per kWh at the members' bus; None where the solution has no prices.
        """
        return []

    @classmethod
    def follow(cls, rows: Rows[Self], given: Inputs, wanted: Mapping[str, Array]) -> dict[str, Array] | None:
        """Decisions as near to ``wanted`` (row, step) as state and limits of today let them; what it lacks is zero.

        None: its rule serves as well, as it decides nothing, or nothing is wanted of it and it remembers nothing. With
        it the ladder takes yesterday's plan into today, and rests a kind by wanting nothing of it.
        """
        return None

    @classmethod
    def published(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> dict[str, Array]:
        """(row, step) what a plan says beside its decisions of how it is to be followed."""
        return {}

    @classmethod
    def guard(cls, rows: Rows[Self], given: Inputs, wanted: Mapping[str, Array]) -> Array | None:
        """(row, step) what it gives at the most where a plan is followed, until others have been asked; None: all."""
        return None

    @classmethod
    def complete(cls, rows: Rows[Self], given: Inputs, values: dict[str, Array]) -> dict[str, Array]:
        """``values`` with those of ``Part.inner``, which follow from them."""
        return values

    @classmethod
    def told(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[str]:
        """What the report says of the central path beside the numbers: choices that have a name."""
        return []

    @classmethod
    def missed(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[str]:
        """What the central path leaves undone of what is wanted, in words: the report warns of it."""
        return []

    @classmethod
    def carry(
        cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array], steps: int
    ) -> dict[str, dict[str, float]]:
        """By member, the state after the first ``steps`` steps of scenario 0, as ``Inputs.state`` takes it.

        The next window of a rolling plan starts from it; what a kind leaves out starts from the config again.
        """
        return {}


def full(rows: Rows[Any], horizon: Horizon, values: Array) -> Array:
    """``values`` of shape (row, 1) written out to (row, step): cvxpy's fast backend has no broadcasting."""
    return np.array(np.broadcast_to(values, (rows.count, horizon.steps)))


def shifted(first: Any, later: Any) -> Any:
    """(row, step) the array of the step before: ``first`` (row, 1), then ``later`` without its last column."""
    import cvxpy as cp

    if later.shape[1] == 1:
        return first
    return cp.hstack([first, later[:, :-1]])
