"""Which kinds answer row by row, so that the rows of many sites can be asked for in one call.

Most kinds do: the numbers of a member stand in its own row, wherever that row stands. Some do not: they sort by segment
and then by member, read another asset by its name, or state something of the horizon. Which is found by asking, once
for each structure: two sites of it that differ in every number, together and each by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dispatch.errors import ParkwattError
from dispatch.fields.frozen import rebuilt
from dispatch.fleet.joined import Joined
from dispatch.fleet.members import Member, structure_of
from dispatch.problem import coefficients
from dispatch.signals import Array, Horizon

# Times decide how many steps a minimum lasts, which is structure; all else is scaled.
_KEPT = ("_h", "_minutes", "_years")
_SCALE = 1 - 2.0**-10


def row_by_row(member: Member, horizon: Horizon) -> frozenset[str]:
    """Kinds of a site whose coefficients of many sites are those of each, one below the other."""
    try:
        other = _differing(member)
        joined = Joined.of([member, other], horizon)
        own = {m.name: m.inputs(horizon) for m in (member, other)}
    except (ParkwattError, ValueError):
        return frozenset()
    found = set()
    for kind, rows in joined.rows.items():
        cls = type(rows.members[0])
        try:
            together = joined.coefficients(kind)
            apart = [coefficients(cls, m.site.rows(1)[kind], own[m.name]) for m in (member, other)]
        except (ParkwattError, ValueError, ArithmeticError, LookupError):
            continue
        if _below(together, apart):
            found.add(kind)
    return frozenset(found)


def _below(together: Mapping[str, Array], apart: list[dict[str, Array]]) -> bool:
    names = set(together)
    if any(set(own) != names for own in apart):
        return False
    stacked = {name: [own[name] for own in apart] for name in names}
    if any(not block.shape for blocks in stacked.values() for block in blocks):
        return False
    return all(
        blocks[0].shape == blocks[1].shape and np.array_equal(together[name], np.concatenate(blocks), equal_nan=True)
        for name, blocks in stacked.items()
    )


def _differing(member: Member) -> Member:
    """A site like it with all numbers and series a thousandth lower."""

    def change(value: Any, path: str) -> float | None:
        kept = path.rsplit(".", 1)[-1].endswith(_KEPT) or path.startswith(("planning", "objective", "wishes", "carbon"))
        return value * _SCALE if isinstance(value, float) and not kept else None

    assets = tuple(rebuilt(asset, change) for asset in member.site.assets)
    site = member.site.model_copy(update={"assets": assets, "name": f"{member.name}-other"})
    if structure_of(site) != structure_of(member.site):
        raise ValueError("other numbers are another structure")
    series = {key: np.asarray(values) * _SCALE for key, values in member.series.items()}
    return Member(site, series, member.state)
