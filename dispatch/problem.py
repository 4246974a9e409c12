"""One compiled optimisation problem of a site, re-solved for new inputs, prices, states, limits — or another site.

``Problem`` collects the parts of all kinds, balances every bus in every scenario and step, adds what the objective
and the network ask, and compiles once. After that only parameters change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_array

from dispatch import objective
from dispatch.asset import Asset, Given, Inputs, Mode, Rows
from dispatch.emissions.flow_limits import FlowRow
from dispatch.errors import AlignmentError, ContractError
from dispatch.part import Part, Violation
from dispatch.schedule import Proof, Schedule, Solved
from dispatch.signals import Array
from dispatch.site import Site
from dispatch.solver.highs import Compiled, Layout
from dispatch.terms import called, groups, reactive, standing
from dispatch.terms.breach import to_scenario
from dispatch.terms.measures import Around, Measure, measured
from dispatch.terms.network import LossTangent, NetworkLimits, NetworkRows
from dispatch.units import island

if TYPE_CHECKING:
    import cvxpy as cp

__all__ = ["NetworkLimits", "Problem"]


class Problem:
    """A site's problem for a horizon of fixed structure.

    Args:
        site: the park.
        inputs: values to build with; later ones must have the same shapes.
        mode: how commitment is decided.
        template: make the members' own ratings parameters too, so that other sites of one structure can be solved.
        network_slots: K, how many linear network limits may hold per step at the mapped buses.
        measures: what else is to stand in columns of its own, by name.
    """

    def __init__(
        self,
        site: Site,
        inputs: Inputs,
        mode: Mode | None = None,
        *,
        template: bool = False,
        network_slots: int = 0,
        measures: Mapping[str, Measure] = MappingProxyType({}),
    ) -> None:
        import cvxpy as cp

        self.site, self.mode, self.template = site, mode or Mode(), template
        self.horizon, self.scenarios = inputs.horizon, inputs.scenarios
        self.rows = site.rows(inputs.scenarios)
        self._parameters: dict[tuple[str, str], cp.Parameter] = {}
        self._weights = cp.Parameter(self.scenarios, nonneg=True, value=np.full(self.scenarios, 1 / self.scenarios))
        self.inputs = inputs
        self.parts = {kind: self._part(kind, rows, inputs) for kind, rows in self.rows.items()}
        self.network = NetworkRows(site, self.rows, self.parts, inputs, network_slots)
        self.balance = self._balance()
        self.total = objective.total(site, inputs, self.rows, self.parts, self._weights, self.network.cost)
        constraints = [c for part in self.parts.values() for c in part.constraints]
        self.groups = groups.shared(site)
        self.group_limits = groups.constraints(self.groups, self.rows, self.parts, self.horizon.steps)
        self.reserve, self.called = self._reserve(), called.constraints(self.rows, self.parts)
        self.island = island.constraints(self.rows, self.parts, self.horizon)
        self.measured = measured(Around(self.horizon, self.rows, self.parts), measures)
        constraints += [*self._joint(), *(one.row for one in self.measured.values())]
        self._problem = cp.Problem(cp.Minimize(self.total.expression), constraints)
        self.compiled = Compiled(self._problem)

    def _part(self, kind: str, rows: Rows[Any], inputs: Inputs) -> Part:
        import cvxpy as cp

        cls: type[Asset] = type(rows.members[0])
        values: dict[str, Any] = {}
        limited = standing.by_service(cls, rows, self.horizon)
        for name, value in coefficients(cls, rows, inputs).items():
            is_signal = name.startswith("signal:")
            short = name.removeprefix("signal:").removeprefix("rating:")
            if is_signal or self.template or name in limited:
                self._parameters[kind, name] = values[short] = cp.Parameter(value.shape, value=value)
            else:
                values[short] = value
        part = cls.part(rows, Given(self.horizon, values), self.mode)
        return standing.added(part, rows, values[standing.ROOM]) if rows.may_stand else part

    def _joint(self) -> list[Any]:
        """Rows that join plants."""
        own = [self.balance, *self.reserve.values(), *self.called.values(), *self.group_limits.values(), *self.island]
        return [*own, *self.network.constraints, *self.total.constraints]

    def _balance(self) -> cp.Constraint:
        """(scenario · bus, step) every bus balances: Σ ports = 0."""
        import cvxpy as cp

        size = self.scenarios * len(self.site.bus_names)
        ports = [port for part in self.parts.values() for port in part.ports.values()]
        terms = [_place(port.bus, size) @ port.power_kw for port in ports]
        if self.network.loss_kw is not None and self.site.grid is not None:
            at = self.site.bus_names.index(self.site.grid.losses_at or "")
            terms.append(
                -_place(at + len(self.site.bus_names) * np.arange(self.scenarios), size) @ self.network.loss_kw
            )
        return sum(terms[1:], terms[0]) == cp.Constant(np.zeros((size, self.horizon.steps)))

    def _reserve(self) -> dict[str, cp.Constraint]:
        """(scenario, step) by direction: what is offered covers what is asked for; none where nobody asks."""
        made = {}
        for direction in (f"reserve_{way}_kw" for way in self.site.reserve_directions):
            terms = [
                to_scenario(self.rows[kind]) @ getattr(part, direction)
                for kind, part in self.parts.items()
                if getattr(part, direction) is not None
            ]
            if terms:
                made[direction] = sum(terms[1:], terms[0]) >= np.zeros((self.scenarios, self.horizon.steps))
        return made

    def update(
        self,
        inputs: Inputs | None = None,
        *,
        site: Site | None = None,
        weights: Array | None = None,
        limits: NetworkLimits | None = None,
        losses: LossTangent | None = None,
        caps: Mapping[str, Array] | None = None,
        flows: Mapping[str, FlowRow] | None = None,
    ) -> None:
        """New data for the next solve; what is not given stays.

        Args:
            inputs, site, weights: what is known, whose it is, and what scenarios weigh.
            limits, losses: what the network asks.
            caps: by a wish's name, (window,) another cap on emissions than the park's file has [kg].
            flows: by a wish's text, its limit on traced carbon around another plan.

        Raises:
            ContractError: another structure (kinds, member counts, shapes), or another site for a problem that was not
                built as a template.
        """
        if site is not None:
            self._take_site(site)
        if inputs is not None:
            if not np.array_equal(inputs.horizon.hours, self.horizon.hours) or inputs.scenarios != self.scenarios:
                raise AlignmentError("new inputs must have the step lengths and scenarios the problem was built with")
            self.inputs = inputs
            self.network.price(inputs)
            self.total.carbon.take(inputs)
        if weights is not None:
            self._weights.value = weights / weights.sum()
        if inputs is not None or site is not None:
            self._fill()
        if limits is not None:
            self.network.take(limits)
        if losses is not None:
            self.network.add_tangent(losses)
        if caps is not None:
            self._cap(caps)
        if flows is not None:
            self.total.carbon.flow_limits.take(flows)

    def _cap(self, caps: Mapping[str, Array]) -> None:
        known = {b.text: b.limit for b in self.total.breaches if b.limit is not None}
        for text, most_kg in caps.items():
            if text not in known:
                raise ContractError(f"'{text}' is no cap of '{self.site.name}'; it has {sorted(known) or 'none'}")
            known[text].value = np.asarray(most_kg, float)

    def _take_site(self, site: Site) -> None:
        rows = site.rows(self.scenarios)
        if not self.template or structure(site) != structure(self.site):
            reason = "its structure differs" if self.template else "it is no template"
            raise ContractError(f"the problem of '{self.site.name}' cannot take '{site.name}': {reason}")
        if wanted(site) != wanted(self.site):
            raise ContractError(f"'{site.name}' has other wishes, carbon or objective than '{self.site.name}'")
        self.site, self.rows = site, rows

    def _fill(self) -> None:
        for kind, rows in self.rows.items():
            values = coefficients(type(rows.members[0]), rows, self.inputs, ratings=self.template or rows.may_stand)
            for (owner, name), parameter in self._parameters.items():
                if owner == kind and values[name].shape != parameter.shape:
                    raise ContractError(f"{kind}, {name}: shape {values[name].shape}, built with {parameter.shape}")
                # cvxpy checks what it is given: several times the cost of seeing that it is what it has.
                if owner == kind and not np.array_equal(parameter.value, values[name]):
                    parameter.value = values[name]

    def parameters(self, kind: str) -> dict[str, cp.Parameter]:
        """A kind's coefficients that are parameters, by the names that ``coefficients`` gives them."""
        return {name: parameter for (owner, name), parameter in self._parameters.items() if owner == kind}

    def standing(self) -> dict[int, Array]:
        """By id, (1, entry) values of the parameters that are no kind's: weights, caps, network limits."""
        own = {parameter.id for parameter in self._parameters.values()}
        others = [p for p in self._problem.parameters() if p.id not in own]
        return {p.id: np.asarray(p.value, float).ravel(order="F")[None, :] for p in others}

    @property
    def weights(self) -> Array:
        """(S,) probabilities."""
        return np.asarray(self._weights.value)

    def variable(self, kind: str, name: str) -> cp.Variable:
        """The decision behind a kind's series.

        Raises:
            ContractError: the series follows from decisions and is none itself.
        """
        import cvxpy as cp

        variable = {**self.parts[kind].series, **self.parts[kind].inner}[name]
        if not isinstance(variable, cp.Variable):
            raise ContractError(f"series '{name}' of kind '{kind}' is not a decision")
        return variable

    def layout(self) -> Layout:
        """Rows that join plants (balances, reserves, limits, wishes, sums of the objective); columns' steps."""
        step = np.full(self.compiled.size, -1)
        for variable in self._problem.variables():
            if variable.ndim == 2 and variable.shape[1] == self.horizon.steps:
                step[self.compiled.columns(variable)] = np.arange(self.horizon.steps)
        return Layout(np.concatenate([self.compiled.rows(constraint).ravel() for constraint in self._joint()]), step)

    def take(self, x: Array) -> None:
        """Give all variables their values out of a solver's point."""
        self.compiled.assign(self._problem.variables(), x)

    def point(self) -> Array:
        """(column,) the variables' present values as a solver's point; NaN where one has none."""
        return self.compiled.values(self._problem.variables())

    def twin(self, site: Site | None = None) -> Problem:
        """The same problem on the same data, ratings as parameters, compiled anew; of another site if one is given."""
        slots = len(self.network.limits)
        made = Problem(site or self.site, self.inputs, self.mode, template=True, network_slots=slots)
        same = {b.text for b in made.total.breaches}
        caps = {b.text: b.limit.value for b in self.total.breaches if b.limit is not None and b.text in same}
        made.update(weights=self.weights, caps=caps)
        made.network.as_in(self.network)
        made.total.carbon.flow_limits.as_in(self.total.carbon.flow_limits)
        return made

    def decisions(self, kind: str) -> tuple[str, ...]:
        """Names of a kind's series that are decision variables."""
        import cvxpy as cp

        return tuple(name for name, term in self.parts[kind].series.items() if isinstance(term, cp.Variable))

    def put(self, kind: str, values: Mapping[str, Array]) -> None:
        """Give a kind's decisions values by their names; here-and-now ones take scenario 0."""
        rows, part = self.rows[kind], self.parts[kind]
        for name, value in type(rows.members[0]).complete(rows, self.inputs, dict(values)).items():
            if name in part.series or name in part.inner:
                variable = self.variable(kind, name)
                variable.save_value(value[: variable.shape[0]])

    def net_kw(self, kind: str) -> Array:
        """(scenario · bus, step) what a kind's present values put into each bus."""
        size = self.scenarios * len(self.site.bus_names)
        ports = self.parts[kind].ports.values()
        return np.asarray(sum(_place(p.bus, size) @ p.power_kw.value for p in ports))

    def standing_kw(self) -> Array:
        """(scenario · bus, step) what stands in the balances before any kind: losses of the last AC point."""
        out = np.zeros((self.scenarios * len(self.site.bus_names), self.horizon.steps))
        if self.network.loss_kw is not None and self.site.grid is not None:
            at = self.site.bus_names.index(self.site.grid.losses_at or "")
            out[at :: len(self.site.bus_names)] = -self.network.standing_loss_kw
        return out

    def settle_totals(self) -> float:
        """Give the variables of objective and network the values that follow from the kinds'; the objective then."""
        for one in self.total.carbon.defined:
            one.variable.save_value(np.asarray(one.value()))
        self.network.settle()
        for variable, value in self.total.defined:
            variable.value = value()
        for own in self.measured.values():
            own.variable.save_value(np.asarray(own.expression.value))
        return float(self.total.stated.value)

    def read(
        self, proof: Proof, price: Array | None, cap_prices: Mapping[str, Array] = MappingProxyType({})
    ) -> Schedule:
        """A schedule out of the variables' present values; its proof names the soft limits that assets pass."""
        kinds = {kind: solved(part, self.rows[kind], self.inputs) for kind, part in self.parts.items()}
        proof = _with_passed(proof, kinds, self.inputs)
        short = {unit: self._short(unit) for unit in ("kWh", "kg")}
        excess = sum((x.value for x in self.network.excess), np.zeros((self.scenarios, self.horizon.steps)))
        return Schedule(
            inputs=self.inputs,
            weights=np.asarray(self._weights.value),
            kinds=kinds,
            money=np.asarray(self.total.money.value),
            co2_kg=np.asarray(self.total.co2_kg.value),
            penalty=np.asarray(self.total.penalty.value),
            wish_short_kwh=short["kWh"],
            wish_over_kg=short["kg"],
            carbon=self.total.carbon.read(),
            cap_price_per_t=cap_prices,
            proof=proof,
            price_per_kwh=price,
            limit_excess_kw=np.asarray(excess),
            reactive_kvar=reactive.chosen(self.network.free, self.rows),
            groups=self.groups,
            loss_kw=self.network.losses_kw(),
            losses_at=self.site.grid.losses_at if self.site.grid else None,
        )

    def _short(self, unit: str) -> dict[str, Array]:
        """By wish that counts in a unit, (scenario, window) by how much it is missed."""
        return {b.text: np.asarray(b.short.value) for b in self.total.breaches if b.unit == unit}


def solved(part: Part, rows: Rows[Any], inputs: Inputs) -> Solved:
    """A kind's values, out of its variables' present ones."""
    shape = (rows.count, inputs.horizon.steps)
    zero = np.zeros(shape)

    def value(term: cp.Expression | None, missing: Array) -> Array:
        return missing if term is None else np.array(term.value, float)

    return Solved(
        rows=rows,
        bus={name: port.bus for name, port in part.ports.items()},
        power_kw={name: value(port.power_kw, zero) for name, port in part.ports.items()},
        series={name: value(term, zero) for name, term in part.series.items()},
        cost_step=value(part.cost_step, zero),
        cost_period=value(part.cost_period, np.zeros((rows.count, 1))),
        co2_step_kg=value(part.co2_step_kg, zero),
        penalty_step=value(part.penalty_step, zero),
        supply_kw=value(part.supply_kw, zero),
        unclean_kw=value(part.unclean_kw, zero),
        reserve_up_kw=value(part.reserve_up_kw, zero),
        reserve_down_kw=value(part.reserve_down_kw, zero),
    )


def passed_limits(kinds: Mapping[str, Solved], inputs: Inputs) -> dict[str, tuple[str, str]]:
    """By the words for it, (asset, what) of each soft limit that is passed: for how long and by how much."""
    found: dict[tuple[str, str], list[Violation]] = {}
    for one in kinds.values():
        for violation in type(one.rows.members[0]).passed(one.rows, inputs, one.series):
            found.setdefault((violation.asset, violation.what), []).append(violation)
    texts = {}
    for (asset, what), passed in found.items():
        hours = sum(inputs.horizon.hours[step] for step in {v.step for v in passed})
        most = f"by up to {max(v.value for v in passed):.4g} {passed[0].unit}"
        texts[f"{asset}: {what}, for {hours:g} h, {most}"] = asset, what
    return texts


def _with_passed(proof: Proof, kinds: Mapping[str, Solved], inputs: Inputs) -> Proof:
    """The proof on its rung, with the soft limits that assets pass."""
    texts = passed_limits(kinds, inputs)
    if not texts:
        return proof
    quality = "relaxed" if proof.quality in ("optimal", "incumbent") else proof.quality
    return replace(proof, quality=quality, relaxed=(*proof.relaxed, *texts))


def coefficients(cls: type[Asset], rows: Rows[Any], inputs: Inputs, *, ratings: bool = True) -> dict[str, Array]:
    """By name with its sort; ``ratings`` are constants of a problem that is no template, unless one may be out."""
    made = {f"rating:{name}": value for name, value in cls.ratings(rows, inputs.horizon).items()} if ratings else {}
    made |= {f"signal:{name}": value for name, value in cls.signals(rows, inputs).items()}
    made |= {f"signal:{standing.ROOM}": standing.room_kw(rows, inputs.horizon)} if rows.may_stand else {}
    return {name: np.asarray(value, float) for name, value in made.items()}


def wanted(site: Site) -> tuple[object, ...]:
    """What is wanted of a site, which is no parameter of its problem."""
    return site.wishes, site.objective, site.carbon


def structure(site: Site) -> list[tuple[object, ...]]:
    """What sites that share one compiled problem have in common beside what is wanted of them."""
    # In the order of the rows: members of one kind that changed places would stand on each other's buses.
    held = site.grid.island.reference if site.grid and site.grid.island else None
    members = [(a.kind, a.reactive, a.name == held, *a.structure) for a in sorted(site.assets, key=lambda a: a.kind)]
    return [(bus.name, bus.carrier) for bus in site.buses] + [
        (site.reserve_h, site.reserve_directions, site.outage_h, site.activation_h, site.groups),
        *members,
    ]


def _place(bus: np.ndarray, size: int) -> csr_array:
    """(scenario · bus, row) ones: sums rows into their buses."""
    return csr_array((np.ones(bus.size), (bus, np.arange(bus.size))), shape=(size, bus.size))
