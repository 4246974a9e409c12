r"""Marginal emissions: what one more kWh would have emitted, at every place and hour, by the envelope theorem.

With V(d, τ) the least of cost + τ · emissions that serves demand d, the local price is LMP = ∂V/∂d, and

.. math:: LME = \frac{∂E}{∂d} = \frac{∂^2 V}{∂d \, ∂τ} = \frac{∂ LMP}{∂τ}.

A linear program stays on one basis B for a while as τ changes; there LMP = c_B B⁻¹, so that its slope is e_B B⁻¹: the
prices that the same basis would have if its costs were the emissions. Two more solves, at a price of carbon slightly
below and slightly above, find the bases on either side; each then tells its slope exactly, without a difference of two
nearly equal numbers. Whole numbers are fixed first.

At some points one more kWh does something else than one kWh less: a plant is exactly full (the basis is degenerate),
or two plants cost the same. *Left* is one kWh less, where plants that cost the same are told apart by a price of carbon
slightly below; *right* is one kWh more, slightly above. At which demands they differ is read off the basis, and there
the tangent of the program is solved for each direction; see :mod:`dispatch.carbon.tangent`.

It prices decisions and does not add up to what was emitted. Sources: Ruiz & Rudkevich 2010; arXiv 2302.14282;
arXiv 2411.12104.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array

from dispatch.carbon.named import Labels, numbers
from dispatch.carbon.network import Grid, from_arrays
from dispatch.carbon.network_numbers import whole_positions
from dispatch.carbon.tangent import one_sided
from dispatch.errors import AlignmentError, DataError, SolveError
from dispatch.signals import Array
from dispatch.solver.highs import Limits, Matrices, is_optimal, load, run

if TYPE_CHECKING:
    import highspy

# As a share of the size of the costs over that of the emissions: far above the solver's tolerance, far below where
# another plan becomes the best.
ASIDE = 1e-5


_WHY = {
    "infeasible": "what is there cannot serve the demand within its limits; whole numbers are kept at the plan's",
    "unbounded": "cost falls without end",
}


@dataclass(frozen=True, eq=False)
class Dispatch:
    """A linear (or mixed-integer, with its integers settled) program with emissions.

    Attributes:
        matrices: costs, rows, bounds; ``integer`` marks columns that are fixed at ``point``.
        emissions: (column,) carbon per unit of each column.
        demand: positions of the rows whose right-hand side is demand: what must be served; of any shape.
        point: (column,) a solution whose whole numbers are kept; where there are some and no point, the best one.
        carbon_price: τ, at which cost and carbon are weighed; in money per unit of carbon.
        hours: length of each demand's step, of ``demand``'s shape or to be broadcast to it: rates are per energy where
            demand is power.
        columns: positions of columns by what they are.
        labels: of the nodes, where demand is by node.
        moves: (demand, row) what one more unit of each demand adds to all right-hand sides, where it is more than one
            unit at its own row.
    """

    matrices: Matrices
    emissions: Array
    demand: np.ndarray
    point: Array | None = None
    carbon_price: float = 0.0
    hours: ArrayLike = 1.0
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)
    labels: Labels = ()
    moves: csr_array | None = None

    def __post_init__(self) -> None:
        """Plain lists are welcome."""
        object.__setattr__(self, "emissions", np.asarray(self.emissions, dtype=np.float64))
        if not np.isfinite(self.emissions).all() or not np.isfinite(self.carbon_price):
            raise DataError("emissions and carbon_price: accepted are finite numbers")
        object.__setattr__(self, "demand", np.asarray(self.demand, dtype=np.intp))

    @classmethod
    def of_network(
        cls,
        lines: Iterable[Any],
        generators: Iterable[Any],
        load: Mapping[Any, Any] | ArrayLike,
        *,
        storage: Iterable[Any] = (),
        hours: ArrayLike = 1.0,
        nodes: Iterable[Hashable] = (),
        carbon_price: float = 0.0,
    ) -> Dispatch:
        """A grid with plant and stores over one or many steps; see :mod:`dispatch.carbon.network` for the equations.

        Rows are mappings, or sequences in the order given here. What varies may be (T,), and then so are the results:
        (n, T), otherwise (n,), nodes in the order of ``labels``.

        Args:
            lines: (start, end, x, limit): reactance (1 by default, None: free) and limit either way (none by default).
            generators: (bus, cost, intensity, max, min, ramp): the last three are without limit, 0 and without limit
                by default; a ramp counts per hour.
            load: power drawn, by node; or (n,) or (n, T) in the nodes' order.
            storage: (bus, power, energy, start, end, charge_efficiency, discharge_efficiency, retention): the level at
                the end is at least ``end``, that of the start by default.
            hours: length of the steps, one number or (T,).
            nodes: all names in the order wanted; ascending by default.
            carbon_price: τ.

        Raises:
            DataError: a row with an unknown or a missing entry, a number that no grid has, or a load where nothing is.
            AlignmentError: numbers of steps differ.
        """
        grid = Grid(lines, generators, load, storage, hours, nodes)
        matrices, emissions, demand, columns = grid.build()
        if grid.single:
            demand, columns = demand[:, 0], {name: at[:, 0] for name, at in columns.items()}
        step_h = grid.hours[0] if grid.single else grid.hours
        return cls(matrices, emissions, demand, None, carbon_price, step_h, columns, grid.labels)

    @classmethod
    def of_arrays(
        cls,
        cost: ArrayLike,
        emissions: ArrayLike,
        equal: tuple[Any, ArrayLike],
        at_most: tuple[Any, ArrayLike] | None = None,
        bounds: Any = (0.0, None),
        *,
        integer: ArrayLike | None = None,
        demand: ArrayLike | None = None,
        carbon_price: float = 0.0,
    ) -> Dispatch:
        """Min cost·x with A x = b, G x ≤ h and bounds, as scipy's linprog has it.

        Args:
            cost, emissions: (column,) per unit of each column.
            equal: A and b; A x is what is served and b the demand, so that a rate is per unit more of b.
            at_most: G and h.
            bounds: a pair for all columns, or one each; None is no bound.
            integer: positions of columns that are whole numbers, or a mask: kept at the best plan's.
            demand: positions among the rows of A whose b is demand, or a mask; all by default.
            carbon_price: τ.

        Raises:
            AlignmentError: numbers of rows or columns differ.
            DataError: a number is missing, bounds leave nothing, or a position does not exist.
        """
        matrices = from_arrays(cost, equal, at_most, bounds, integer)
        count = np.atleast_1d(np.asarray(equal[1])).size
        rows = np.arange(count) if demand is None else whole_positions(demand, count, "demand")
        return cls(matrices, numbers(emissions, "emissions"), rows, None, carbon_price)


@dataclass(frozen=True, eq=False)
class Marginal:
    """By row of demand, of the shape of :attr:`Dispatch.demand`.

    Attributes:
        price: local price, money per unit of demand, with carbon at its price; where left and right differ, one of
            the prices between theirs.
        emissions: carbon per unit of demand: the mean of left and right.
        left: of one unit less; NaN where there cannot be less.
        right: of one unit more; NaN where no more can be served.
        emitted: carbon of the whole plan.
        value: (column,) the plan.
        problem: what was asked.
    """

    price: Array
    emissions: Array
    left: Array
    right: Array
    emitted: float
    value: Array
    problem: Dispatch = field(repr=False)

    @property
    def degenerate(self) -> np.ndarray:
        """Rows at which left and right differ."""
        return np.asarray(~(np.abs(self.left - self.right) <= 1e-7 * np.maximum(1.0, np.abs(self.left))))

    def unexplained(self, demand: ArrayLike) -> float:
        """What the plan emitted less Σ demand · marginal: marginal rates do not add up to the total."""
        energy = np.asarray(demand, dtype=np.float64) * np.asarray(self.problem.hours)
        return self.emitted - float(np.sum(energy * self.emissions))

    def of(self, name: str) -> Array:
        """Values of the columns of that name: generation, flow, charge, discharge or level of a network."""
        return np.asarray(self.value[self.problem.columns[name]])


def marginal(problem: Dispatch) -> Marginal:
    """Local prices and marginal emissions.

    Raises:
        AlignmentError: emissions and columns differ in number.
        SolveError: the program has no optimum.
    """
    matrices, carbon = problem.matrices, problem.emissions
    if carbon.shape != matrices.cost.shape:
        raise AlignmentError(f"{carbon.size} emissions for {matrices.cost.size} columns; give one each")
    at = matrices.cost + problem.carbon_price * carbon
    point = problem.point
    if point is None and matrices.integer.any():
        point = run(replace(matrices, cost=at), Limits(gap=0.0)).x
    fixed = settled(matrices, point)
    solver = load(fixed, np.zeros(fixed.cost.size, bool))
    # In units of their own size: the solver's tolerances are absolute.
    unit = size_of(at)
    price, value = _solved(solver, at / unit)
    solver.setOptionValue("dual_feasibility_tolerance", 1e-10)  # carbon aside is small beside the costs
    aside = ASIDE / size_of(carbon)
    moves = _moves(problem)
    sides = []
    for sign in (-1, 1):
        solver.setOptionValue("simplex_strategy", 4)  # primal: the basis of another price stays feasible
        _solved(solver, at / unit + sign * aside * carbon)
        sides.append(one_sided(solver, fixed, carbon, moves, sign))
    # By power as the rows have it; a rate is by energy.
    local, left, right = (side.reshape(problem.demand.shape) / problem.hours for side in (moves @ price * unit, *sides))
    both = np.where(np.isnan(left), right, np.where(np.isnan(right), left, (left + right) / 2))
    return Marginal(local, both, left, right, float(carbon @ value), value, problem)


def _moves(problem: Dispatch) -> csr_array:
    if problem.moves is not None:
        return problem.moves
    count, rows = problem.demand.size, problem.matrices.row_upper.size
    return csr_array((np.ones(count), (np.arange(count), problem.demand.ravel())), shape=(count, rows))


def size_of(values: Array) -> float:
    """The median of what is not zero."""
    known = np.abs(values[values != 0])
    return float(np.median(known)) if known.size else 1.0


def settled(matrices: Matrices, point: Array | None) -> Matrices:
    """The linear program around the point's whole numbers."""
    if point is None or not matrices.integer.any():
        return matrices
    lower, upper = matrices.col_lower.copy(), matrices.col_upper.copy()
    lower[matrices.integer] = upper[matrices.integer] = np.round(np.asarray(point)[matrices.integer])
    return replace(matrices, col_lower=lower, col_upper=upper)


def _solved(solver: highspy.Highs, cost: Array) -> tuple[Array, Array]:
    """Row duals and values at the optimum of ``cost``."""
    solver.changeColsCost(cost.size, np.arange(cost.size, dtype=np.int32), cost)
    solver.run()
    if not is_optimal(solver):
        status = solver.modelStatusToString(solver.getModelStatus()).lower()
        raise SolveError(f"marginal emissions: no optimum ({status}): {_WHY.get(status, 'the solver gave up')}")
    solution: Any = solver.getSolution()
    return np.array(solution.row_dual), np.array(solution.col_value)
