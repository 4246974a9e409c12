"""From a cvxpy problem to HiGHS and back: compile once, run many times.

cvxpy compiles the problem to matrices whose entries are affine in the parameters; each solve fills in the parameters
and hands the matrices to HiGHS directly, so that incumbents, bounds, duals and limits are ours to read. Limits count
nodes, not seconds, so the same inputs give the same plan; a clock limit is only set when a deadline is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from dispatch.errors import InfeasibleError, SolveError, TimeUpError
from dispatch.signals import Array
from dispatch.solver import canonical
from dispatch.solver.entries import Entries, Tensors

if TYPE_CHECKING:
    import cvxpy as cp
    import highspy

Quality = Literal["optimal", "incumbent", "convex_recovery", "relaxed", "last_good", "rule_based", "safe_state"]

_LARGE = 10_000
_ROUNDING = 1e-9


# What HiGHS does to find points: smaller problems, and the root once more where they have fixed a column or two.
_FOR_POINTS = (
    "mip_heuristic_run_rens",
    "mip_heuristic_run_rins",
    "mip_heuristic_run_root_reduced_cost",
    "mip_allow_restart",
)
# Branches tried before one is taken, and cuts at nodes. Stores tie all steps together, so that each trial is a hundred
# iterations: on an island of twenty assets the first node tried for 12 s what 250 nodes without trials took 7 s for.
_FOR_SMALL_TREES = {"mip_pscost_minreliable": 0, "mip_allow_cut_separation_at_nodes": False}


@dataclass(frozen=True)
class Limits:
    """When a search ends: a relative gap, a number of nodes, and a clock only where a deadline is given."""

    gap: float = 1e-4
    nodes: int = 50_000
    seconds: float | None = None


@dataclass(frozen=True)
class Matrices:
    """min c·x + offset with rows lower ≤ A x ≤ upper and column bounds; ``integer`` marks integral columns."""

    cost: Array
    offset: float
    rows: Any
    row_lower: Array
    row_upper: Array
    col_lower: Array
    col_upper: Array
    integer: np.ndarray


@dataclass(frozen=True)
class Layout:
    """What a problem knows of its matrices that the numbers do not tell.

    Attributes:
        coupling: positions of the rows that join plants.
        step: (column,) the step that a column decides about, −1 for none.
    """

    coupling: np.ndarray
    step: np.ndarray


@dataclass(frozen=True)
class Answer:
    """A point of HiGHS: values, row duals (of the problem with integers fixed), objective, proven bound."""

    quality: Quality
    x: Array
    row_dual: Array
    objective: float
    bound: float
    nodes: int
    clock_fired: bool

    @property
    def gap(self) -> float:
        """Relative distance between objective and bound."""
        return max(self.objective - self.bound, 0.0) / max(abs(self.objective), 1e-9)

    def within(self, gap: float) -> bool:
        """Is the gap no more than ``gap``, but for a billionth of the objective, which is what rounding does to it."""
        return self.gap <= gap + _ROUNDING


class Run(Protocol):
    """Something that solves matrices within limits: :func:`run`, the same in a child process, a search around it."""

    def __call__(
        self,
        matrices: Matrices,
        limits: Limits,
        *,
        also_integer: np.ndarray | None = None,
        start: Array | None = None,
    ) -> Answer:
        """Raises SolveError where there is no point; ``start`` is one to begin from, where there already is one."""
        ...


@dataclass(frozen=True)
class Point:
    """An improving solution on the way: values, objective and the bound at that moment."""

    x: Array
    objective: float
    bound: float


class Compiled:
    """A problem compiled once; parameters may change, structure may not."""

    def __init__(self, problem: cp.Problem) -> None:
        import cvxpy as cp

        with canonical.backend() as backend:
            data, _, _ = problem.get_problem_data(cp.HIGHS, enforce_dpp=True, canon_backend=backend, solver_opts={})
        self._program = data["param_prob"]
        self._entries = Entries(self._program)
        self._equal = data["dims"].zero
        self._boolean = np.asarray(data["bool_vars_idx"], dtype=int)
        self._integer = np.zeros(data["c"].size, bool)
        self._integer[[*data["bool_vars_idx"], *data["int_vars_idx"]]] = True
        sizes = [constraint.size for constraint in self._program.constraints]
        starts = np.concatenate([[0], np.cumsum(sizes)])
        self.size = int(data["c"].size)
        self._row_of = {c.id: (int(starts[i]), sizes[i]) for i, c in enumerate(self._program.constraints)}

    def matrices(self) -> Matrices:
        """The matrices for the parameters' present values; ``rows`` is not to be written into."""
        now = self._entries.numbers()
        lower = np.where(np.arange(now.limit.size) < self._equal, now.limit, -np.inf)
        size = now.cost.size
        col_lower = np.full(size, -np.inf) if now.lower is None else np.asarray(now.lower, float).copy()
        col_upper = np.full(size, np.inf) if now.upper is None else np.asarray(now.upper, float).copy()
        col_lower[self._boolean] = np.maximum(col_lower[self._boolean], 0)
        col_upper[self._boolean] = np.minimum(col_upper[self._boolean], 1)
        return Matrices(now.cost, now.offset, now.rows, lower, now.limit, col_lower, col_upper, self._integer)

    @property
    def parameter_size(self) -> int:
        """Entries of all parameters together."""
        return int(self._program.total_param_size)

    def tensors(self) -> Tensors:
        """The matrices as functions of the parameters, before what integrality adds to bounds."""
        return self._entries.tensors()

    @property
    def sorts(self) -> tuple[int, np.ndarray, np.ndarray]:
        """How many rows are equations (the first ones), which columns are 0 or 1, and (column,) which are integral."""
        return self._equal, self._boolean, self._integer

    def columns(self, variable: cp.Variable) -> np.ndarray:
        """Column of each entry, in the variable's shape."""
        start = self._program.var_id_to_col[variable.id]
        return np.arange(start, start + variable.size).reshape(variable.shape, order="F")

    def placed(self, variable: cp.Variable) -> np.ndarray | None:
        """As ``columns``; None of a variable that no row and no cost has."""
        return self.columns(variable) if variable.id in self._program.var_id_to_col else None

    def rows(self, constraint: cp.Constraint) -> np.ndarray:
        """Row of each entry, in the constraint's shape."""
        start, size = self._row_of[constraint.id]
        return np.arange(start, start + size).reshape(constraint.shape, order="F")

    def assign(self, variables: Sequence[cp.Variable], x: Array) -> None:
        """Give the variables their values out of a solution."""
        for variable in variables:
            if variable.id in self._program.var_id_to_col:
                variable.save_value(x[self.columns(variable)])

    def values(self, variables: Sequence[cp.Variable]) -> Array:
        """(column,) the variables' values, NaN where there is none."""
        out = np.full(self.size, np.nan)
        for variable in variables:
            if variable.id in self._program.var_id_to_col and variable.value is not None:
                out[self.columns(variable)] = variable.value
        return out


def run(
    matrices: Matrices,
    limits: Limits,
    *,
    also_integer: np.ndarray | None = None,
    improved: Callable[[Point], None] | None = None,
    start: Array | None = None,
    searching: bool = True,
    thorough: bool = True,
    polish: bool = True,
    enough: float = -np.inf,
) -> Answer:
    """Solve; then fix the integers and solve the linear program again for clean values and duals.

    Args:
        matrices: the problem.
        limits: when to stop.
        also_integer: columns that must be integral beside those the model declares.
        improved: told of every better solution as soon as it is found.
        start: a point to begin from.
        searching: the solver may solve smaller problems to find points; with a good start, or where few columns are
            free, they take most of its time and gain nothing.
        thorough: nodes are worked on until there are few of them; without it there are more and each is quick.
        enough: stop at the first point that costs no more.
        polish: without it the duals are those the search ended with, which mean nothing where there are integers.

    Raises:
        InfeasibleError: HiGHS proved that there is no point.
        SolveError: it found none; the message carries its status.
    """
    integer = matrices.integer.copy()
    if also_integer is not None:
        integer[also_integer] = True
    solver = load(matrices, integer)
    _set_limits(solver, limits)
    if improved is not None and integer.any():
        solver.cbMipImprovingSolution.subscribe(lambda event: improved(_on_the_way(event.data_out)))
    for option in () if searching else _FOR_POINTS:
        solver.setOptionValue(option, False)
    for option, value in () if thorough else _FOR_SMALL_TREES.items():
        solver.setOptionValue(option, value)
    solver.setOptionValue("objective_target", enough)
    if start is not None:
        solver.setSolution(start.size, np.arange(start.size, dtype=np.int32), start)
    solver.run()
    quality, clock = _quality(solver)
    info = solver.getInfo()
    x, dual, objective = _point(solver)
    bound = info.mip_dual_bound if integer.any() else _proved(quality, objective)
    if integer.any() and polish:
        x, dual, objective = _polish(solver, integer, x, dual, objective)
    return Answer(quality, x, dual, objective, min(bound, objective), max(int(info.mip_node_count), 0), clock)


def continuous(matrices: Matrices) -> Answer:
    """The relaxation: whole numbers may be anything between their bounds."""
    solver = relaxation(matrices)
    solver.run()
    quality, clock = _quality(solver)
    x, dual, objective = _point(solver)
    return Answer(quality, x, dual, objective, _proved(quality, objective), 0, clock)


def relaxation(matrices: Matrices) -> highspy.Highs:
    """A solver that holds the relaxation."""
    solver = load(matrices, np.zeros(matrices.cost.size, bool))
    # Costs of a hundred-thousandth a kW would drown in the solver's tolerances.
    known = np.abs(matrices.cost[matrices.cost != 0])
    if known.size:
        solver.setOptionValue("user_objective_scale", int(np.clip(-np.round(np.log2(np.median(known))), -20, 20)))
    return solver


def _proved(quality: Quality, objective: float) -> float:
    """What a linear program's objective proves: a program that was stopped on its way may go far below its point."""
    return objective if quality == "optimal" else -np.inf


def polished(matrices: Matrices, integer: np.ndarray, x: Array) -> tuple[Array, Array, float]:
    """Values, duals and objective of the linear program that remains once every integer is that of ``x``.

    Raises:
        SolveError: it has no solution.
    """
    lower, upper = matrices.col_lower.copy(), matrices.col_upper.copy()
    lower[integer] = upper[integer] = np.round(x[integer])
    answer = continuous(replace(matrices, col_lower=lower, col_upper=upper))
    if answer.quality != "optimal":
        raise SolveError("the linear program around a plan's whole numbers has no optimum")
    return answer.x, answer.row_dual, answer.objective


def load(matrices: Matrices, integer: np.ndarray | None = None) -> highspy.Highs:
    """A solver that holds the model: silent, one thread, fixed seed."""
    import highspy

    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("threads", 1)
    solver.setOptionValue("random_seed", 0)
    fill(solver, matrices, (matrices.integer if integer is None else integer).astype(np.int32))
    return solver


def fill(solver: highspy.Highs, matrices: Matrices, integer: np.ndarray) -> None:
    """Give a solver another model in the place of the one it holds; ``integer`` is 0 or 1 by column, 32 bits each."""
    import highspy

    # The form that takes arrays: filling a HighsLp copies element by element, .3 s for a million non-zeros.
    solver.passModel(
        matrices.cost.size,
        matrices.row_upper.size,
        matrices.rows.nnz,
        int(highspy.MatrixFormat.kColwise),
        int(highspy.ObjSense.kMinimize),
        matrices.offset,
        matrices.cost,
        matrices.col_lower,
        matrices.col_upper,
        matrices.row_lower,
        matrices.row_upper,
        matrices.rows.indptr,
        matrices.rows.indices,
        matrices.rows.data,
        integer,
    )


def is_optimal(solver: highspy.Highs) -> bool:
    """Did the solver's last run end with an optimum?"""
    import highspy

    return bool(solver.getModelStatus() == highspy.HighsModelStatus.kOptimal)


def _set_limits(solver: highspy.Highs, limits: Limits) -> None:
    solver.setOptionValue("mip_rel_gap", limits.gap)
    solver.setOptionValue("mip_max_nodes", limits.nodes)
    if limits.seconds is not None:
        solver.setOptionValue("time_limit", limits.seconds)


def _quality(solver: highspy.Highs) -> tuple[Quality, bool]:
    import highspy

    status = solver.getModelStatus()
    clock = status == highspy.HighsModelStatus.kTimeLimit
    if status == highspy.HighsModelStatus.kOptimal:
        return "optimal", False
    feasible = solver.getInfo().primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    # HiGHS calls the point from which it runs off to infinity feasible, too.
    endless = {highspy.HighsModelStatus.kUnbounded, highspy.HighsModelStatus.kUnboundedOrInfeasible}
    if feasible and status not in endless:
        return "incumbent", clock
    contradictory = {highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kUnboundedOrInfeasible}
    error = TimeUpError if clock else InfeasibleError if status in contradictory else SolveError
    raise error(f"HiGHS stopped without a plan: {solver.modelStatusToString(status)}")


def _on_the_way(found: Any) -> Point:
    return Point(np.array(found.mip_solution), float(found.objective_function_value), float(found.mip_dual_bound))


def _point(solver: highspy.Highs) -> tuple[Array, Array, float]:
    solution = solver.getSolution()
    return (
        np.array(solution.col_value),
        np.array(solution.row_dual),
        float(solver.getInfo().objective_function_value),
    )


def _polish(
    solver: highspy.Highs, integer: np.ndarray, x: Array, dual: Array, objective: float
) -> tuple[Array, Array, float]:
    """The linear program that remains once every integer is fixed at its rounded value."""
    import highspy

    columns = np.flatnonzero(integer).astype(np.int32)
    values = np.round(x[columns])
    if integer.size > _LARGE:
        solver.clearSolver()  # else the point found is crossed over to a basis without presolve: 3.2 s against .4 s
    continuous = np.full(columns.size, highspy.HighsVarType.kContinuous)
    solver.changeColsIntegrality(columns.size, columns, continuous)
    solver.changeColsBounds(columns.size, columns, values, values)
    solver.run()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return x, dual, objective
    return _point(solver)
