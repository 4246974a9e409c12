"""Whose each row and column of the compiled matrices is: asset, limit or series, scenario, step, unit.

A kind need not name its constraints. What a row limits follows from the series its variables appear under and from the
sign they have in it; a kind that has better words gives them with ``constraint.set_label("…")``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.problem import Problem
from dispatch.signals import unit_of
from dispatch.solver.highs import Matrices
from dispatch.tariff.contracts import available

if TYPE_CHECKING:
    import cvxpy as cp

_SYMBOL = {"kw": "kW", "kwh": "kWh", "kg_per_h": "kg/h"}
_NONE = -1
_EXCHANGE = {"import_kw", "export_kw"}
_UPPER = " at its upper limit"
PLANNED_OUTAGE = ", switched off by a planned outage"
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
    """Every decision by the name of its series; what has none belongs to whom the rows that it stands in belong to."""
    matrices = problem.compiled.matrices()
    book = _Book(matrices.cost.size)
    for kind, part in problem.parts.items():
        for series, term in part.series.items():
            if _is_variable(term):
                _put_series(book, problem, kind, problem.compiled.columns(term), series)
    _site_columns(book, problem)
    # Rows have owners by the columns known so far; columns without a name then have those of their rows, and so on.
    unknown = matrices.cost.size + 1
    while (left := int((book.name == _NONE).sum())) < unknown:
        unknown = left
        _put_inner(book, problem, matrices)
    return book.entries()


def _put_inner(book: _Book, problem: Problem, matrices: Matrices) -> None:
    """Variables that are no series, as far as the rows they stand in are known by now to be somebody's."""
    first = rows(problem, matrices, book.entries())
    for kind, part in problem.parts.items():
        named = {term.id for term in part.series.values() if _is_variable(term)}
        inner = {variable.id: name for name, variable in part.inner.items()}
        for place, variable in enumerate(v for v in _variables(part.constraints) if v.id not in named):
            at = problem.compiled.columns(variable).ravel()
            what = _column(inner.get(variable.id, f"auxiliary_{place}"))
            _put_owned(book, at, _owners(matrices.rows[:, at].T.tocoo(), first), kind, what)


def rows(problem: Problem, matrices: Matrices, cols: Entries) -> Entries:
    """Every row by its owner and by what it limits."""
    book = _Book(matrices.row_upper.size)
    by_row = matrices.rows.tocsr()
    for kind, part in problem.parts.items():
        series = {term.id: name for name, term in (*part.inner.items(), *part.series.items()) if _is_variable(term)}
        for constraint in part.constraints:
            at = problem.compiled.rows(constraint)
            owner, scenario, step = _owners(by_row[at.ravel()].tocoo(), cols)
            if at.ndim == 2 and at.shape[1] == problem.horizon.steps:
                step = np.tile(np.arange(at.shape[1]), at.shape[0])  # a row may look at the step after its own
            what = _what(problem, constraint, series, by_row)
            _put_owned(book, at.ravel(), (owner, scenario, step), kind, what)
            if what[2] in _EXCHANGE and what[0].endswith(_UPPER):
                _put_outages(book, problem, at.ravel(), (owner, scenario, step), (kind, *what))
    _site_rows(book, problem)
    return book.entries()


_Owned = tuple[list["str | None"], np.ndarray, np.ndarray]


def _owners(inside: Any, entries: Entries) -> _Owned:
    """(line,) asset, last scenario and last step of what each line of a sparse matrix has entries in."""
    lines = inside.shape[0]
    known = (entries.name[inside.col] != _NONE) & (inside.data != 0)
    line, entry = inside.row[known], inside.col[known]
    scenario, step, name = (np.full(lines, _NONE) for _ in range(3))
    np.maximum.at(scenario, line, entries.scenario[entry])
    np.maximum.at(step, line, entries.step[entry])
    owned = np.array([named.kind not in {"bus", "site", "network", "group"} for named in entries.names], bool)
    mine = owned[entries.name[entry]]
    name[line[mine][::-1]] = entries.name[entry[mine]][::-1]
    return [entries.names[n].asset if n >= 0 else None for n in name], scenario, step


def _put_owned(book: _Book, at: np.ndarray, owned: _Owned, kind: str, what: tuple[str, str, str, str]) -> None:
    owner, scenario, step = owned
    owners = np.array([asset or "" for asset in owner])
    for asset in np.unique(owners[owners != ""]):  # members, not rows or steps
        mine = owners == asset
        book.put(at[mine], Named(kind, str(asset), *what), scenario[mine], step[mine])


def _put_outages(book: _Book, problem: Problem, at: np.ndarray, owned: _Owned, what: tuple[str, ...]) -> None:
    """In steps in which a connection is switched off as planned, that is the limit, and no rating of it."""
    kind, words, unit, series, sense = what
    owners = np.array([asset or "" for asset in owned[0]])
    for member in problem.rows[kind].members:
        off = available(getattr(member, "planned_outages", ()), problem.horizon) == 0
        mine = (owners == member.name) & (owned[2] >= 0) & off[owned[2]]
        if mine.any():
            told = f"{words.removesuffix(_UPPER)}{PLANNED_OUTAGE}"
            book.put(at[mine], Named(kind, member.name, told, unit, series, sense), owned[1][mine], owned[2][mine])


def _column(series: str) -> tuple[str, str, str, str]:
    return series, _SYMBOL.get(unit_of(series) or "", ""), series, "column"


def _put_series(book: _Book, problem: Problem, kind: str, at: np.ndarray, series: str) -> None:
    """A series (row or member, …) of one kind, its members told apart."""
    members = problem.rows[kind].members
    for place, member in enumerate(members):  # members, not rows or steps
        mine = at[place :: len(members)]
        scenario, step = _grid(problem, mine.shape)
        if mine.shape[0] == 1:
            scenario = 0 if problem.scenarios == 1 else _NONE
        book.put(mine, Named(kind, member.name, *_column(series)), scenario, step)


def _site_columns(book: _Book, problem: Problem) -> None:
    """Shortfalls of wishes and the sums that the objective is made of."""
    for breach in problem.total.breaches:
        named = Named("site", "site", breach.text, breach.unit, f"short_{breach.unit.lower()}", "column")
        at = problem.compiled.columns(breach.short)
        book.put(at, named, np.indices(at.shape)[0], _NONE)
    shorts = {breach.short.id for breach in problem.total.breaches}
    for one in problem.total.carbon.defined:
        if one.variable.id not in shorts:
            at = problem.compiled.columns(one.variable)
            scenario, step = _grid(problem, at.shape) if at.ndim == 2 else (np.arange(at.size), _NONE)
            book.put(at, Named("site", "site", one.name, one.unit, "", "column"), scenario, step)
    for place, (variable, _) in enumerate(problem.total.defined):
        at = problem.compiled.columns(variable).reshape(-1)
        book.put(at, Named("site", "site", _TOTALS[min(place, 2)], "", "", "column"), np.arange(at.size), _NONE)


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
    for way, constraint in problem.called.items():
        named = Named("site", "site", f"room of the connections for reserve {way} that is called", "kW", "", "most")
        at = problem.compiled.rows(constraint)
        book.put(at, named, *_grid(problem, at.shape))
    for (group, what), constraint in problem.group_limits.items():
        at = problem.compiled.rows(constraint)
        book.put(
            at,
            Named("group", group, f"{what.split()[0]} at the group's limit", "kW", "", "most"),
            *_grid(problem, at.shape),
        )
    for breach, constraint in zip(problem.total.breaches, problem.total.constraints, strict=False):
        at = problem.compiled.rows(constraint)
        book.put(at, Named("site", "site", breach.text, breach.unit, "", "least"), np.indices(at.shape)[0], _NONE)
    if problem.total.priced is not None:
        at = problem.compiled.rows(problem.total.priced)
        book.put(at, Named("site", "site", _TOTALS[0], "", "", "equal"), np.arange(at.size), _NONE)
    _network_rows(book, problem)


def _network_rows(book: _Book, problem: Problem) -> None:
    """By what they limit, such as the loading of a line: from step to step a slot may hold another limit."""
    for place, constraint in enumerate(problem.network.limits):
        at, limited = problem.compiled.rows(constraint), problem.network.limited[place]
        scenario, step = _grid(problem, at.shape)
        for text in dict.fromkeys(limited):
            mine = limited == text
            named = Named("network", "network", text or f"linear limit {place + 1}", "kW", "", "most")
            book.put(at[:, mine], named, scenario[:, mine], step[:, mine])


def _what(
    problem: Problem, constraint: cp.Constraint, series: dict[int, str], by_row: Any
) -> tuple[str, str, str, str]:
    """Words, unit, limited series and sense of one constraint."""
    # What is limited stands on the left: power ≤ a · content + b is a limit on power.
    sides = [v.id for side in constraint.args for v in side.variables()]
    found = [series[v] for v in dict.fromkeys(sides) if v in series]
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
        "most": _UPPER.strip(),
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
    return scenario, step if shape[1] == problem.horizon.steps else np.full(shape, _NONE)


def _is_variable(term: Any) -> bool:
    import cvxpy as cp

    return isinstance(term, cp.Variable)


def _variables(terms: Sequence[Any]) -> Iterator[cp.Variable]:
    return iter({v.id: v for term in terms for v in term.variables()}.values())
