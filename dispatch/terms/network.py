r"""What the network asks of a plan: linear limits on injections and, where the park pays for them, its losses.

Both arrive as data in a fixed number of slots per step. Limits k, each with an excess of its own that the objective
prices, and losses above the tangent planes of the AC points seen so far:

.. math::
    Σ_b a_{kbt} p_{bt} + Σ_b c_{kbt} q_{bt} ≤ \bar b_{kt} + e_{kt}, \quad
    l_t ≥ L_{jt} + Σ_b g_{jbt} p_{bt} + Σ_b h_{jbt} q_{bt}

The losses of a radial feeder are convex in its injections, so tangents never overstate them; l stands in the balance of
one bus. Where energy costs less than nothing, an l above the tangents would pay: there the objective takes back what it
earns. The same rows hold in every scenario.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.asset import Inputs, Rows
from dispatch.errors import ContractError
from dispatch.part import Part
from dispatch.signals import Array
from dispatch.site import Site
from dispatch.terms import reactive
from dispatch.terms.breach import to_scenario
from dispatch.terms.reactive import Decided

if TYPE_CHECKING:
    import cvxpy as cp

_TANGENTS = 6
_PRICES = ("import_price_per_kwh", "export_price_per_kwh")
_MORE_THAN_EARNED = 1.01


@dataclass(frozen=True)
class NetworkLimits:
    """Linear limits on injections: Σ_b coefficient · injection_kw + Σ_b coefficient_kvar · injection_kvar ≤ bound_kw.

    Coefficients are (K, B, T), the bound is (K, T). Unused slots have coefficient 0 and bound 1.
    ``coefficient_kvar`` None: reactive power moves nothing. ``limited`` (K, T) says in words what each of them limits,
    "" where nothing; None: nothing is known of that.
    """

    coefficient: Array
    bound_kw: Array
    coefficient_kvar: Array | None = None
    limited: np.ndarray | None = None

    @classmethod
    def none(cls, slots: int, buses: int, steps: int) -> NetworkLimits:
        """Slots that hold no limit yet."""
        return cls(np.zeros((slots, buses, steps)), np.ones((slots, steps)))

    def widened(self, slots: int) -> NetworkLimits:
        """The same limits in more slots."""
        more = slots - self.bound_kw.shape[0]
        kvar = np.zeros_like(self.coefficient) if self.coefficient_kvar is None else self.coefficient_kvar
        empty = np.zeros((more, *self.coefficient.shape[1:]))
        bound = np.concatenate([self.bound_kw, np.ones((more, self.bound_kw.shape[1]))])
        limited = None if self.limited is None else np.pad(self.limited, ((0, more), (0, 0)), constant_values="")
        return NetworkLimits(np.concatenate([self.coefficient, empty]), bound, np.concatenate([kvar, empty]), limited)


@dataclass(frozen=True)
class LossTangent:
    """Losses around one AC point: loss_kw + Σ_b coefficient · (p − p₀) + Σ_b coefficient_kvar · (q − q₀).

    Attributes:
        loss_kw: (T,) at the point.
        coefficient: (B, T) kW of loss per kW injected.
        coefficient_kvar: (B, T) kW of loss per kvar injected.
        injection_kw, injection_kvar: (B, T) the point.
    """

    loss_kw: Array
    coefficient: Array
    coefficient_kvar: Array
    injection_kw: Array
    injection_kvar: Array

    @classmethod
    def level(cls, loss_kw: Array, buses: int) -> LossTangent:
        """Losses of this height whatever is injected."""
        none = np.zeros((buses, loss_kw.size))
        return cls(loss_kw, none, none, none, none)

    @property
    def constant_kw(self) -> Array:
        """(T,) the plane's value without any injection."""
        moved = self.coefficient * self.injection_kw + self.coefficient_kvar * self.injection_kvar
        return np.asarray(self.loss_kw - moved.sum(axis=0))


class NetworkRows:
    """Variables, constraints and parameters of one problem's network.

    Attributes:
        buses: the site's buses that stand on the network; none where no slots are asked for.
        free: reactive power that the plan decides, by kind.
        injected: by bus, the constraint that defines its active injection.
        limits, excess: by slot, the constraint and its excess [kW].
        limited: (slot, step) in words, what each limits; "" where nothing is known of it.
        constraints: all of them.
        cost: (scenario,) what the objective counts for excess and reactive power; None without a network.
        loss_kw: (scenario, step) variable; None where nobody pays for losses.
        standing_loss_kw: (scenario, step) losses of the last AC point, for schedules that no solver makes.
    """

    def __init__(
        self, site: Site, rows: Mapping[str, Rows[Any]], parts: Mapping[str, Part], inputs: Inputs, slots: int
    ) -> None:

        self._site, self._rows, self._parts = site, rows, parts
        self.buses = tuple(site.grid.bus_of) if site.grid and slots else ()
        scenarios = next(iter(rows.values())).scenarios
        horizon = inputs.horizon
        self.shape = (scenarios, horizon.steps)
        self.free: dict[str, Decided] = reactive.decide(rows, parts, horizon) if self.buses else {}
        self.constraints: list[Any] = [c for free in self.free.values() for c in free.constraints]
        self.injected: dict[str, Any] = {}
        self.limits: list[Any] = []
        self.excess: list[cp.Variable] = []
        self.limited = np.full((slots, horizon.steps), "", object)
        self.loss_kw: cp.Variable | None = None
        self.cost: Any = None
        self.standing_loss_kw = np.zeros(self.shape)
        self._injections: list[tuple[cp.Variable, cp.Expression]] = []  # active by bus, then reactive where any is
        self._kvar_buses: tuple[int, ...] = ()
        self._slots: list[tuple[list[cp.Parameter], cp.Parameter]] = []
        self._tangents: list[tuple[list[cp.Parameter], cp.Parameter]] = []
        self._seen = 0
        if self.buses:
            self._inject()
            self._limit(slots)
            self._lose()
            self.price(inputs)
            self.cost = self._cost(horizon.hours)

    def _inject(self) -> None:
        """An injection holds demand, a parameter, and is multiplied by coefficients, parameters too: a variable."""
        import cvxpy as cp

        kvar = [self._injection_kvar(bus) for bus in self.buses]
        self._kvar_buses = tuple(place for place, term in enumerate(kvar) if term is not None)
        expressions = [*map(self._injection, self.buses), *(kvar[place] for place in self._kvar_buses)]
        self._injections = [(cp.Variable(self.shape), expression) for expression in expressions]
        defined = [x == expression for x, expression in self._injections]
        self.constraints += defined
        self.injected = dict(zip(self.buses, defined, strict=False))

    def _limit(self, slots: int) -> None:
        """One excess for all of a step would open every limit of it as soon as one of them is out of reach."""
        import cvxpy as cp

        for _ in range(slots):  # a handful of slots and mapped buses, not steps
            factors, used = self._plane()
            bound = cp.Parameter(self.shape, value=np.ones(self.shape))
            excess = cp.Variable(self.shape, nonneg=True)
            self.limits.append(used <= bound + excess)
            self._slots.append((factors, bound))
            self.excess.append(excess)
        self.constraints += self.limits

    def _lose(self) -> None:
        import cvxpy as cp

        if self._site.grid is None or self._site.grid.losses_at is None:
            return
        self.loss_kw = cp.Variable(self.shape, nonneg=True)
        self._burning = cp.Parameter(self.shape, nonneg=True, value=np.zeros(self.shape))
        for _ in range(_TANGENTS):
            factors, used = self._plane()
            constant = cp.Parameter(self.shape, value=np.zeros(self.shape))
            self.constraints.append(used + constant <= self.loss_kw)
            self._tangents.append((factors, constant))

    def _plane(self) -> tuple[list[Any], Any]:
        """Parameters, all zero yet, and Σ parameter · injection."""
        import cvxpy as cp

        factors = [cp.Parameter(self.shape, value=np.zeros(self.shape)) for _ in self._injections]
        terms = [cp.multiply(f, x) for f, (x, _) in zip(factors, self._injections, strict=True)]
        return factors, sum(terms, cp.Constant(np.zeros(self.shape)))

    def _cost(self, hours: Array) -> Any:
        import cvxpy as cp

        excess = self._site.objective.limit_penalty_per_kwh * (sum(self.excess[1:], self.excess[0]) @ hours)
        if self.loss_kw is not None:
            excess = excess + cp.multiply(self._burning, self.loss_kw) @ hours
        of_reactive = reactive.cost(self.free, len(self._site.bus_names), self.shape[0], hours)
        return excess if of_reactive is None else excess + of_reactive

    def price(self, inputs: Inputs) -> None:
        """What burning a kWh would earn, from the prices of these inputs."""
        if self.loss_kw is None:
            return
        prices = [v for (_, name), v in inputs.series.items() if name in _PRICES]
        lowest = np.min([np.broadcast_to(v, self.shape) for v in prices], axis=0) if prices else np.zeros(self.shape)
        self._burning.value = self._site.objective.money * _MORE_THAN_EARNED * np.maximum(-lowest, 0.0)

    def _injection(self, bus: str) -> Any:
        """(scenario, step) net injection at a site bus of all kinds that are not the network."""
        import cvxpy as cp

        names = self._site.bus_names
        out: Any = cp.Constant(np.zeros(self.shape))
        for kind, part in self._parts.items():
            rows = self._rows[kind]
            if type(rows.members[0]).is_network:
                continue
            for port in part.ports.values():
                at = port.bus % len(names) == names.index(bus)
                if at.any():
                    out = out + (to_scenario(rows) * at[None, :]) @ port.power_kw
        return out

    def _injection_kvar(self, bus: str) -> Any:
        """(scenario, step) reactive injection at a site bus; None where nothing there has any."""
        names = self._site.bus_names
        return reactive.injected(self.free, self._rows, self._parts, names.index(bus), len(names))

    @property
    def active(self) -> dict[str, cp.Variable]:
        """By bus, (scenario, step) what is injected there [kW]."""
        return {bus: x for bus, (x, _) in zip(self.buses, self._injections, strict=False)}

    @property
    def reactive(self) -> dict[str, cp.Variable]:
        """By bus, likewise [kvar], where anything there has any."""
        after = self._injections[len(self.buses) :]
        return {self.buses[place]: x for place, (x, _) in zip(self._kvar_buses, after, strict=True)}

    def take(self, limits: NetworkLimits) -> None:
        """Other limits for the next solve.

        Raises:
            ContractError: there are not as many slots.
        """
        if limits.coefficient.shape[0] != len(self._slots):
            raise ContractError(f"{limits.coefficient.shape[0]} network limits for {len(self._slots)} slots")
        kvar = np.zeros_like(limits.coefficient) if limits.coefficient_kvar is None else limits.coefficient_kvar
        self.limited = np.full_like(self.limited, "") if limits.limited is None else limits.limited
        for slot, (factors, bound) in enumerate(self._slots):
            bound.value = np.tile(limits.bound_kw[slot], (self.shape[0], 1))
            self._fill(factors, limits.coefficient[slot], kvar[slot])

    def add_tangent(self, tangent: LossTangent) -> None:
        """One more tangent of the losses; when all slots are taken the oldest goes."""
        factors, constant = self._tangents[self._seen % len(self._tangents)]
        self._seen += 1
        constant.value = np.tile(tangent.constant_kw, (self.shape[0], 1))
        self._fill(factors, tangent.coefficient, tangent.coefficient_kvar)
        self.standing_loss_kw = np.tile(tangent.loss_kw, (self.shape[0], 1))

    def _fill(self, factors: list[Any], kw: Array, kvar: Array) -> None:
        given = [*kw, *(kvar[place] for place in self._kvar_buses)]
        for factor, value in zip(factors, given, strict=True):
            factor.value = np.tile(value, (self.shape[0], 1))

    def as_in(self, other: NetworkRows) -> None:
        """The data of another problem of the same structure."""
        pairs = zip([*self._slots, *self._tangents], [*other._slots, *other._tangents], strict=True)
        for (factors, bound), (theirs, their_bound) in pairs:
            bound.value = their_bound.value
            for own, their in zip(factors, theirs, strict=True):
                own.value = their.value
        self.standing_loss_kw, self._seen, self.limited = other.standing_loss_kw, other._seen, other.limited

    def settle(self) -> None:
        """Values that follow from those of the kinds: unity power factor, injections, excess; losses as they stand."""
        reactive.settle(self.free)
        for variable, expression in self._injections:
            variable.value = expression.value
        for excess, (factors, bound) in zip(self.excess, self._slots, strict=True):
            used = sum(f.value * x.value for f, (x, _) in zip(factors, self._injections, strict=True))
            excess.value = np.maximum(used - bound.value, 0)
        if self.loss_kw is not None:
            self.loss_kw.value = self.standing_loss_kw

    def losses_kw(self) -> Array | None:
        """(scenario, step) present value of the losses; None where nobody pays for them."""
        return None if self.loss_kw is None else np.array(self.loss_kw.value, float)
