"""What a shared thing is: limits, meters, budgets, awards that several sites of a fleet have in common.

A kind is one file in :mod:`dispatch.fleet.shared.kinds`, as an asset kind is. It says whom it is about and adds rows
over the sites' quantities; what it must change in the sites' own files (a tariff that is paid jointly), ``site`` does.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from dispatch.config.mistakes import near_miss
from dispatch.errors import Problem
from dispatch.fields.frozen import Frozen
from dispatch.fleet.members import Member
from dispatch.fleet.shared.scope import Builder, Label, Scope
from dispatch.signals import Array
from dispatch.site import Site


class Shared(Frozen, ABC):
    """One thing that sites share.

    Class attributes:
        single: it is about one group of sites, so ``by`` has no place.
        by_group: fields that may hold a number for each value of ``by``.
    """

    single: ClassVar[bool] = False
    by_group: ClassVar[tuple[str, ...]] = ()

    kind: str
    name: Annotated[str, Field(min_length=1, pattern=r"^[A-Za-z0-9_\-]+$")]
    sites: tuple[str, ...] = Field(default=(), description="names; default: all that 'where' leaves")
    where: dict[str, str | float] = Field(default={}, description="labels with the value they must have")
    by: str | None = Field(default=None, description="label: one for the sites of each of its values")
    source: str = Field(default="", description="where the numbers come from, with a date")

    @property
    def needs(self) -> tuple[str, ...]:
        """Quantities of the sites that it is written in."""
        return ("net_import_kw",)

    @abstractmethod
    def add(self, builder: Builder, group: str, weight: Array) -> None:
        """Rows and columns for one group of sites.

        Args:
            builder: takes them.
            group: the name, with the label's value where there is one per value.
            weight: (N,) 1 for the sites of the group.
        """

    def member(self, member: Member) -> Member:
        """One of its sites, and what is known of it, as they are when the thing is shared."""
        changed = self.site(member.site)
        return member if changed is member.site else replace(member, site=changed)

    def site(self, site: Site) -> Site:
        """The site's own file as it is then."""
        return site

    def members(self, names: Sequence[str], labels: Sequence[Mapping[str, Label]]) -> np.ndarray:
        """(N,) is it about the site?"""
        named = np.array([not self.sites or name in self.sites for name in names], bool)
        fits = [all(_same(label.get(key), value) for key, value in self.where.items()) for label in labels]
        return np.asarray(named & np.array(fits, bool) & np.array([self.by is None or self.by in o for o in labels]))

    def groups(self, scope: Scope) -> Iterator[tuple[str, str, Array]]:
        """Name, label's value ("" where there is but one) and (N,) weights of each group."""
        mine = self.members(scope.names, scope.labels)
        if self.by is None:
            yield self.name, "", mine.astype(np.float64)
            return
        values = [str(label.get(self.by, "")) for label in scope.labels]
        for value in sorted({v for v, own in zip(values, mine, strict=True) if own}):
            here = mine & np.array([v == value for v in values])
            yield f"{self.name}:{value}", value, here.astype(np.float64)

    def problems(self, names: Sequence[str], labels: Sequence[Mapping[str, Label]]) -> Iterator[Problem]:
        """What does not fit the fleet's sites; paths begin at the thing itself."""
        if "sites" in self.model_fields_set and not self.sites:
            yield Problem("sites", "is empty", "names of sites; left out for all that 'where' leaves")
        for place, name in enumerate(self.sites):
            if name in self.sites[:place]:
                yield Problem(f"sites[{place}]", f"'{name}' is named twice", "each site once")
            if name not in names:
                yield Problem(f"sites[{place}]", f"there is no site '{name}'", near_miss(name, list(names)))
        known = sorted({key for label in labels for key in label})
        for key, value in self.where.items():
            there = sorted({str(label[key]) for label in labels if key in label})
            if key not in known:
                yield Problem(f"where.{key}", "is no label of any site", near_miss(key, known))
            elif not any(_same(label.get(key), value) for label in labels):
                yield Problem(f"where.{key}", f"no site has the value '{value}'", near_miss(str(value), there))
        if self.by is not None and self.by not in known:
            yield Problem("by", f"'{self.by}' is no label of any site", near_miss(self.by, known))
        if self.by is not None and self.single:
            yield Problem("by", f"a {self.kind} is about one group of sites", "'sites' or 'where'")
        yield from self.by_value_problems(names, labels)

    def by_value_problems(self, names: Sequence[str], labels: Sequence[Mapping[str, Label]]) -> Iterator[Problem]:
        """Numbers by the label's value that lack one, or have one too many."""
        for field in self.by_group:
            numbers = getattr(self, field)
            if not isinstance(numbers, Mapping):
                continue
            if self.by is None:
                yield Problem(field, "has numbers by a label's value, and there is no 'by'", "one number")
                continue
            mine = self.members(names, labels)
            values = sorted({str(label.get(self.by)) for label, own in zip(labels, mine, strict=True) if own})
            for value in values:
                if value not in numbers:
                    yield Problem(field, f"has no number for '{value}'", f"a number for each of {', '.join(values)}")
            for value in numbers:
                if value not in values:
                    yield Problem(f"{field}.{value}", f"no site has this {self.by}", near_miss(value, values))


def number(numbers: float | Mapping[str, float], group: str, name: str) -> float:
    """The one number, or that of a group's value; ``group`` is "name:value"."""
    return numbers[group.removeprefix(f"{name}:")] if isinstance(numbers, Mapping) else numbers


def _same(label: Label | None, value: Label) -> bool:
    return label is not None and (label == value or str(label) == str(value))
