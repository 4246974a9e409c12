"""The sites of a fleet as numbers: grouped by structure, each group one stack of one template."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from dispatch.asset import Mode
from dispatch.assets.grid_connection import GridConnection
from dispatch.errors import ContractError
from dispatch.fleet.members import Member, structure_of
from dispatch.fleet.shared.quantities import OWN
from dispatch.fleet.shared.scope import Scope
from dispatch.fleet.stack import Stack
from dispatch.fleet.template import Template
from dispatch.signals import Array, Horizon


@dataclass(frozen=True, eq=False)
class Group:
    """Sites of one structure.

    Attributes:
        which: (n,) their places in the fleet.
        entries: (Q,) the column of each entry of the quantities.
    """

    template: Template
    members: tuple[Member, ...]
    stack: Stack
    which: np.ndarray
    entries: np.ndarray


@dataclass(frozen=True, eq=False)
class Gathered:
    """All sites, structure by structure, and what their shared things are compiled for."""

    scope: Scope
    groups: tuple[Group, ...]
    members: tuple[Member, ...]

    def sites(self) -> Iterator[tuple[int, Group, int]]:
        """Place in the fleet, group and place in the group, site by site."""
        for group in self.groups:
            for k, n in enumerate(group.which):
                yield int(n), group, k


@dataclass
class Templates:
    """Compiled problems by structure, kept between fleets of the same horizon."""

    horizon: Horizon
    quantities: tuple[str, ...]
    mode: Mode | None = None
    known: dict[Hashable, Template] = field(default_factory=dict)

    def of(self, member: Member) -> Template:
        """The template of a member's structure."""
        key = _hashable(structure_of(member.site))
        if key not in self.known:
            self.known[key] = Template(member, self.horizon, self.quantities, mode=self.mode, measures=OWN)
        return self.known[key]


def gathered(
    members: Sequence[Member],
    templates: Templates,
    *,
    currency: str,
    state: Mapping[str, Mapping[str, float]] | None = None,
) -> Gathered:
    """Stacks of all members, structure by structure.

    Raises:
        ContractError: two sites have one name.
    """
    names = tuple(member.name for member in members)
    if len(set(names)) < len(names):
        raise ContractError(f"two sites are called '{next(n for n in names if names.count(n) > 1)}'")
    by_template: dict[int, list[int]] = {}
    made = [templates.of(member) for member in members]
    for place, template in enumerate(made):
        by_template.setdefault(id(template), []).append(place)
    groups: list[Group] = []
    count = 0
    for places in by_template.values():
        template, own = made[places[0]], tuple(members[place] for place in places)
        entries = np.concatenate([np.zeros(0, int), *[template.at[name] for name in templates.quantities]])
        groups.append(Group(template, own, template.stack(own), count + np.arange(len(own)), entries))
        count += len(own)
    ordered = tuple(member for group in groups for member in group.members)
    scope = Scope(
        templates.horizon,
        tuple(member.name for member in ordered),
        tuple(member.labels for member in ordered),
        templates.quantities,
        _most(ordered, "import_kw"),
        _most(ordered, "export_kw"),
        currency,
        state or {},
    )
    return Gathered(scope, tuple(groups), ordered)


def _most(members: Sequence[Member], field_name: str) -> Array:
    connections = [[a for a in m.site.assets if isinstance(a, GridConnection)] for m in members]
    return np.array([sum(getattr(a, field_name) for a in own) for own in connections], np.float64)


def _hashable(structure: Hashable) -> Hashable:
    """Models hold mappings, which have no hash: their text has."""
    try:
        hash(structure)
    except TypeError:
        return repr(structure)
    return structure
