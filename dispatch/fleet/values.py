"""Solutions of many sites as values of their plant, all at once: the same expressions as of one, on longer arrays.

A kind's part is made again with all sites' plant as its members and numbers as its coefficients; its variables take
the sites' solutions, and money, carbon and series are read off it as :meth:`dispatch.problem.Problem.read` reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.asset import Asset
from dispatch.errors import ContractError
from dispatch.fleet.joined import Joined
from dispatch.part import Part
from dispatch.problem import Problem, passed_limits, solved
from dispatch.schedule import Solved
from dispatch.signals import Array

if TYPE_CHECKING:
    import cvxpy as cp


class Values:
    """The parts of a batch, with the values of its solutions.

    Args:
        problem: the structure's.
        joined: the batch.
    """

    def __init__(self, problem: Problem, joined: Joined) -> None:
        self.joined = joined
        self.parts: dict[str, Part] = {}
        self._variables: list[tuple[cp.Variable, np.ndarray | None]] = []
        for kind, rows in joined.rows.items():
            cls: type[Asset] = type(rows.members[0])
            self.parts[kind] = cls.part(rows, joined.given(kind), problem.mode)
            pairs = zip(_variables(problem.parts[kind]), _variables(self.parts[kind]), strict=True)
            self._variables += [self._placed(problem, kind, one, all_) for one, all_ in pairs]

    def _placed(
        self, problem: Problem, kind: str, one: cp.Variable, of_all: cp.Variable
    ) -> tuple[cp.Variable, np.ndarray | None]:
        """The variable of the batch, and the columns of a site behind it."""
        if not one.shape or of_all.shape != (self.joined.count * one.shape[0], *one.shape[1:]):
            raise ContractError(f"{kind}: a variable of shape {one.shape} is one of {of_all.shape} for many sites")
        return of_all, problem.compiled.placed(one)

    def take(self, x: Array) -> None:
        """(site, column) solutions."""
        for variable, columns in self._variables:
            value = np.zeros(variable.shape) if columns is None else x[:, columns].reshape(variable.shape)
            variable.save_value(value)

    def overlapping(self, most_kw: float) -> set[str]:
        """Sites in which flows that exclude each other run together."""
        found: set[str] = set()
        for part in self.parts.values():
            for pair in part.exclusive:
                rows = (pair.both_kw() > most_kw).any(axis=1).reshape(self.joined.count, -1).any(axis=1)
                found |= {self.joined.members[n].name for n in np.flatnonzero(rows)}
        return found

    def passed(self, kinds: Mapping[str, Solved]) -> dict[str, tuple[str, ...]]:
        """By site, soft limits that its plan passes, in words."""
        found: dict[str, list[str]] = {}
        for text, (owner, *_) in passed_limits(kinds, self.joined.inputs).items():
            site, asset = owner.split("/", 1)
            found.setdefault(site, []).append(text.replace(owner, asset, 1))
        return {site: tuple(texts) for site, texts in found.items()}

    def kinds(self) -> dict[str, Solved]:
        """Values by kind; the rows of a site stand together."""
        return {kind: solved(part, self.joined.rows[kind], self.joined.inputs) for kind, part in self.parts.items()}

    def by_site(self, kinds: Mapping[str, Solved], name: str) -> Array:
        """(site,) sum of a term over kinds, rows and steps or periods."""
        terms = [getattr(one, name) for one in kinds.values()]
        return np.asarray(np.sum([term.reshape(self.joined.count, -1).sum(axis=1) for term in terms], axis=0))


def _variables(part: Part) -> list[cp.Variable]:
    """All variables that a part has, in the order in which it made them."""
    import cvxpy as cp

    terms: list[Any] = [*part.constraints, *part.series.values(), *part.inner.values()]
    terms += [port.power_kw for port in part.ports.values()]
    terms += [x for pair in part.exclusive for x in (pair.switch, pair.first, pair.second)]
    found = {v.id: v for term in terms if isinstance(term, cp.Expression | cp.Constraint) for v in term.variables()}
    return [found[key] for key in sorted(found)]
