"""The convex certificate: the branch-flow equations with a cone in the place of one equality.

Per edge with impedance z = r + jx, squared voltage u behind the ideal transformer, inner power S = P + jQ and squared
current c (shunts and ratios as in ``per_unit.FlowMatrices``)::

    intoᵀ w = u − 2 (r P + x Q) + |z|² c       out S − into (S − z c) + shunt w = s       c u ≥ P² + Q²

Voltage limits bound w, loading limits the current at both ends: |S_end|² ≤ w · limit². Every AC solution is a
solution of this problem, so its optimum is a lower bound, and where it is infeasible there is no AC-feasible point.
In a radial network with c u = P² + Q² (``cone_gap_pu`` near 0) the solution is an AC solution itself. In a meshed
one the condition that angles add up to zero around a cycle is dropped: still a bound, but no longer exact.

M. Farivar and S. H. Low, Branch Flow Model: Relaxations and Convexification, IEEE Trans. Power Systems 28(3), 2013,
doi:10.1109/TPWRS.2013.2255317. Solver: P. J. Goulart and Y. Chen, Clarabel, arXiv:2405.12762.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from grid_models.errors import GridError
from grid_models.limits import Limits
from grid_models.network import AcModel, Array, Index, Network
from grid_models.per_unit import (
    Complex,
    edges,
    end_shunts,
    flow_matrices,
    is_radial,
    loading_per_pu,
    on_base,
    onto_nodes,
    refuse_regulated,
)
from grid_models.power_flow import Flows, Injections, node_power, solve_batch
from grid_models.resources import Resources, Supply

_EXACT_GAP_PU = 1e-5
_TOLERANCES = (1e-8, 1e-7, 1e-6)
"""Of the solver: the next where it does not come to the one before."""
_ANY_EXCESS_PU = 10.0
_IMPEDANCE_PU = 0.03
"""The median branch's, by choice of the base power: then powers and currents are near 1, as the solver likes them."""
_DIGITS = 1e-7
"""Excess [p.u.] below which the solver's answer is zero."""


@dataclass(frozen=True, eq=False)
class Relaxed:
    """The relaxation's optimum in every step.

    feasible          (T,) False: no AC-feasible point exists; the step's arrays are NaN and its bound is inf
    lower_bound       (T,) [money/h] no AC-feasible point costs less; −inf, and NaN arrays, where the solver comes to no
                      answer: nothing is proven then
    p_kw, q_kvar      (G, T) of the resources
    import_kw         (T,)
    vm_pu             (N, T)
    cone_gap_pu       (T,) largest |z|² (c − |S|²/u): by how much the squared voltage of an edge is not explained
    exact             (T,) the step's solution is an AC solution: radial, and no cone gap
    """

    feasible: NDArray[np.bool_]
    lower_bound: Array
    p_kw: Array
    q_kvar: Array
    import_kw: Array
    vm_pu: Array
    cone_gap_pu: Array
    exact: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class LeastExcess:
    """How far limits must be passed, whatever is injected within the bounds.

    proven_pu         (T,) no AC solution has all its voltages and loadings nearer to their limits than this; inf where
                      there is no solution at all, 0 where nothing is proven
    reached_pu        (T,) largest excess of the AC solution at ``p_kw``, ``q_kvar``; NaN where that has none
    p_kw, q_kvar      (G, T) what comes nearest by the relaxation; NaN where it has no solution
    """

    proven_pu: Array
    reached_pu: Array
    p_kw: Array
    q_kvar: Array


class Relaxation:
    """The problem of one network and set of buses for one step: compiled once, solved for any data and any steps.

    Steps do not touch each other here. Solved one by one, one that has no solution says nothing about the others.
    """

    def __init__(self, network: Network, buses: tuple[str, ...], limits: Limits | None = None) -> None:
        import cvxpy as cp

        refuse_regulated(network, "the relaxation")
        self._network, self._buses = network, tuple(buses)
        self._limits = limits or Limits.of(network)
        impedance = float(np.median(np.abs(network.ac.r_pu + 1j * network.ac.x_pu)))
        self._ac = on_base(network.ac, network.ac.base_mva * _IMPEDANCE_PU / impedance)
        self._edge, self._kw = edges(self._ac), self._ac.base_mva * 1e3
        self._matrices = flow_matrices(self._ac, self._edge)
        n, k, g = self._ac.node_kv.size, self._edge.from_node.size, len(self._buses)
        self._w, self._current = cp.Variable(n, nonneg=True), cp.Variable(k, nonneg=True)
        self._flow = cp.Variable(k), cp.Variable(k)
        self._chosen = cp.Variable(g), cp.Variable(g)
        self._import, self._excess = cp.Variable(2), cp.Variable(nonneg=True)
        self._node = cp.Parameter(n), cp.Parameter(n)
        self._low, self._high = (cp.Parameter(g), cp.Parameter(g)), (cp.Parameter(g), cp.Parameter(g))
        self._supplied = cp.Parameter(2), cp.Parameter(2)
        self._slack_square = [cp.Parameter(self._ac.slack_node.size) for _ in range(2)]
        self._price, self._steep = cp.Parameter(g), cp.Parameter(g, nonneg=True)
        self._supply_price, self._supply_steep = cp.Parameter(), cp.Parameter(nonneg=True)
        self._most = cp.Parameter(nonneg=True)
        self._scale = 1.0
        self._bounded: tuple[bool, ...] = ()
        self._problems: dict[tuple[str, tuple[bool, ...]], Any] = {}

    def bound(self, resources: Resources, supply: Supply, background: Injections | None = None) -> Relaxed:
        """The cheapest dispatch of the relaxation: a lower bound on the cost of every AC-feasible one."""
        self._check(resources)
        power, count = self._node_power(resources.steps, background), len(self._buses)
        rows = 2 * count + len(self._network.bus_names) + 2  # powers, voltages, import, cone gap
        found, bounds = np.full((rows, resources.steps), np.nan), np.full(resources.steps, np.inf)
        for step in range(resources.steps):
            self._set(resources, supply, power, step)
            lower = _solve(self._problem("cost"))
            if lower == -np.inf and _solve(self._problem("excess")) > _DIGITS:
                lower = np.inf  # infeasible by too little for the solver to see it, until limits may give way
            bounds[step] = self._scale * lower
            if np.isfinite(lower):
                vm_pu = np.sqrt(np.maximum(self._w.value, 0.0))[self._ac.bus_node]
                found[:, step] = [*self._dispatch(), *vm_pu, self._import.value[0] * self._kw, self._cone_gap()]
        gap = found[-1]
        return Relaxed(
            feasible=bounds < np.inf,
            lower_bound=bounds,
            p_kw=found[:count],
            q_kvar=found[count : 2 * count],
            import_kw=found[-2],
            vm_pu=found[2 * count : -2],
            cone_gap_pu=gap,
            exact=(gap < _EXACT_GAP_PU) & is_radial(self._ac),
        )

    def least_excess(
        self, resources: Resources, background: Injections | None = None, supply: Supply | None = None
    ) -> LeastExcess:
        """The smallest largest excess over voltage and loading limits that the bounds allow, step by step.

        With limits widened by 2·limit·e, as x² − limit² ≤ 2·limit·(e + e²/(2·least limit)) whatever passes its limit
        by at most e. Among the best the one with the least losses is tried on the AC network: where that reaches the
        bound the cones were tight, and both numbers together answer the question. Prices do not matter.
        """
        self._check(resources)
        power, steps = self._node_power(resources.steps, background), resources.steps
        found, excess = np.full((2 * len(self._buses), steps), np.nan), np.full(steps, np.inf)
        for step in range(steps):
            self._set(resources, supply or Supply(), power, step)
            lower = _solve(self._problem("excess"))
            excess[step] = lower if lower > _DIGITS else 0.0
            if np.isfinite(lower):
                self._most.value = max(float(self._excess.value), 0.0) + _DIGITS
                _solve(self._problem("losses"))
                found[:, step] = self._dispatch()
        least = min(self._limits.voltage_min_pu.min(), self._limits.branch_loading_max_pu.min())
        proven = least * (np.sqrt(1.0 + 2.0 * excess / least) - 1.0)
        p_kw, q_kvar = np.split(found, 2)
        return LeastExcess(proven, self._reached(p_kw, q_kvar, background), p_kw, q_kvar)

    def _reached(self, p_kw: Array, q_kvar: Array, background: Injections | None) -> Array:
        """(T,) largest excess by the AC power flow; NaN where there is no dispatch or no solution."""
        there = np.flatnonzero(np.isfinite(p_kw).all(axis=0))
        out = np.full(p_kw.shape[1], np.nan)
        around = None if background is None else background.at_steps(there)
        flows = solve_batch(self._network, Injections(self._buses, p_kw[:, there], q_kvar[:, there]), around)
        out[there] = largest_excess(flows, self._limits)
        return out

    def _dispatch(self) -> Array:
        """(2G,) powers chosen [kW], then [kvar]."""
        return np.concatenate([chosen.value for chosen in self._chosen]) * self._kw

    def _problem(self, name: str) -> Any:
        import cvxpy as cp

        if (name, self._bounded) not in self._problems:
            p, buy = self._chosen[0], self._import[0]
            cost = self._price @ p + self._steep @ cp.square(p)
            cost = cost + self._supply_price * buy + self._supply_steep * cp.square(buy)
            losses = np.abs(self._edge.r_pu + 1j * self._edge.x_pu) @ self._current
            objective = {"cost": cost, "excess": self._excess, "losses": losses}[name]
            most = {"cost": 0.0, "excess": _ANY_EXCESS_PU, "losses": self._most}[name]
            rows = [*self._balances(), *self._cones(), *self._bounds(), self._excess <= most]
            problem = cp.Problem(cp.Minimize(objective), rows)
            assert problem.is_dcp(dpp=True)
            self._problems[name, self._bounded] = problem
        return self._problems[name, self._bounded]

    def _balances(self) -> list[Any]:
        """Voltage drops and nodal balances."""
        m, (p, q), c, w = self._matrices, self._flow, self._current, self._w
        r, x = (sparse.diags_array(z) for z in (self._edge.r_pu, self._edge.x_pu))
        squared = sparse.diags_array(self._edge.r_pu**2 + self._edge.x_pu**2)
        onto = onto_nodes(self._ac, self._network.bus_index(self._buses))
        free = np.setdiff1d(np.arange(self._ac.node_kv.size), self._ac.slack_node)
        out: list[Any] = [m.into.T @ w == m.inner @ w - 2.0 * (r @ p + x @ q) + squared @ c]
        for part, (flow, shunt, z) in enumerate(((p, m.shunt.real, r), (q, m.shunt.imag, x))):
            rest = m.out @ flow - m.into @ (flow - z @ c) + shunt @ w - onto @ self._chosen[part] - self._node[part]
            # Of several slacks only the sum is a decision of its own.
            out += [rest[free] == 0.0, sum(rest[int(node)] for node in self._ac.slack_node) == self._import[part]]
        return out

    def _cones(self) -> list[Any]:
        """The cones: c u ≥ P² + Q² per edge, |S_end|² ≤ w · limit² (1 + 2 e / limit) per end of a rated branch.

        And what follows from the second: c ≤ (limit + |y| · highest voltage)² (1 + 2 e / limit). Without it, current
        that no power needs may burn what is injected, and a feeder full of generation looks feasible.
        """
        import cvxpy as cp

        ac, edge, limit = self._ac, self._edge, self._limits.branch_loading_max_pu
        cones, named = [_cone(*self._flow, self._current, self._matrices.inner @ self._w)], ac.named_branch
        top = float(self._limits.voltage_max_pu.max())
        inner, shunts = (ac.tap[named], np.ones(named.size)), (y[named] for y in end_shunts(ac))
        per_end = zip(self._ends(), (ac.from_node, ac.to_node), loading_per_pu(ac), inner, shunts, strict=True)
        for (p, q), node, per, tap, shunt in per_end:
            rated = np.flatnonzero(np.isfinite(per) & (per > 0.0) & np.isfinite(limit))
            scale = sparse.diags_array(per[rated] / limit[rated])
            wider = 1.0 + 2.0 / limit[rated] * self._excess
            cones.append(_cone(scale @ p[rated], scale @ q[rated], self._w[node[named[rated]]], wider))
            most = (limit / per * tap + np.abs(shunt) * top / tap)[rated] / np.abs(edge.share[named[rated]])
            loose = 1.0 + 2.0 / np.minimum(limit[rated], top) * self._excess
            cones.append(cp.multiply(1.0 / most**2, self._current[edge.edge_of[named[rated]]]) <= loose)
        return cones

    def _ends(self) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
        """(P, Q) into the named branches at both ends; the arithmetic of ``lindistflow``, on expressions."""
        ac, edge, named = self._ac, self._edge, self._ac.named_branch
        one, share = np.arange(named.size), edge.share[named]
        pick = sparse.csr_array((np.conj(share), (one, edge.edge_of[named])), shape=(named.size, edge.r_pu.size))
        z, turned = sparse.diags_array(edge.r_pu + 1j * edge.x_pu), (share.real < 0.0).astype(np.float64)
        at_from, at_to = (np.conj(y[named]) for y in end_shunts(ac))

        def end(sign: float, late: Array, shunt: Complex, tap: Array, node: Index) -> tuple[Any, Any]:
            through, lost = sign * pick, -sign * sparse.diags_array(late) @ pick @ z
            on = sparse.csr_array((shunt / tap**2, (one, node[named])), shape=(named.size, ac.node_kv.size))
            p, q = self._flow
            return (
                through.real @ p - through.imag @ q + lost.real @ self._current + on.real @ self._w,
                through.imag @ p + through.real @ q + lost.imag @ self._current + on.imag @ self._w,
            )

        starts = end(1.0, turned, at_from, ac.tap[named], ac.from_node)
        return starts, end(-1.0, 1.0 - turned, at_to, np.ones(named.size), ac.to_node)

    def _bounds(self) -> list[Any]:
        """Limits of nodes, widened by the excess, and what resources and supply can do."""
        low, high = node_limits(self._ac, self._limits)
        named = np.flatnonzero(np.isfinite(high))
        low, high, at = low[named], high[named], self._w[named]
        rows = [at <= high**2 + 2.0 * high * self._excess, at >= low**2 - 2.0 * low * self._excess]
        for chosen, least, most in zip(self._chosen, self._low, self._high, strict=True):
            rows += [chosen >= least, chosen <= most]
        supplied = [self._import[part] >= self._supplied[0][part] for part in (0, 1)]
        supplied += [self._import[part] <= self._supplied[1][part] for part in (0, 1)]
        rows += [row for row, there in zip(supplied, self._bounded, strict=True) if there]
        held = self._w[self._ac.slack_node]
        return [*rows, held >= self._slack_square[0], held <= self._slack_square[1]]

    def _check(self, resources: Resources) -> None:
        if resources.bus != self._buses:
            raise GridError(f"this relaxation is of resources at {self._buses}, got {resources.bus}")

    def _node_power(self, steps: int, background: Injections | None) -> tuple[Array, Array]:
        """(n, T) of the other customers [p.u.]."""
        nothing = Injections((), np.zeros((0, steps)), np.zeros((0, steps)))
        p_kw, q_kvar = node_power(self._network, nothing, background)
        return p_kw / self._kw, q_kvar / self._kw

    def _set(self, resources: Resources, supply: Supply, power: tuple[Array, Array], step: int) -> None:
        """The data of one step. Prices are divided by a typical one, so that the solver sees numbers near 1."""
        r, s, slack = resources, supply, self._ac.slack_node
        arrays = (r.p_min_kw, r.q_min_kvar, r.p_max_kw, r.q_max_kvar)
        for parameter, value in zip((*self._low, *self._high), arrays, strict=True):
            parameter.value = value[:, step] / self._kw
        for parameter, value in zip(self._node, power, strict=True):
            parameter.value = value[:, step]
        least, most = np.array([s.p_min_kw, s.q_min_kvar]), np.array([s.p_max_kw, s.q_max_kvar])
        self._bounded = tuple(bool(there) for there in np.isfinite([*least, *most]))
        for parameter, value in zip(self._supplied, (least, most), strict=True):
            parameter.value = np.where(np.isfinite(value), value, 0.0) / self._kw
        low = high = self._ac.slack_vm_pu
        if s.voltage_is_free:
            low, high = (limit[slack] for limit in node_limits(self._ac, self._limits))
        self._slack_square[0].value, self._slack_square[1].value = low**2, high**2
        linear, steep = r.linear[:, step] * self._kw, r.quadratic[:, step] * self._kw**2
        own, own_steep = s.linear_per_kwh * self._kw, s.quadratic_per_kwh_kw * self._kw**2
        self._scale = float(np.max(np.abs([*linear, *steep, own, own_steep]))) or 1.0
        self._price.value, self._steep.value = linear / self._scale, steep / self._scale
        self._supply_price.value, self._supply_steep.value = own / self._scale, own_steep / self._scale

    def _cone_gap(self) -> float:
        inner, (p, q) = self._matrices.inner @ self._w.value, (flow.value for flow in self._flow)
        unexplained = self._current.value - (p**2 + q**2) / np.maximum(inner, 1e-12)
        return float(np.max((self._edge.r_pu**2 + self._edge.x_pu**2) * unexplained))


def node_limits(ac: AcModel, limits: Limits) -> tuple[Array, Array]:
    """Narrowest voltage limits of the buses on each node (n,); 0 and inf where none stands."""
    low, high = np.zeros(ac.node_kv.size), np.full(ac.node_kv.size, np.inf)
    np.maximum.at(low, ac.bus_node, limits.voltage_min_pu)
    np.minimum.at(high, ac.bus_node, limits.voltage_max_pu)
    return low, high


def largest_excess(flows: Flows, limits: Limits) -> Array:
    """(T,) by how much the worst voltage or loading passes its limit [p.u.], 0 if none does; NaN without a solution."""
    parts = (
        flows.vm_pu - limits.voltage_max_pu[:, None],
        limits.voltage_min_pu[:, None] - flows.vm_pu,
        np.nan_to_num(flows.branch_loading_pu) - limits.branch_loading_max_pu[:, None],
    )
    worst = np.maximum(np.max(np.concatenate(parts), axis=0), 0.0)
    return np.where(flows.converged, worst, np.nan)


def _cone(p: Any, q: Any, one: Any, other: Any) -> Any:
    """P² + Q² ≤ one · other, elementwise, as second-order cones ‖(2P, 2Q, one − other)‖ ≤ one + other."""
    import cvxpy as cp

    return cp.SOC(one + other, cp.vstack([2.0 * p, 2.0 * q, one - other]), axis=0)


def _solve(problem: Any) -> float:
    """The dual objective at the optimum, which no error of the primal can lift.

    Inf where there is proof that the problem has no solution; −inf where the solver comes to no answer, with the
    variables as they were.
    """
    import cvxpy as cp

    for tolerance in _TOLERANCES:
        options = {"max_iter": 200, "tol_gap_rel": tolerance, "tol_gap_abs": tolerance, "tol_feas": tolerance}
        data, chain, inverse = problem.get_problem_data(cp.CLARABEL, solver_opts=options)
        raw = chain.solve_via_data(problem, data, solver_opts=options)
        if str(raw.status) == "PrimalInfeasible":
            return np.inf
        if str(raw.status) == "Solved":
            problem.unpack_results(raw, chain, inverse)
            value = float(problem.value - max(0.0, raw.obj_val - raw.obj_val_dual))
            return value - 10.0 * tolerance * max(1.0, abs(value)) if tolerance > _TOLERANCES[0] else value
    return -np.inf
