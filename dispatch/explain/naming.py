"""Whose each row and column of the compiled matrices is: asset, limit or series, scenario, step, unit.

A kind need not name its constraints. What a row limits follows from the series its variables appear under and from the
sign they have in it; a kind that has better words gives them with ``constraint.set_label("…")``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.highs import Matrices
from dispatch.problem import Problem
from dispatch.signals import unit_of

if TYPE_CHECKING:
    import cvxpy as cp

_SYMBOL = {"kw": "kW", "kwh": "kWh", "kg_per_h": "kg/h"}
_NONE = -1
_TOTALS = ("scenario_cost", "value_at_risk", "cost_beyond_it")


@dataclass(frozen=True)
class Named:
    """One kind of row or column of one owner; many rows (scenarios, steps) share it.

    Attributes:
        kind: asset kind; "bus", "site" or "network" where it belongs to no asset.
        asset: the member's name, or the bus's.
        what: the limit in words, or the series.
        unit: of the limited quantity, "" for on/off decisions.
        series: the limited quantity.
        sense: most | least | equal | column.
    """

    kind: str
    asset: str
    what: str
    unit: str
    series: str
    sense: str

    def __str__(self) -> str:
        return f"{self.asset}: {self.what}"


@dataclass(frozen=True)
class Entries:
    """Rows or columns, aligned with the matrices.

    Attributes:
        names: what there is.
        name: (n,) index into ``names``, −1 where nothing is known.
        scenario, step: (n,) −1 where an entry belongs to all of them.
    """

    names: Sequence[Named]
    name: np.ndarray
    scenario: np.ndarray
    step: np.ndarray

    def of(self, index: int) -> Named | None:
        """What one entry is."""
        found = int(self.name[index])
        return None if found == _NONE else self.names[found]


class _Book:
    """Entries while they are being found."""

    def __init__(self, size: int) -> None:
        self.known: dict[Named, int] = {}
        self.name, self.scenario, self.step = (np.full(size, _NONE) for _ in range(3))

    def put(self, at: np.ndarray, named: Named, scenario: Any, step: Any) -> None:
        self.name[at] = self.known.setdefault(named, len(self.known))
        self.scenario[at], self.step[at] = scenario, step

    def entries(self) -> Entries:
        return Entries(list(self.known), self.name, self.scenario, self.step)


def columns(problem: Problem) -> Entries:
    """Every decision by the name of its series, the site's own auxiliary ones by what they are."""
    book = _Book(problem.compiled.matrices().cost.size)
    for kind, part in problem.parts.items():
        names = {variable.id: series for series, variable in part.series.items() if _is_variable(variable)}
        extra = (v for v in _variables(part.constraints) if v.id not in names)
        names |= {variable.id: f"auxiliary_{place}" for place, variable in enumerate(extra)}
        for variable in _variables([*part.constraints, *part.series.values()]):
            if variable.id in names:
                _put_member_rows(book, problem, kind, problem.compiled.columns(variable), names[variable.id])
    for breach in problem.total.breaches:
        named = Named("site", "site", breach.text, "kWh", "short_kwh", "column")
        at = problem.compiled.columns(breach.short_kwh)
        book.put(at, named, np.indices(at.shape)[0], _NONE)
    for place, (variable, _) in enumerate(problem.total.defined):
        at = problem.compiled.columns(variable).reshape(-1)
        book.put(at, Named("site", "site", _TOTALS[min(place, 2)], "", "", "column"), np.arange(at.size), _NONE)
    return book.entries()


def rows(problem: Problem, matrices: Matrices, cols: Entries) -> Entries:
    """Every row by its owner and by what it limits."""
    book = _Book(matrices.row_upper.size)
    by_row = matrices.rows.tocsr()
    for kind, part in problem.parts.items():
        series = {variable.id: name for name, variable in part.series.items() if _is_variable(variable)}
        for constraint in part.constraints:
            at = problem.compiled.rows(constraint)
            what = _what(problem, constraint, series, by_row)
            if at.ndim == 2 and at.shape[1] == problem.horizon.steps:
                _put_member_rows(book, problem, kind, at, *what)
            elif at.size % problem.horizon.steps == 0 and at.ndim == 1:
                _put_member_rows(book, problem, kind, at.reshape(-1, problem.horizon.steps), *what)
            else:
                _put_by_columns(book, kind, at.ravel(), by_row, cols, what)
    _site_rows(book, problem)
    return book.entries()


def _site_rows(book: _Book, problem: Problem) -> None:
    """Balances, reserve, wishes and network limits, which no kind owns."""
    buses = problem.site.bus_names
    at = problem.compiled.rows(problem.balance)
    for place, bus in enumerate(buses):
        mine = at[place :: len(buses)]
        book.put(mine, Named("bus", bus, "balance", "kW", "", "equal"), *_grid(problem, mine.shape))
    for direction, constraint in problem.reserve.items():
        named = Named("site", "site", f"{direction.removesuffix('_kw').replace('_', ' ')} held", "kW", "", "least")
        at = problem.compiled.rows(constraint)
        book.put(at, named, *_grid(problem, at.shape))
    for breach, constraint in zip(problem.total.breaches, problem.total.constraints, strict=False):
        at = problem.compiled.rows(constraint)
        book.put(at, Named("site", "site", breach.text, "kWh", "", "least"), np.indices(at.shape)[0], _NONE)
    if problem.total.priced is not None:
        at = problem.compiled.rows(problem.total.priced)
        book.put(at, Named("site", "site", _TOTALS[0], "", "", "equal"), np.arange(at.size), _NONE)
    for place, constraint in enumerate(problem.network_limits):
        at = problem.compiled.rows(constraint)
        named = Named("network", "network", f"linear limit {place + 1}", "kW", "", "most")
        book.put(at, named, *_grid(problem, at.shape))


def _put_member_rows(
    book: _Book,
    problem: Problem,
    kind: str,
    at: np.ndarray,
    what: str,
    unit: str | None = None,
    series: str | None = None,
    sense: str = "column",
) -> None:
    """An array (row or member, …) of one kind, its members told apart."""
    members = problem.rows[kind].members
    count = len(members)
    if at.ndim != 2 or at.shape[0] % count:
        return
    unit = _SYMBOL.get(unit_of(what) or "", "") if unit is None else unit
    for place, member in enumerate(members):  # members, not rows or steps
        mine = at[place::count]
        scenario, step = _grid(problem, mine.shape)
        if mine.shape[0] == 1:
            scenario = 0 if problem.scenarios == 1 else _NONE
        book.put(mine, Named(kind, member.name, what, unit, series or what, sense), scenario, step)


def _put_by_columns(
    book: _Book, kind: str, at: np.ndarray, by_row: Any, cols: Entries, what: tuple[str, str, str, str]
) -> None:
    """Rows that are neither by step nor by member: they belong to whom their columns belong to, at the last of them."""
    for row in at:  # rows of another shape than (row, step): a few per member
        inside = by_row.indices[by_row.indptr[row] : by_row.indptr[row + 1]]
        known = inside[cols.name[inside] != _NONE]
        if known.size:
            owner = cols.names[int(cols.name[known[0]])].asset
            scenario, step = int(cols.scenario[known].max()), int(cols.step[known].max())
            book.put(np.array([row]), Named(kind, owner, *what), scenario, step)


def _what(
    problem: Problem, constraint: cp.Constraint, series: dict[int, str], by_row: Any
) -> tuple[str, str, str, str]:
    """Words, unit, limited series and sense of one constraint."""
    found = [series[v.id] for v in constraint.variables() if v.id in series]
    subject = next((name for name in found if unit_of(name) is not None), found[0] if found else "")
    sense = _sense(problem, constraint, series, subject, by_row)
    first = int(problem.compiled.rows(constraint).ravel()[0])
    given = by_row.indptr[first + 1] - by_row.indptr[first] == 1
    words = subject
    if unit := unit_of(subject):
        words = subject.removesuffix(f"_{unit}")
    others = [name for name in found if unit_of(name) is None and name != "switch" and name != subject]
    words = words.replace("_", " ")
    ends = {
        "most": "at its upper limit",
        "least": "at its lower limit",
        "equal": "as given" if given else "as its equation says",
    }
    by = f", by {' and '.join(dict.fromkeys(others))}" if others and unit_of(subject) is None else ""
    label = constraint.label or f"{words} {ends[sense]}{by}"
    return label, _SYMBOL.get(unit_of(subject) or "", ""), subject, sense


def _sense(problem: Problem, constraint: cp.Constraint, series: dict[int, str], subject: str, by_row: Any) -> str:
    """Does A x ≤ b hold the subject from above or from below: the sign of its coefficient in its own last column."""
    import cvxpy as cp

    if not isinstance(constraint, cp.constraints.Inequality):
        return "equal"
    variable = next((v for v in constraint.variables() if series.get(v.id) == subject), None)
    row = int(problem.compiled.rows(constraint).ravel()[-1])
    inside = slice(by_row.indptr[row], by_row.indptr[row + 1])
    if variable is None:
        return "most"
    mine = np.isin(by_row.indices[inside], problem.compiled.columns(variable))
    last = by_row.data[inside][mine]
    return "least" if last.size and last[np.argmax(by_row.indices[inside][mine])] < 0 else "most"


def _grid(problem: Problem, shape: tuple[int, ...]) -> tuple[Any, Any]:
    """Scenario and step of an array (scenario, …): steps only where there are as many columns as steps."""
    scenario, step = np.indices(shape)
    last = np.full(shape, problem.horizon.steps - 1)
    return scenario, step if shape[1] == problem.horizon.steps else last


def _is_variable(term: Any) -> bool:
    import cvxpy as cp

    return isinstance(term, cp.Variable)


def _variables(terms: Sequence[Any]) -> Iterator[cp.Variable]:
    return iter({v.id: v for term in terms for v in term.variables()}.values())
