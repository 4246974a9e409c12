"""What a compiled problem can do at its connections, for sites that have no closed form: bands by linear programs.

Net draw stands in columns of its own (:mod:`dispatch.terms.measures`). Whole numbers may be anything between their
bounds, so a band is an **outer** bound where plant is on or off; where none is, every number of it can be
reached by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.errors import DataError, SolveError
from dispatch.flexibility.envelope import Envelope
from dispatch.problem import Problem
from dispatch.signals import Array
from dispatch.solver.highs import Matrices, load

if TYPE_CHECKING:
    from dispatch.schedule import Schedule
    from dispatch.terms.measures import Around

NET = "net_import_kw"
PENALTY = "penalty"
_SLACK = 1e-4  # of penalties: what rounding of a plan leaves
_BOTH_KW = 1e-3


def net_columns(problem: Problem) -> np.ndarray:
    """(T,) where a problem's net draw stands.

    Raises:
        DataError: it was not compiled with that measure, or has several scenarios.
    """
    if NET not in problem.measured:
        raise DataError(
            f"the problem of '{problem.site.name}' was compiled without '{NET}'; accepted: measures with it"
        )
    columns = problem.compiled.columns(problem.measured[NET].variable)
    if columns.shape[0] != 1:
        raise DataError(f"'{problem.site.name}' has {columns.shape[0]} scenarios; accepted: one")
    return np.asarray(columns[0])


def penalties(around: Around) -> Any:
    """(scenario, 1) the price of all wishes that are broken, as a measure: load that is not served among them."""
    return around.total("penalty_step") @ np.ones((around.horizon.steps, 1))


def keeping_wishes(problem: Problem, schedule: Schedule) -> Matrices:
    """A problem's matrices with wishes kept as well as its plan keeps them: what costs more of them is no flexibility.

    Args:
        problem: compiled with the measure :func:`penalties`, under the name ``penalty``.
        schedule: its plan.
    """
    matrices = problem.compiled.matrices()
    at = problem.compiled.columns(problem.measured[PENALTY].variable).ravel()
    planned = sum(float(solved.penalty_step.sum()) for solved in schedule.kinds.values())
    most = matrices.col_upper.copy()
    most[at] = planned + _SLACK * (1 + planned)
    return replace(matrices, col_upper=most)


@dataclass(frozen=True)
class Apart:
    """Flows that must not run together, by column; a program leaves their switches continuous.

    Attributes:
        switch, first, second: columns; ``first`` may flow where the switch is 1, ``second`` where it is 0.
    """

    switch: np.ndarray
    first: np.ndarray
    second: np.ndarray

    @classmethod
    def of(cls, problem: Problem) -> Apart:
        """Those of a problem's kinds whose flows are variables themselves."""
        import cvxpy as cp

        pairs = [
            (pair.switch, pair.first, pair.second)
            for part in problem.parts.values()
            for pair in part.exclusive
            if isinstance(pair.first, cp.Variable) and isinstance(pair.second, cp.Variable)
        ]
        found = [[problem.compiled.columns(v).ravel() for v in pair] for pair in pairs]
        if not found:
            return cls(*np.zeros((3, 0), int))
        return cls(*(np.concatenate(columns) for columns in zip(*found, strict=True)))

    def clashes(self, x: Array) -> tuple[np.ndarray, Array]:
        """Switches whose two flows both run, and where the larger flow wants each."""
        first, second = x[self.first], x[self.second]
        both = np.minimum(first, second) > _BOTH_KW
        return self.switch[both], (first >= second)[both].astype(float)


class Extremes:
    """Least and greatest sums of a program's columns, by hot-started linear programs without its own costs."""

    def __init__(self, matrices: Matrices) -> None:
        free = replace(matrices, cost=np.zeros(matrices.cost.size), offset=0.0)
        self.solver = load(free, np.zeros(matrices.cost.size, bool))

    def least(self, columns: np.ndarray, weights: Array) -> float:
        """The least Σ weight · column.

        Raises:
            SolveError: there is no point at all, or no least one.
        """
        import highspy

        at = np.asarray(columns, np.int32)
        self.solver.changeColsCost(at.size, at, np.asarray(weights, float))
        self.solver.run()
        status = self.solver.getModelStatus()
        if status != highspy.HighsModelStatus.kOptimal:
            raise SolveError(f"no least net draw: {self.solver.modelStatusToString(status)}")
        found = float(self.solver.getInfo().objective_function_value)
        self.solver.changeColsCost(at.size, at, np.zeros(at.size))
        return found

    def ends(self, columns: np.ndarray, weights: Array) -> tuple[float, float]:
        """Least and greatest."""
        return self.least(columns, weights), -self.least(columns, -np.asarray(weights, float))


def program_envelope(matrices: Matrices, net: np.ndarray, hours: Array, name: str = "site") -> Envelope:
    """Bands of one site's net draw out of its matrices: 4 T linear programs, each hot-started from the last.

    Args:
        matrices: the site's problem.
        net: (T,) its columns of net draw.
        hours: (T,).
        name: of the row.
    """
    ends = Extremes(matrices)
    one = np.ones(1)
    power = np.array([ends.ends(net[[step]], one) for step in range(net.size)])
    energy = np.array([ends.ends(net[: step + 1], hours[: step + 1]) for step in range(net.size)])
    tight = np.array([not matrices.integer.any()])
    return Envelope(
        (name,), np.asarray(hours, float), power[:, 0][None], power[:, 1][None], energy[:, 0][None], energy[:, 1][None],
        tight,
    )  # fmt: skip


def stacked(rows: Sequence[Envelope]) -> Envelope:
    """Envelopes as the rows of one.

    Raises:
        DataError: there is none, or steps differ.
    """
    if not rows:
        raise DataError("no envelope to put together; accepted: one or more")
    for row in rows:
        if not np.array_equal(row.hours, rows[0].hours):
            raise DataError(f"'{row.names[0]}' has other steps than '{rows[0].names[0]}'; accepted: the same for all")
    names = tuple(name for row in rows for name in row.names)
    fields = ("least_kw", "most_kw", "least_kwh", "most_kwh", "tight")
    return Envelope(names, rows[0].hours, *(np.concatenate([getattr(row, f) for row in rows]) for f in fields))
