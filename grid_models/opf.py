"""AC optimal power flow by successive convex programs on the exact derivatives of the power flow.

Each round linearises voltages, end currents and the slacks' power around an AC solution, and solves one quadratic
program within a trust region for the change of dispatch and, where it is free, of the slacks' voltage. Quadratic are
the costs, as given, and the losses r |i|² of the linearised currents: without that curvature the rounds zigzag across
a flat optimum in reactive power (100 rounds for case9 end .5 % too dear; with it, five end on it). Limits are
elastic at a price (an exact penalty), so that every round has an answer; it is kept if the AC solution at its end is
better in cost plus penalty, and the region follows the ratio of what came true to what was foretold.

R. Fletcher, Practical Methods of Optimization, 2nd ed., 1987, ch. 14.4 (sequential programming with an exact penalty).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from grid_models.branch_flows import admittance
from grid_models.errors import GridError
from grid_models.limits import Limits
from grid_models.network import AcModel, Array, Index, Network
from grid_models.per_unit import Complex, end_currents, loading_per_pu, refuse_regulated
from grid_models.power_flow import Injections, solve_batch, solve_nodes
from grid_models.resources import Resources, Supply
from grid_models.sensitivities import voltage_derivative
from grid_models.socp import LeastExcess, Relaxation, largest_excess, node_limits

_MOST_ROUNDS = 60
_FIRST_RADIUS = 0.3  # of each decision's range
_LAST_RADIUS = 1e-7
_GAIN = 1e-7  # relative to the cost: less than this foretold ends the search
_EXCESS_PU = 1e-6
# Of the penalty, in units of what all power would cost at the dearest price: the next where limits are still passed.
# One that is far too large makes each round creep along the curved limits.
_WEIGHTS = (0.1, 1.0, 10.0, 100.0)
_VOLTAGE_RANGE_PU = 0.2


@dataclass(frozen=True, eq=False)
class Optimum:
    """A dispatch and its AC solution.

    p_kw, q_kvar    (G, T) of the resources
    import_kw       (T,) what all slacks bring in; import_kvar (T,) likewise
    slack_vm_pu     (T,) voltage of the (first) slack
    cost            (T,) [money/h]
    excess_pu       (T,) sum of what voltages, loadings and (as a share of the network's power) the import pass
                    their limits by: near 0, or the network has no feasible dispatch in reach
    rounds          (T,) programs solved
    """

    p_kw: Array
    q_kvar: Array
    import_kw: Array
    import_kvar: Array
    slack_vm_pu: Array
    cost: Array
    excess_pu: Array
    rounds: Index


def optimal_power_flow(
    network: Network,
    resources: Resources,
    supply: Supply,
    background: Injections | None = None,
    limits: Limits | None = None,
    start: tuple[Array, Array] | None = None,
) -> Optimum:
    """The cheapest dispatch found under voltage, loading and supply limits: a local optimum, checked by AC.

    start   (p_kw, q_kvar), each (G, T): where to begin; by default what the convex relaxation says, or the middle of
            the bounds where that has no solution.

    Raises GridError where the power flow has no solution at the start.
    """
    refuse_regulated(network, "the optimal power flow")
    limits = limits or Limits.of(network)
    p_kw, q_kvar = start or _start(network, resources, supply, background, limits)
    found = []
    for step in range(resources.steps):
        around = None if background is None else background.at_steps(np.array([step]))
        search = _Search(network, resources.at_step(step), supply, around, limits)
        found.append(search.run(p_kw[:, step], q_kvar[:, step]))
    rounds = np.array([count for _, count in found])
    points = [point for point, _ in found]
    count = len(resources.bus)
    kw = network.ac.base_mva * 1e3
    chosen = np.stack([point.x for point in points], axis=1)
    bought = np.array([point.bought for point in points]) * kw
    return Optimum(
        p_kw=chosen[:count] * kw,
        q_kvar=chosen[count:-1] * kw,
        import_kw=bought.real,
        import_kvar=bought.imag,
        slack_vm_pu=chosen[-1] * network.ac.slack_vm_pu[0],
        cost=np.array([point.cost for point in points]),
        excess_pu=np.array([point.excess for point in points]),
        rounds=rounds,
    )


def least_excess(
    network: Network,
    resources: Resources,
    background: Injections | None = None,
    limits: Limits | None = None,
    supply: Supply | None = None,
) -> LeastExcess:
    """How far limits must be passed whatever is injected within the bounds: a proof from below, a dispatch from above.

    By ``Relaxation.least_excess``; where its dispatch does not reach what it proves, an AC search goes on from there
    that counts excess alone. ``reached_pu`` near 0 says that a step can be mended, ``proven_pu`` above 0 that it
    cannot; a step with neither stays open. Prices do not matter.
    """
    limits, supply = limits or Limits.of(network), supply or Supply()
    first = Relaxation(network, resources.bus, limits).least_excess(resources, background, supply)
    p_kw, q_kvar, reached = first.p_kw.copy(), first.q_kvar.copy(), first.reached_pu.copy()
    free = dataclasses.replace(resources, linear_per_kwh=None, quadratic_per_kwh_kw=None)
    unpriced = dataclasses.replace(supply, linear_per_kwh=0.0, quadratic_per_kwh_kw=0.0)
    for step in np.flatnonzero(reached > first.proven_pu + _EXCESS_PU):
        at, around = np.array([step]), None if background is None else background.at_steps(np.array([step]))
        start = p_kw[:, at], q_kvar[:, at]
        found = optimal_power_flow(network, free.at_step(int(step)), unpriced, around, limits, start)
        flows = solve_batch(network, Injections(resources.bus, found.p_kw, found.q_kvar), around)
        excess = largest_excess(flows, limits)
        if excess[0] < reached[step]:
            p_kw[:, at], q_kvar[:, at], reached[at] = found.p_kw, found.q_kvar, excess
    return LeastExcess(first.proven_pu, reached, p_kw, q_kvar)


def _start(
    network: Network, resources: Resources, supply: Supply, background: Injections | None, limits: Limits
) -> tuple[Array, Array]:
    relaxed, r = Relaxation(network, resources.bus, limits).bound(resources, supply, background), resources
    middle = (r.p_min_kw + r.p_max_kw) / 2.0, (r.q_min_kvar + r.q_max_kvar) / 2.0
    known = np.isfinite(relaxed.lower_bound)
    return np.where(known, relaxed.p_kw, middle[0]), np.where(known, relaxed.q_kvar, middle[1])


@dataclass(frozen=True, eq=False)
class _Point:
    """A dispatch x = (p, q, slack voltage over its set-point) [p.u.] and its AC solution."""

    x: Array
    voltage: Complex  # (n, 1)
    bought: complex
    cost: float
    excess: float


class _Search:
    """One step's problem."""

    def __init__(
        self, network: Network, resources: Resources, supply: Supply, background: Injections | None, limits: Limits
    ) -> None:
        self._network, self._resources, self._supply = network, resources, supply
        self._background, self._limits = background, limits
        self._kw = network.ac.base_mva * 1e3
        self._nodes = network.ac.bus_node[network.bus_index(resources.bus)]
        self._low, self._high = self._box()
        self._ceiling, self._floor, self._full = self._bounds()
        powers = np.abs([resources.p_min_kw, resources.p_max_kw, resources.q_min_kvar, resources.q_max_kvar])
        own = 0.0 if background is None else float(np.abs(background.p_kw).sum())
        self._size = max(float(powers.max(axis=0).sum()) + own, 1.0) / self._kw
        steepest = np.abs(resources.linear) + 2.0 * resources.quadratic * powers[:2].max(axis=0)
        dearest = max(float(steepest.max(initial=0.0)), self._marginal_supply())
        self._money = dearest * self._size * self._kw or 1.0
        self._weights = _WEIGHTS if dearest > 0.0 else _WEIGHTS[:1]  # nothing to weigh the excess against
        self._weight = self._weights[0]

    def run(self, p_kw: Array, q_kvar: Array) -> tuple[_Point, int]:
        """From a start to a point that no program foretells a gain from, by the least weight that holds limits."""
        x = np.clip(np.concatenate([p_kw, q_kvar, [self._kw]]) / self._kw, self._low, self._high)
        at = self._solve(x)
        if at is None:
            raise GridError(f"network {self._network.name!r}: no AC solution at the start of the optimal power flow")
        rounds = 0
        for weight in self._weights:
            self._weight = weight
            at, more = self._descend(at)
            rounds += more
            if at.excess < _EXCESS_PU:
                break
        return at, rounds

    def _descend(self, at: _Point) -> tuple[_Point, int]:
        """Rounds at one weight of the penalty."""
        radius = _FIRST_RADIUS
        for rounds in range(1, _MOST_ROUNDS + 1):
            x, foretold = self._program(at, radius)
            if foretold <= _GAIN * max(abs(at.cost), 1e-3 * self._money) or radius < _LAST_RADIUS:
                return at, rounds
            trial = self._solve(x)
            if trial is not None and trial.excess > at.excess:
                trial = self._corrected(at, trial, radius)
            ratio = -1.0 if trial is None else (self._merit(at) - self._merit(trial)) / foretold
            radius *= 2.0 if ratio > 0.75 else 1.0 if ratio > 0.25 else 0.25
            radius = min(radius, 1.0)
            if trial is not None and ratio > 0.0:
                at = trial
        return at, _MOST_ROUNDS

    def _corrected(self, at: _Point, trial: _Point, radius: float) -> _Point:
        """The trial, or the better one that a program finds which knows by how much the limited values bent on the way.

        A second-order correction: without it the rounds creep along curved limits; case118 takes 13, or more than 60.
        """
        values = [self._values(point.voltage, point.bought)[0] for point in (at, trial)]
        bend = values[1] - values[0] - self._slopes(at)[0] @ (trial.x - at.x)
        better = self._solve(self._program(at, radius, bend)[0])
        return better if better is not None and self._merit(better) < self._merit(trial) else trial

    def _box(self) -> tuple[Array, Array]:
        r, ac = self._resources, self._network.ac
        held = (1.0, 1.0)
        if self._supply.voltage_is_free:
            at = np.isin(ac.bus_node, ac.slack_node)
            held = (
                float(self._limits.voltage_min_pu[at].max() / ac.slack_vm_pu[0]),
                float(self._limits.voltage_max_pu[at].min() / ac.slack_vm_pu[0]),
            )
        low = np.concatenate([r.p_min_kw[:, 0], r.q_min_kvar[:, 0], [held[0] * self._kw]]) / self._kw
        high = np.concatenate([r.p_max_kw[:, 0], r.q_max_kvar[:, 0], [held[1] * self._kw]]) / self._kw
        return low, high

    def _bounds(self) -> tuple[Array, Array, Array]:
        """Voltage limits of the nodes (n,) and loading limits of both ends of the named branches (2L,)."""
        ac = self._network.ac
        low, high = node_limits(ac, self._limits)
        rated = np.concatenate([np.where(np.isfinite(per), 1.0, np.inf) for per in loading_per_pu(ac)])
        return high, low, rated * np.tile(self._limits.branch_loading_max_pu, 2)

    def _marginal_supply(self) -> float:
        s = self._supply
        return abs(s.linear_per_kwh) + 2.0 * s.quadratic_per_kwh_kw * self._size * self._kw

    def _model(self, x: Array) -> AcModel:
        ac = self._network.ac
        return dataclasses.replace(ac, slack_vm_pu=ac.slack_vm_pu * x[-1])

    def _solve(self, x: Array) -> _Point | None:
        """The AC solution at a dispatch; None where there is none."""
        count = self._nodes.size
        network = dataclasses.replace(self._network, ac=self._model(x))
        injections = Injections(self._resources.bus, x[:count, None] * self._kw, x[count:-1, None] * self._kw)
        voltage = solve_nodes(network, injections, self._background)
        if not np.isfinite(voltage).all():
            return None
        bought = self._bought(voltage, x)
        cost = float(
            self._resources.cost(x[:count, None] * self._kw)[0] + self._supply.cost(np.array(bought.real * self._kw))
        )
        values, low, high = self._values(voltage, bought)
        excess = np.maximum(values - high, 0.0) + np.maximum(low - values, 0.0)
        return _Point(x, voltage, bought, cost, float(excess.sum()))

    def _merit(self, point: _Point) -> float:
        return point.cost + self._weight * self._money * point.excess

    def _bought(self, voltage: Complex, x: Array) -> complex:
        """What the slacks put in beside the resources and customers at their own nodes [p.u.]."""
        ac, count = self._network.ac, self._nodes.size
        out = (voltage * np.conj(admittance(ac) @ voltage))[ac.slack_node, 0].sum()
        here = np.isin(self._nodes, ac.slack_node)
        out -= x[:count][here].sum() + 1j * x[count:-1][here].sum()
        fixed = ac.node_fixed_kw[ac.slack_node].sum() + 1j * ac.node_fixed_kvar[ac.slack_node].sum()
        if self._background is not None:
            at = np.isin(ac.bus_node[self._network.bus_index(self._background.bus)], ac.slack_node)
            fixed += self._background.p_kw[at].sum() + 1j * self._background.q_kvar[at].sum()
        return complex(out - fixed / self._kw)

    def _values(self, voltage: Complex, bought: complex) -> tuple[Array, Array, Array]:
        """Limited quantities, lower and upper limits: voltages, loadings, import P and Q."""
        ac, s = self._network.ac, self._supply
        loads = [
            np.abs(i[:, 0]) * np.where(np.isfinite(per), per, 0.0)
            for i, per in zip(end_currents(ac, voltage), loading_per_pu(ac), strict=True)
        ]
        share = 1.0 / self._size
        values = np.concatenate([np.abs(voltage[:, 0]), *loads, [bought.real * share, bought.imag * share]])
        low = np.concatenate(
            [self._floor, np.full(self._full.size, -np.inf), np.array([s.p_min_kw, s.q_min_kvar]) * share / self._kw]
        )
        high = np.concatenate([self._ceiling, self._full, np.array([s.p_max_kw, s.q_max_kvar]) * share / self._kw])
        return values, low, high

    def _moved(self, at: _Point) -> Complex:
        """(n, ·) ∂(voltage)/∂x."""
        ac = self._network.ac
        moved = voltage_derivative(ac, at.voltage, self._nodes, with_slack=True)[:, :, 0]
        moved[:, -1] *= ac.slack_vm_pu[0]
        return moved

    def _slopes(self, at: _Point) -> tuple[Array, Array]:
        """∂(values)/∂x and ∂(import of active power)/∂x."""
        ac, moved = self._network.ac, self._moved(at)
        unit = np.conj(at.voltage) / np.abs(at.voltage)
        rows = [(unit * moved).real]
        for i, di, per in zip(end_currents(ac, at.voltage), end_currents(ac, moved), loading_per_pu(ac), strict=True):
            size = np.abs(i)
            rows.append(
                (np.conj(i) * di).real
                / np.where(size == 0.0, np.inf, size)
                * np.where(np.isfinite(per), per, 0.0)[:, None]
            )
        y, slack, count = admittance(ac), ac.slack_node, self._nodes.size
        fed = moved[slack] * np.conj(y @ at.voltage)[slack] + at.voltage[slack] * np.conj((y @ moved)[slack])
        bought = fed.sum(axis=0)
        here = np.flatnonzero(np.isin(self._nodes, slack))
        bought[here] -= 1.0
        bought[count + here] -= 1j
        two = np.stack([bought.real, bought.imag])
        return np.concatenate([*rows, two / self._size]), two[0]

    def _program(self, at: _Point, radius: float, bend: Array | float = 0.0) -> tuple[Array, float]:
        """The next dispatch and by how much it should lower cost plus penalty; money in units of its own scale."""
        import cvxpy as cp

        span = radius * np.append((self._high - self._low)[:-1], min(_VOLTAGE_RANGE_PU, self._high[-1] - self._low[-1]))
        least, most = np.maximum(self._low - at.x, -span), np.minimum(self._high - at.x, span)
        slope, room, bought = self._rows(at, np.maximum(-least, most), bend)
        move, passed = cp.Variable(at.x.size), cp.Variable(room.size, nonneg=True)
        cost = self._cost_of(at, move, bought) + self._weight * cp.sum(passed)
        problem = cp.Problem(cp.Minimize(cost), [slope @ move - passed <= room, move >= least, move <= most])
        problem.solve(solver=cp.CLARABEL)
        if problem.status != cp.OPTIMAL:
            raise GridError(
                f"network {self._network.name!r}: a program of the optimal power flow ends with {problem.status!r}"
            )
        return np.clip(at.x + move.value, self._low, self._high), self._merit(at) - float(problem.value) * self._money

    def _rows(self, at: _Point, reach: Array, bend: Array | float) -> tuple[Array, Array, Array]:
        """Slope · move ≤ room for the limits that a move of at most ``reach`` comes to; and the slope of the import."""
        values, low, high = self._values(at.voltage, at.bought)
        values = values + bend
        slope, bought = self._slopes(at)
        slope, room = np.concatenate([slope, -slope]), np.concatenate([high - values, values - low])
        near = room < np.abs(slope) @ reach
        return slope[near], room[near], bought

    def _cost_of(self, at: _Point, move: Any, bought: Array) -> Any:
        """Cost after a move: resources as given, the import linearised but for the losses of the series currents."""
        import cvxpy as cp

        r, s, count = self._resources, self._supply, self._nodes.size
        scale = self._kw / self._money
        p_pu, import_pu = at.x[:count] + move[:count], at.bought.real + bought @ move
        cost = r.linear[:, 0] * scale @ p_pu + s.linear_per_kwh * scale * import_pu
        root = np.sqrt(np.append(r.quadratic[:, 0], s.quadratic_per_kwh_kw) * self._kw * scale)
        steep = max(0.0, s.linear_per_kwh + 2.0 * s.quadratic_per_kwh_kw * at.bought.real * self._kw)
        squares = [cp.multiply(root[:-1], p_pu), cp.reshape(root[-1] * import_pu, (1,), order="F")]
        return cost + cp.sum_squares(cp.hstack([*squares, np.sqrt(steep * scale) * self._currents(at) @ move]))

    def _currents(self, at: _Point) -> Array:
        """(2m, ·) ∂(√r · series current)/∂x, real and imaginary parts [p.u.]."""
        ac, moved = self._network.ac, self._moved(at)
        ratio = ac.tap * np.exp(1j * ac.shift_rad)
        drop = moved[ac.from_node] / ratio[:, None] - moved[ac.to_node]
        change = (np.sqrt(np.maximum(ac.r_pu, 0.0)) / (ac.r_pu + 1j * ac.x_pu))[:, None] * drop
        return np.concatenate([change.real, change.imag])
