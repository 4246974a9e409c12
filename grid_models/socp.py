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

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from grid_models.errors import GridError
from grid_models.limits import Limits
from grid_models.network import Array, Network
from grid_models.per_unit import edges, end_shunts, flow_matrices, is_radial, loading_per_pu, onto_nodes
from grid_models.power_flow import Flows, Injections, node_power, solve_batch
from grid_models.resources import Resources, Supply

_EXACT_GAP_PU = 1e-5
_DIGITS = 1e-7
"""Excess [p.u.] below which the solver's answer is zero."""


@dataclass(frozen=True, eq=False)
class Relaxed:
    """The relaxation's optimum.

    feasible          False: no AC-feasible point exists; the arrays are NaN and the bound is inf
    lower_bound       [money/h] summed over steps: no AC-feasible point costs less
    p_kw, q_kvar      (G, T) of the resources
    import_kw         (T,)
    vm_pu             (N, T)
    cone_gap_pu       (T,) largest |z|² (c − |S|²/u): by how much the squared voltage of an edge is not explained
    exact             (T,) the step's solution is an AC solution: radial, and no cone gap
    """

    feasible: bool
    lower_bound: float
    p_kw: Array
    q_kvar: Array
    import_kw: Array
    vm_pu: Array
    cone_gap_pu: Array
    exact: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class LeastExcess:
    """How far limits must be passed, whatever is injected within the bounds.

    proven_pu         (T,) no AC solution has all its voltages and loadings within this of their limits, or nearer;
                      inf where there is no solution at all
    reached_pu        (T,) largest excess of the AC solution at ``p_kw``, ``q_kvar``; NaN where that has none
    p_kw, q_kvar      (G, T) what comes nearest by the relaxation
    """

    proven_pu: Array
    reached_pu: Array
    p_kw: Array
    q_kvar: Array


class Relaxation:
    """The problem of one network, set of buses and number of steps: compiled once, solved for any data."""

    def __init__(self, network: Network, buses: tuple[str, ...], steps: int, limits: Limits | None = None) -> None:
        self._network, self._buses, self._steps = network, tuple(buses), steps
        self._limits = limits or Limits.of(network)
        self._ac, self._edge = network.ac, edges(network.ac)
        self._kw = network.ac.base_mva * 1e3
        self._variables()
        self._problems: dict[tuple[str, tuple[bool, ...]], Any] = {}

    def bound(self, resources: Resources, supply: Supply, background: Injections | None = None) -> Relaxed:
        """The cheapest dispatch of the relaxation: a lower bound on the cost of every AC-feasible one."""
        self._set(resources, supply, background)
        lower = self._solve("cost")
        if lower is None:
            return self._infeasible()
        gap = self._cone_gap()
        return Relaxed(
            feasible=True,
            lower_bound=self._scale * lower,
            p_kw=self._p.value * self._kw,
            q_kvar=self._q.value * self._kw,
            import_kw=self._import[0].value * self._kw,
            vm_pu=np.sqrt(np.maximum(self._w.value, 0.0))[self._ac.bus_node],
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
        self._set(resources, supply or Supply(), background)
        if self._solve("excess") is None:
            return self._hopeless()
        excess = np.maximum(self._excess.value, 0.0)
        excess[excess < _DIGITS] = 0.0
        self._most.value = excess + _DIGITS
        if self._solve("losses", candidate=True) is None:
            raise GridError(f"network {self._network.name!r}: the cone solver contradicts itself; data out of scale")
        p_kw, q_kvar = self._p.value * self._kw, self._q.value * self._kw
        flows = solve_batch(self._network, Injections(self._buses, p_kw, q_kvar), background)
        least = min(self._limits.voltage_min_pu.min(), self._limits.branch_loading_max_pu.min())
        proven = least * (np.sqrt(1.0 + 2.0 * excess / least) - 1.0)
        return LeastExcess(proven, largest_excess(flows, self._limits), p_kw, q_kvar)

    def _variables(self) -> None:
        import cvxpy as cp

        n, k, g, t = self._ac.node_kv.size, self._edge.from_node.size, len(self._buses), self._steps
        self._w = cp.Variable((n, t), nonneg=True)
        self._flow = cp.Variable((k, t)), cp.Variable((k, t))
        self._current = cp.Variable((k, t), nonneg=True)
        self._p, self._q = cp.Variable((g, t)), cp.Variable((g, t))
        self._import = cp.Variable(t), cp.Variable(t)
        self._excess = cp.Variable(t, nonneg=True)
        self._node = cp.Parameter((n, t)), cp.Parameter((n, t))
        self._low = cp.Parameter((g, t)), cp.Parameter((g, t))
        self._high = cp.Parameter((g, t)), cp.Parameter((g, t))
        self._supplied = [cp.Parameter() for _ in range(4)]
        self._slack_square = [cp.Parameter(self._ac.slack_node.size) for _ in range(2)]
        self._price = cp.Parameter((g, t)), cp.Parameter((g, t), nonneg=True)
        self._supply_price = cp.Parameter(), cp.Parameter(nonneg=True)
        self._scale = 1.0
        self._bounded: tuple[bool, ...] = ()
        self._most = cp.Parameter(t, nonneg=True)

    def _solve(self, name: str, *, candidate: bool = False) -> float | None:
        return _solve(self._network.name, self._problem(name), candidate=candidate)

    def _problem(self, name: str) -> Any:
        import cvxpy as cp

        if (name, self._bounded) not in self._problems:
            p, buy = self._p, self._import[0]
            cost = cp.sum(cp.multiply(self._price[0], p)) + cp.sum(cp.multiply(self._price[1], cp.square(p)))
            cost = cost + self._supply_price[0] * cp.sum(buy) + self._supply_price[1] * cp.sum_squares(buy)
            losses = cp.sum(np.abs(self._edge.r_pu + 1j * self._edge.x_pu) @ self._current)
            objective = {"cost": cost, "excess": cp.sum(self._excess), "losses": losses}[name]
            most = {"cost": 0.0, "excess": 10.0, "losses": self._most}[name]
            rows = [*self._balances(), *self._cones(), *self._bounds(), self._excess <= most]
            problem = cp.Problem(cp.Minimize(objective), rows)
            assert problem.is_dcp(dpp=True)
            self._problems[name, self._bounded] = problem
        return self._problems[name, self._bounded]

    def _balances(self) -> list[Any]:
        """Voltage drops and nodal balances."""
        m, (p, q), c, w = flow_matrices(self._ac, self._edge), self._flow, self._current, self._w
        r, x = (sparse.diags_array(z) for z in (self._edge.r_pu, self._edge.x_pu))
        squared = sparse.diags_array(self._edge.r_pu**2 + self._edge.x_pu**2)
        onto = onto_nodes(self._ac, self._network.bus_index(self._buses))
        # The slacks share the import as the equations have it: only their sum is a decision of its own.
        free = np.setdiff1d(np.arange(self._ac.node_kv.size), self._ac.slack_node)
        out: list[Any] = [m.into.T @ w == m.inner @ w - 2.0 * (r @ p + x @ q) + squared @ c]
        pairs = ((p, self._p, m.shunt.real, r, 0), (q, self._q, m.shunt.imag, x, 1))
        for flow, chosen, shunt, z, part in pairs:
            rest = m.out @ flow - m.into @ (flow - z @ c) + shunt @ w - onto @ chosen - self._node[part]
            out += [
                rest[free] == 0.0,
                np.ones(self._ac.slack_node.size) @ rest[self._ac.slack_node] == self._import[part],
            ]
        return out

    def _cones(self) -> list[Any]:
        """The cones: c u ≥ P² + Q² per edge, |S_end|² ≤ w · limit² (1 + 2 e / limit) per end of a rated branch."""
        import cvxpy as cp

        inner = flow_matrices(self._ac, self._edge).inner @ self._w
        cones = [_cone(*self._flow, self._current, inner)]
        limit = self._limits.branch_loading_max_pu
        for (p, q), node, per in zip(
            self._ends(), (self._ac.from_node, self._ac.to_node), loading_per_pu(self._ac), strict=True
        ):
            rated = np.flatnonzero(np.isfinite(per) & (per > 0.0) & np.isfinite(limit))
            if rated.size == 0:
                continue
            scale = sparse.diags_array(per[rated] / limit[rated])
            wider = np.ones((rated.size, self._steps)) + cp.reshape(
                2.0 / limit[rated], (rated.size, 1), order="F"
            ) @ cp.reshape(self._excess, (1, self._steps), order="F")
            at = self._w[node[self._ac.named_branch[rated]]]
            cones.append(_cone(scale @ p[rated], scale @ q[rated], at, wider))
        return cones

    def _ends(self) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
        """(P, Q) into the named branches at both ends; the arithmetic of ``lindistflow``, on expressions."""
        named, of = self._ac.named_branch, self._edge.edge_of[self._ac.named_branch]
        share = self._edge.share[named]
        pick = sparse.csr_array((np.conj(share), (np.arange(named.size), of)), shape=(named.size, self._edge.r_pu.size))
        z = self._edge.r_pu + 1j * self._edge.x_pu
        turned = (share.real < 0.0).astype(np.float64)
        at_from, at_to = (np.conj(y[named]) for y in end_shunts(self._ac))
        out = []
        for sign, late, shunt, node, tap in (
            (1.0, turned, at_from, self._ac.from_node, self._ac.tap[named]),
            (-1.0, 1.0 - turned, at_to, self._ac.to_node, np.ones(named.size)),
        ):
            lost = sparse.diags_array(-sign * late) @ pick @ sparse.diags_array(z)
            on = sparse.csr_array(
                (shunt / tap**2, (np.arange(named.size), node[named])), shape=(named.size, self._ac.node_kv.size)
            )
            through = sign * pick
            p, q = self._flow
            out.append(
                (
                    through.real @ p - through.imag @ q + lost.real @ self._current + on.real @ self._w,
                    through.imag @ p + through.real @ q + lost.imag @ self._current + on.imag @ self._w,
                )
            )
        return out[0], out[1]

    def _bounds(self) -> list[Any]:
        """Limits of nodes, widened by the excess, and what resources and supply can do."""
        import cvxpy as cp

        node, slack = self._ac.bus_node, self._ac.slack_node
        low, high = np.zeros(self._ac.node_kv.size), np.full(self._ac.node_kv.size, np.inf)
        np.maximum.at(low, node, self._limits.voltage_min_pu)
        np.minimum.at(high, node, self._limits.voltage_max_pu)
        named = np.flatnonzero(np.isfinite(high))
        ones, excess = np.ones((1, self._steps)), cp.reshape(self._excess, (1, self._steps), order="F")
        floor, ceiling = low[named, None], high[named, None]
        at = self._w[named]
        rows = [at <= ceiling**2 @ ones + 2.0 * ceiling @ excess, at >= floor**2 @ ones - 2.0 * floor @ excess]
        for chosen, least, most in zip((self._p, self._q), self._low, self._high, strict=True):
            rows += [chosen >= least, chosen <= most]
        supplied = [self._import[part] >= self._supplied[part] for part in (0, 1)]
        supplied += [self._import[part] <= self._supplied[2 + part] for part in (0, 1)]
        rows += [row for row, there in zip(supplied, self._bounded, strict=True) if there]
        held = self._w[slack]
        return [*rows, held >= _column(self._slack_square[0]) @ ones, held <= _column(self._slack_square[1]) @ ones]

    def _set(self, resources: Resources, supply: Supply, background: Injections | None) -> None:
        if resources.bus != self._buses or resources.steps != self._steps:
            raise GridError(
                f"this relaxation is of {len(self._buses)} resources at {self._buses} in {self._steps} steps, got "
                f"{len(resources.bus)} at {resources.bus} in {resources.steps}"
            )
        nothing = Injections((), np.zeros((0, self._steps)), np.zeros((0, self._steps)))
        for parameter, value in zip(self._node, node_power(self._network, nothing, background), strict=True):
            parameter.value = value / self._kw
        values = (resources.p_min_kw, resources.q_min_kvar, resources.p_max_kw, resources.q_max_kvar)
        for parameter, value in zip((*self._low, *self._high), values, strict=True):
            parameter.value = value / self._kw
        given = (supply.p_min_kw, supply.q_min_kvar, supply.p_max_kw, supply.q_max_kvar)
        for parameter, number in zip(self._supplied, given, strict=True):
            parameter.value = number / self._kw if np.isfinite(number) else 0.0
        self._bounded = tuple(bool(np.isfinite(number)) for number in given)
        self._set_slack(supply)
        self._set_prices(resources, supply)

    def _set_slack(self, supply: Supply) -> None:
        slack = self._ac.slack_node
        low = high = self._ac.slack_vm_pu
        if supply.voltage_is_free:
            at = [np.flatnonzero(self._ac.bus_node == node) for node in slack]
            low = np.array([self._limits.voltage_min_pu[buses].max() for buses in at])
            high = np.array([self._limits.voltage_max_pu[buses].min() for buses in at])
        self._slack_square[0].value, self._slack_square[1].value = low**2, high**2

    def _set_prices(self, resources: Resources, supply: Supply) -> None:
        """Per unit of power, and divided by a typical price so that the solver sees numbers near 1."""
        linear, quadratic = resources.linear * self._kw, resources.quadratic * self._kw**2
        own = supply.linear_per_kwh * self._kw, supply.quadratic_per_kwh_kw * self._kw**2
        scale = (
            max(float(np.abs(linear).max(initial=0.0)), abs(own[0]), float(quadratic.max(initial=0.0)), own[1]) or 1.0
        )
        self._price[0].value, self._price[1].value = linear / scale, quadratic / scale
        self._supply_price[0].value, self._supply_price[1].value = own[0] / scale, own[1] / scale
        self._scale = scale

    def _cone_gap(self) -> Array:
        inner = flow_matrices(self._ac, self._edge).inner @ self._w.value
        p, q = (flow.value for flow in self._flow)
        open_ = self._current.value - (p**2 + q**2) / np.maximum(inner, 1e-12)
        return np.asarray(((self._edge.r_pu**2 + self._edge.x_pu**2)[:, None] * open_).max(axis=0, initial=0.0))

    def _infeasible(self) -> Relaxed:
        g, t, n = len(self._buses), self._steps, len(self._network.bus_names)
        power, row = np.full((g, t), np.nan), np.full(t, np.nan)
        return Relaxed(False, np.inf, power, power, row, np.full((n, t), np.nan), row, np.zeros(t, dtype=bool))

    def _hopeless(self) -> LeastExcess:
        power = np.full((len(self._buses), self._steps), np.nan)
        return LeastExcess(np.full(self._steps, np.inf), np.full(self._steps, np.nan), power, power)


def largest_excess(flows: Flows, limits: Limits) -> Array:
    """(T,) by how much the worst voltage or loading passes its limit [p.u.], 0 if none does; NaN without a solution."""
    parts = (
        flows.vm_pu - limits.voltage_max_pu[:, None],
        limits.voltage_min_pu[:, None] - flows.vm_pu,
        np.nan_to_num(flows.branch_loading_pu) - limits.branch_loading_max_pu[:, None],
    )
    worst = np.maximum(np.max(np.concatenate(parts), axis=0), 0.0)
    return np.where(flows.converged, worst, np.nan)


def _column(vector: Any) -> Any:
    import cvxpy as cp

    return cp.reshape(vector, (vector.shape[0], 1), order="F")


def _cone(p: Any, q: Any, one: Any, other: Any) -> Any:
    """P² + Q² ≤ one · other, elementwise, as second-order cones ‖(2P, 2Q, one − other)‖ ≤ one + other."""
    import cvxpy as cp

    flat = [cp.reshape(x, (1, x.size), order="F") for x in (2.0 * p, 2.0 * q, one - other)]
    return cp.SOC(cp.vec(one + other, order="F"), cp.vstack(flat), axis=0)


def _solve(network: str, problem: Any, *, candidate: bool) -> float | None:
    """The dual objective at the optimum, which no error of the primal can lift; None where there is no solution.

    candidate   an answer to fewer digits will do, as it is checked by other means

    Raises GridError for whatever else the solver may say.
    """
    import cvxpy as cp

    options = {"max_iter": 200}
    data, chain, inverse = problem.get_problem_data(cp.CLARABEL, solver_opts=options)
    raw = chain.solve_via_data(problem, data, solver_opts=options)
    status = str(raw.status)
    if status == "PrimalInfeasible":
        return None
    if status != "Solved" and not (candidate and status == "AlmostSolved"):
        raise GridError(f"network {network!r}: the cone solver ends with {status!r}; is the data to scale?")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Solution may be inaccurate", UserWarning)  # a candidate may be
        problem.unpack_results(raw, chain, inverse)
    return float(problem.value - max(0.0, raw.obj_val - raw.obj_val_dual))
