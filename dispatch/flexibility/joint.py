"""Sites given by compiled problems that share one profile: their programs side by side, bound by the sum of net draws.

The split is the cheapest, by what each site's own objective says, and feasible by construction: every site's answer is
a point of its own problem, with the whole numbers of its plan. One linear program: right for tens
of sites; for thousands, coordination prices the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dispatch.errors import DataError, SolveError
from dispatch.fields.flexible_devices import numbers
from dispatch.flexibility.programs import Apart
from dispatch.signals import Array
from dispatch.solver.highs import Matrices, load

_AWAY = 10.0
_ROUNDS = 12


@dataclass(frozen=True)
class Program:
    """One site.

    Attributes:
        name: of the site.
        matrices: its problem.
        net: (T,) columns of its net draw.
        point: its plan's values, whose whole numbers are kept; None: it has none.
        apart: flows that must not run together; where both would, the smaller is ruled out.
    """

    name: str
    matrices: Matrices
    net: np.ndarray
    point: Array | None = None
    apart: Apart | None = None

    def settled(self) -> Matrices:
        """The problem with the plan's whole numbers.

        Raises:
            DataError: it has some, and there is no plan.
        """
        integer = self.matrices.integer
        if not integer.any():
            return self.matrices
        if self.point is None:
            raise DataError(f"'{self.name}' has units that are on or off; accepted: with a plan's values")
        low, high = self.matrices.col_lower.copy(), self.matrices.col_upper.copy()
        low[integer] = high[integer] = np.round(self.point[integer])
        return replace(self.matrices, col_lower=low, col_upper=high)


def is_met(missed_kwh: Array, asked_kw: Array) -> bool:
    """Is a profile met? What is missed of it is rounding."""
    return bool(missed_kwh.sum() <= 1e-6 * (1 + np.abs(asked_kw).sum()))


@dataclass(frozen=True)
class SharedBySites:
    """A profile shared among sites.

    Attributes:
        names: (N,).
        net_kw: (N, T) what each site draws.
        cost: (N,) what its own objective counts for it.
        asked_kw, missed_kwh: (T,) the profile, and the distance that nobody can close.
        price_per_kwh: (T,) what one more kWh of the profile would cost; the same for all sites.
    """

    names: tuple[str, ...]
    net_kw: Array
    cost: Array
    asked_kw: Array
    missed_kwh: Array
    price_per_kwh: Array

    @property
    def feasible(self) -> bool:
        """Is the profile met? Rounding apart."""
        return is_met(self.missed_kwh, self.asked_kw)


def share_programs(
    programs: Sequence[Program], hours: Any, profile_kw: Any, *, missed_per_kwh: float | None = None
) -> SharedBySites:
    """Share a profile among sites at least cost, or the nearest to it that they can do together.

    Args:
        programs: one per site.
        hours: (T,) lengths of steps.
        profile_kw: (T,) net draw wanted of all together.
        missed_per_kwh: what a kWh away from it counts: nothing dearer is done for the profile. Default: ten times the
            largest cost that any site knows, so that all is done for it, shedding included.

    Raises:
        DataError: there is no site, or the profile does not fit.
        SolveError: a site has no plan at all.
    """
    if not programs:
        raise DataError("no site to share among; accepted: one or more")
    asked, length = numbers(profile_kw, "the profile"), numbers(hours, "hours")
    if asked.shape != length.shape or not np.isfinite(asked).all():
        raise DataError(f"the profile has shape {asked.shape}; accepted: {length.shape}, finite numbers")
    settled = [program.settled() for program in programs]
    if missed_per_kwh is None:
        missed_per_kwh = _AWAY * max(float(np.abs(m.cost).max(initial=1.0)) for m in settled)
    solver, starts = _joined(programs, settled, asked, missed_per_kwh * length)
    x, dual = _solution(solver, programs, starts)
    steps, size = asked.size, int(starts[-1])
    net = np.stack([x[start + p.net] for start, p in zip(starts[:-1], programs, strict=True)])
    cost = [m.cost @ x[s : s + m.cost.size] + m.offset for s, m in zip(starts[:-1], settled, strict=True)]
    missed = (x[size : size + steps] + x[size + steps :]) * length
    return SharedBySites(tuple(p.name for p in programs), net, np.array(cost), asked, missed, dual[-steps:] / length)


def _joined(programs: Sequence[Program], settled: Sequence[Matrices], asked: Array, away: Array) -> tuple[Any, Any]:
    """The solver with all programs side by side, T rows that bind them and 2 T columns for what is missed."""
    from scipy.sparse import block_diag, csc_array, eye_array, hstack, vstack

    steps = asked.size
    starts = np.cumsum([0, *(m.cost.size for m in settled)])
    columns = np.concatenate([s + p.net for s, p in zip(starts[:-1], programs, strict=True)])
    at = np.tile(np.arange(steps), len(programs))
    binding = csc_array((np.ones(columns.size), (at, columns)), shape=(steps, int(starts[-1])))
    own = block_diag([m.rows for m in settled], format="csc")
    slack = vstack([csc_array((own.shape[0], 2 * steps)), hstack([eye_array(steps), -eye_array(steps)])])
    rows = csc_array(hstack([vstack([own, binding]), slack]))
    rows.sort_indices()
    nothing, endless = np.zeros(2 * steps), np.full(2 * steps, np.inf)

    def every(name: str, *more: Array) -> Array:
        return np.concatenate([*(getattr(m, name) for m in settled), *more])

    matrices = Matrices(
        every("cost", away, away), sum(m.offset for m in settled), rows, every("row_lower", asked),
        every("row_upper", asked), every("col_lower", nothing), every("col_upper", endless),
        np.zeros(rows.shape[1], bool),
    )  # fmt: skip
    rows.indices, rows.indptr = rows.indices.astype(np.int32), rows.indptr.astype(np.int32)
    return load(matrices), starts


def _solution(solver: Any, programs: Sequence[Program], starts: Any) -> tuple[Array, Array]:
    """Values and duals, with flows apart that exclude each other."""
    import highspy

    for _ in range(_ROUNDS):
        solver.run()
        if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            raise SolveError(f"the sites' joint program: {solver.modelStatusToString(solver.getModelStatus())}")
        solution = solver.getSolution()
        x, clash = np.array(solution.col_value), False
        for start, program in zip(starts[:-1], programs, strict=True):
            if program.apart is None:
                continue
            switch, wanted = program.apart.clashes(x[start : start + program.matrices.cost.size])
            if switch.size:
                clash = True
                solver.changeColsBounds(switch.size, (switch + start).astype(np.int32), wanted, wanted)
        if not clash:
            return x, np.array(solution.row_dual)
    raise SolveError("the sites' joint program: flows that exclude each other run together in every answer")
