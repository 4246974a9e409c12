"""What a kind adds to a problem and what its audit finds: ports, parts, accounts and violations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dispatch.errors import ContractError
from dispatch.signals import Array, Horizon

if TYPE_CHECKING:
    import cvxpy as cp


Commitment = Literal["exact", "convex", "given"]
Formulation = Literal["tight", "plain"]


@dataclass(frozen=True)
class Mode:
    """How commitment is decided.

    Attributes:
        commitment: ``exact`` (integers), ``convex`` (relaxed to [0, 1]) or ``given`` (read from the inputs).
        shared: commitment and the powers of electric stores are here-and-now: the same in every scenario.
        formulation: of plant that is on or off: ``tight`` is near the hull of its whole-number points, ``plain`` the
            basic form, for studies that compare; both have the same whole-number points.
    """

    commitment: Commitment = "exact"
    shared: bool = True
    formulation: Formulation = "tight"


class Given:
    """The coefficients of one kind, by name: NumPy constants or cvxpy parameters, the kind need not know which."""

    def __init__(self, horizon: Horizon, values: Mapping[str, Any]) -> None:
        self.horizon = horizon
        self._values = values

    def __contains__(self, name: str) -> bool:
        """Is there such a coefficient? What no member of the kind uses may be left out."""
        return name in self._values

    def __getitem__(self, name: str) -> Any:
        """The coefficient; a name that neither ``ratings`` nor ``signals`` returned is a ContractError."""
        if name not in self._values:
            raise ContractError(f"no coefficient '{name}'; there are {sorted(self._values)}")
        return self._values[name]


@dataclass(frozen=True)
class Port:
    """One bus side of a kind.

    Attributes:
        bus: (row,) index of the bus in its scenario's block (scenario · buses + bus).
        power_kw: (row, step) into the bus: generation +, consumption −.
    """

    bus: np.ndarray
    power_kw: cp.Expression


@dataclass(frozen=True)
class Exclusive:
    """Two non-negative flows of which one must be zero, relaxed by ``first/cap + second/cap ≤ 1``.

    Attributes:
        switch: (row, step) variable in [0, 1], 1 where ``first`` may flow and 0 where ``second`` may; the solver makes
            it integer only where both flows came out positive.
        first, second: (row, step) the flows [kW].
        overlap: (row, step) how much of both there is at present values [kW], where that is not the lesser of them.
    """

    switch: cp.Variable
    first: cp.Expression
    second: cp.Expression
    overlap: Callable[[], Array] | None = None

    def both_kw(self) -> Array:
        """(row, step) of the present values, how much runs together that must not."""
        if self.overlap is not None:
            return self.overlap()
        return np.asarray(np.minimum(self.first.value, self.second.value))


@dataclass(frozen=True)
class Backup:
    """What a kind's rows can give the site on its own; expressions in a part, numbers in an account.

    A *pair* is a step of an outage by the step that it begins with; see :mod:`dispatch.units.island`.

    Attributes:
        firm_kw: (row, pair) power with no end to it: of units that run, or can be started by then.
        stock_kwh: (row, step) energy in a store when an outage begins with the step, above what must stay in it.
        drain_kwh_per_kwh: (row, step) what of the stock a kWh at the bus takes.
        power_kw: (row, pair) the most that the store gives.
    """

    firm_kw: Any = None
    stock_kwh: Any = None
    drain_kwh_per_kwh: Any = None
    power_kw: Any = None


@dataclass(frozen=True)
class Survival:
    """What must be served in an outage; expressions in a part, numbers in an account.

    Attributes:
        need_kw: (row, pair) critical load less what the weather gives.
        unserved_kw: (row, pair) of it, what may lack; in a part.
        unserved_kwh: (row, step) what is said to lack in an outage from the step on; in an account.
        black_start_kwh: (row, step) energy that stays in the named store.
        black_start_kw: (row, pair) power that it keeps back.
        stores: (member,) names of these stores.
    """

    need_kw: Any
    black_start_kwh: Any
    black_start_kw: Any
    stores: tuple[str | None, ...]
    unserved_kw: Any = None
    unserved_kwh: Any = None


_BROUGHT = ("supply_kw", "contracted_kw", "grid_free_kw", "fuel_kw", "unclean_fuel_kw")
_AFFINE = (*_BROUGHT, "reserve_up_kw", "reserve_down_kw", "room_up_kw", "room_down_kw")


@dataclass(frozen=True)
class Part:
    """What all members of one kind add. Every expression is (row, step) unless said otherwise.

    Attributes:
        ports: bus sides by carrier or role.
        constraints: hard physics; must be DCP and DPP.
        cost_step: money, unweighted by probability.
        cost_period: (row, period) money per billing period.
        co2_step_kg: direct and purchased emissions [kg].
        penalty_step: price of broken wishes, in money but never part of the reported money.
        supply_kw: net electricity the kind brings to the site (generation + import − export).
        unclean_kw: the share of that supply which does not count as clean.
        bought_kw: what comes over a connection; a series that ``check`` and ``account`` hold.
        contracted_kw: of it, what a contract certifies as carbon-free in its own step.
        grid_free_kw: of the rest of it, what is carbon-free on the grid itself.
        fuel_kw: fuel and heat that the kind brings to the site, by lower heating value.
        unclean_fuel_kw: the share of it that does not count as clean.
        of_fuel: its electricity is made of fuel that another kind brings and counts.
        reserve_up_kw: power ready to be raised within the site's reserve duration: offered +, asked for −.
        reserve_down_kw: likewise, to be lowered.
        room_up_kw, room_down_kw: how much more a connection lets out, and in.
        backup: what the kind gives in an outage, where the site asks for that.
        survival: what an outage asks for.
        series: what the report shows; decision variables appear here under the name that ``rule`` returns.
        inner: decision variables of any shape that follow from those; ``complete`` gives their values.
        exclusive: pairs of flows that must not run together.
        relaxable: limits that may be passed where no plan keeps them all, under the words that ``check`` has for them;
            (row, step) each, written as "what varies ≤ limit" or "what varies ≥ limit".
    """

    ports: Mapping[str, Port]
    constraints: Sequence[cp.Constraint]
    cost_step: cp.Expression | None = None
    cost_period: cp.Expression | None = None
    co2_step_kg: cp.Expression | None = None
    penalty_step: cp.Expression | None = None
    supply_kw: cp.Expression | None = None
    unclean_kw: cp.Expression | None = None
    bought_kw: cp.Expression | None = None
    contracted_kw: cp.Expression | None = None
    grid_free_kw: cp.Expression | None = None
    fuel_kw: cp.Expression | None = None
    unclean_fuel_kw: cp.Expression | None = None
    of_fuel: bool = False
    reserve_up_kw: cp.Expression | None = None
    reserve_down_kw: cp.Expression | None = None
    room_up_kw: cp.Expression | None = None
    room_down_kw: cp.Expression | None = None
    backup: Backup | None = None
    survival: Survival | None = None
    series: Mapping[str, cp.Expression] = field(default_factory=dict)
    inner: Mapping[str, cp.Variable] = field(default_factory=dict)
    exclusive: Sequence[Exclusive] = ()
    relaxable: Mapping[str, cp.Constraint] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Every term proves its own convexity where it is born."""
        for constraint in self.constraints:
            if not constraint.is_dcp(dpp=True):
                raise ContractError(f"constraint is not DCP and DPP: {constraint}")
        for name in ("cost_step", "cost_period", "co2_step_kg", "penalty_step", "unclean_kw", "bought_kw"):
            term = getattr(self, name)
            if term is not None and not (term.is_convex() and term.is_dpp()):
                raise ContractError(f"{name} is not convex and DPP")
        for name in _AFFINE:
            term = getattr(self, name)
            if term is not None and not (term.is_affine() and term.is_dpp()):
                raise ContractError(f"{name} is not affine and DPP")
        for name, port in self.ports.items():
            if not (port.power_kw.is_affine() and port.power_kw.is_dpp()):
                raise ContractError(f"port {name} is not affine and DPP")


Fault = Literal["limit", "mistake"]


@dataclass(frozen=True)
class Violation:
    """One limit that a schedule breaks, found by a check; or a number that is wrong.

    Attributes:
        step: the step, or which of ``among`` sums (windows, billing periods, scenarios) it is.
        fault: ``limit``: what a rung of the ladder may be excused for and names; ``mistake``: a number that does not
            follow from those it states, which no rung may have.
        among: how many values it is one of; as many as the horizon has steps where it is of a step.
        when: the step's start on the local clock; empty while nobody has said it (see :func:`dated`).
    """

    asset: str
    what: str
    step: int
    value: float
    limit: float
    unit: str
    fault: Fault = "limit"
    among: int = 1
    when: str = ""

    @property
    def margin(self) -> float:
        """By how much the limit is broken, in its unit."""
        return abs(self.value - self.limit)

    def _of(self, number: float) -> str:
        return f"{number:.4g}" if self.unit == "-" else f"{number:.4g} {self.unit}"

    @property
    def excess(self) -> str:
        """By how much the limit is broken, in words."""
        return self._of(self.margin)

    @property
    def place(self) -> str:
        """Where it is, to be said after what it is; nothing where it is of the horizon as a whole."""
        if self.when:
            return f" at {self.when}"
        return f", {self.step + 1} of {self.among}" if self.among > 1 else ""

    def __str__(self) -> str:
        return f"{self.asset}: {self.what}{self.place}: {self._of(self.value)}, limit {self._of(self.limit)}"


@dataclass(frozen=True)
class Account:
    """What a solution's series amount to, computed apart from the optimiser; what is left out must be zero.

    Attributes:
        power_kw: by port, (row, step) into the bus.
        at: by port, the field of the members that names its bus; of one left out, ``<port>_bus`` where the kind has
            such a field, else ``bus``.
        money, penalty: (row,) sums over the horizon.
        co2_kg: likewise, or (row, step): of kinds that caps by the hour can see, step by step.
        supply_kw, unclean_kw, reserve_up_kw, reserve_down_kw: (row, step).
        bought_kw, contracted_kw, grid_free_kw, fuel_kw, unclean_fuel_kw: (row, step); of_fuel: as in the part.
        backup, survival: as in the part, in numbers.
    """

    power_kw: Mapping[str, Array]
    money: Array | float = 0.0
    co2_kg: Array | float = 0.0
    penalty: Array | float = 0.0
    supply_kw: Array | float = 0.0
    unclean_kw: Array | float = 0.0
    bought_kw: Array | float = 0.0
    contracted_kw: Array | float = 0.0
    grid_free_kw: Array | float = 0.0
    fuel_kw: Array | float = 0.0
    unclean_fuel_kw: Array | float = 0.0
    of_fuel: bool = False
    reserve_up_kw: Array | float = 0.0
    reserve_down_kw: Array | float = 0.0
    backup: Backup | None = None
    survival: Survival | None = None
    at: Mapping[str, str] = field(default_factory=dict)


def breaches(
    names: Sequence[str],
    what: str,
    value: Array,
    limit: Array | float,
    unit: str,
    tolerance: float = 1e-4,
    *,
    fault: Fault = "limit",
) -> list[Violation]:
    """Violations of ``value ≤ limit`` (row, step) beyond ``tolerance`` · max(1, |limit|); NaN always counts."""
    bound = np.broadcast_to(limit, value.shape)
    over = ~(value <= bound + tolerance * np.maximum(1.0, np.abs(bound)))
    return [
        Violation(
            names[row], what, int(step), float(value[row, step]), float(bound[row, step]), unit, fault, value.shape[1]
        )
        for row, step in np.argwhere(over)
    ]


def dated(violations: Iterable[Violation], horizon: Horizon) -> tuple[Violation, ...]:
    """Each violation of a step with that step's time on the local clock."""
    return tuple(replace(v, when=horizon.clock(v.step)) if v.among == horizon.steps else v for v in violations)


def mistakes(
    names: Sequence[str], what: str, apart: Array, allowed: Array | float, unit: str, tolerance: float = 1e-4
) -> list[Violation]:
    """As ``breaches``, of numbers that do not follow from others that are stated: ``apart`` is by how much."""
    return breaches(names, what, apart, allowed, unit, tolerance, fault="mistake")
