r"""Assets that are out of service: no kind's port carries anything, whatever the kind is.

.. math:: -R_t ≤ p_{jt} ≤ R_t, \quad r_t, d_t ≤ R_t

for each port j and reserve r, d of a row, with R = 0 in steps in which its member is out and no limit in all others. A
bound with a coefficient of its own, and no product with the power: that may hold coefficients itself. Kinds say beside
that what standing still means for them: no content moves, a unit is off and may have tripped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.asset import Asset, Rows
from dispatch.fields.out_of_service import OutOfService
from dispatch.part import Part
from dispatch.signals import Array, Horizon

if TYPE_CHECKING:
    import cvxpy as cp

ROOM = "room_kw"
_ANY_KW = 1e7
_FLOWS = ("_kw", "_per_h")
_EVER = OutOfService(start=datetime(1970, 1, 1, tzinfo=UTC))


def room_kw(rows: Rows[Any], horizon: Horizon) -> Array:
    """(row, step) R."""
    return np.where(rows.standing(horizon), 0.0, _ANY_KW)


def by_service(cls: type[Asset], rows: Rows[Any], horizon: Horizon) -> set[str]:
    """Names of ratings that are others where a member is out: they go with the clock, so no constants of a problem."""
    if not rows.may_stand:
        return set()
    members = tuple(m.model_copy(update={"out_of_service": ()}) for m in rows.members)
    always = tuple(m.model_copy(update={"out_of_service": (_EVER,)} if m.out_of_service else {}) for m in rows.members)
    usual, out = (cls.ratings(replace(rows, members=own), horizon) for own in (members, always))
    return {f"rating:{name}" for name, value in usual.items() if not np.array_equal(value, out[name])}


def stilled(rows: Rows[Any], horizon: Horizon, values: Mapping[str, Array]) -> dict[str, Array]:
    """Decisions of a rule without the powers of members that are out, for kinds whose rules look at nothing of it."""
    if not rows.may_stand:
        return dict(values)
    there = ~rows.standing(horizon)

    def still(name: str, value: Array) -> Array:
        return value * there if name.endswith(_FLOWS) and value.shape == there.shape else value

    return {name: still(name, value) for name, value in values.items()}


def added(part: Part, rows: Rows[Any], room: Any) -> Part:
    """The part with the rows above, for members that are out at some time."""
    at = np.flatnonzero([bool(member.out_of_service) for member in rows.members] * rows.scenarios)
    return replace(part, constraints=[*part.constraints, *_limits(part, at, room)])


def _limits(part: Part, at: np.ndarray, room: Any) -> Iterator[cp.Constraint]:
    flows = [port.power_kw for port in part.ports.values()]
    either = [sign * flow for flow in flows for sign in (1, -1)]
    for flow in (*either, part.reserve_up_kw, part.reserve_down_kw):
        if flow is not None and not flow.is_constant():
            limit = flow[at] <= room[at]
            limit.set_label("out of service")
            yield limit
