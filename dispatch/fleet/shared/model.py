"""The ``shared`` part of a fleet's file: read, held against the fleet's sites, compiled."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, ValidationError

from dispatch.config.mistakes import field_problems, near_miss, shown
from dispatch.errors import ConfigError, Problem
from dispatch.fields.frozen import Frozen
from dispatch.fleet.shared.base import Shared
from dispatch.fleet.shared.kinds import shared_kinds
from dispatch.fleet.shared.scope import SIZES, Builder, Compiled, Label, Scope

if TYPE_CHECKING:
    AnyShared = Shared
else:
    AnyShared = Annotated[reduce(operator.or_, shared_kinds().values()), Field(discriminator="kind")]


class SharedBlock(Frozen):
    """What sites of a fleet have in common."""

    shared: tuple[AnyShared, ...] = Field(min_length=1)


def read_shared(
    raw: Any, names: Sequence[str], labels: Sequence[Mapping[str, Label]], source: str
) -> tuple[Shared, ...]:
    """The list under ``shared`` of a fleet's file.

    Args:
        raw: as it stands in the file.
        names, labels: (N,) the fleet's sites and what its file says of each.
        source: the file's name, for errors.

    Raises:
        ConfigError: some of it is wrong; lists all that is found.
    """
    if not isinstance(raw, list) or not raw:
        found = Problem("shared", f"is {shown(raw)}", "a list of shared things, each with kind and name")
        raise ConfigError(source, [found])
    problems = kind_problems(raw)
    if problems:
        raise ConfigError(source, problems)
    try:
        block = SharedBlock.model_validate({"shared": raw})
    except ValidationError as error:
        raise ConfigError(source, list(field_problems(error, {"shared": raw}, SharedBlock))) from None
    problems = fleet_problems(block.shared, names, labels)
    if problems:
        raise ConfigError(source, problems)
    return block.shared


def fleet_problems(
    shared: Sequence[Shared], names: Sequence[str], labels: Sequence[Mapping[str, Label]]
) -> list[Problem]:
    """What does not fit the fleet's sites, each with its place in the file."""
    found = []
    seen: dict[str, int] = {}
    for place, thing in enumerate(shared):
        path = f"shared[{place}]"
        own = [replace(p, path=f"{path}.{p.path}") for p in thing.problems(names, labels)]
        if not own and not thing.members(names, labels).any():
            own = [Problem(path, f"'{thing.name}' is about no site", "'sites', 'where' and 'by' that some site fits")]
        if thing.name in seen:
            text = f"'{thing.name}' is the name of shared[{seen[thing.name]}] too"
            own.append(Problem(f"{path}.name", text, "a name of its own"))
        seen.setdefault(thing.name, place)
        found += own
    return found


def quantities_of(shared: Sequence[Shared]) -> tuple[str, ...]:
    """All that the shared things are written in, in one order."""
    needed = {name for thing in shared for name in thing.needs}
    return tuple(name for name in SIZES if name in needed)


def compiled(shared: Sequence[Shared], scope: Scope) -> Compiled:
    """Rows and columns of all of them."""
    builder = Builder(scope)
    for thing in shared:
        for group, _, weight in thing.groups(scope):
            thing.add(builder, group, weight)
    return builder.made()


def kind_problems(raw: Sequence[Any]) -> list[Problem]:
    """Things of a kind that there is not."""
    known, found = list(shared_kinds()), []
    for place, thing in enumerate(raw):
        if not isinstance(thing, Mapping):
            found.append(Problem(f"shared[{place}]", f"is {shown(thing)}", "a mapping with kind and name"))
        elif thing.get("kind") not in known:
            kind = thing.get("kind")
            text = "kind is missing" if kind is None else f"kind {shown(kind)} is not known"
            found.append(Problem(f"shared[{place}].kind", text, near_miss(kind, known)))
    return found
