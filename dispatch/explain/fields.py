"""Which numbers of a park's file hold a plan back: how the compiled matrices move with each field of each asset.

Nothing is known here about any kind: a field is changed a little, the same compiled problem is filled with the changed
park, and what moved in the matrices is what the field does. So a kind that somebody drops in is explained as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from pydantic import ValidationError

from dispatch.asset import Asset
from dispatch.errors import ParkwattError
from dispatch.explain.linear import Point
from dispatch.highs import Matrices
from dispatch.problem import Problem
from dispatch.signals import unit_of
from dispatch.site import Site

_UNITS = {"kw", "kwh", "kw_per_h", "kg_per_h"}
_NUDGE = 1e-4
# What was before the horizon is a fact, and the month's peak is one: neither can be chosen.
_FACTS = ("_before_kw", "_before_h", "month_to_date_peak_kw", "expected_peak_kw", "start_fill")


@dataclass(frozen=True)
class FieldChange:
    """One number of the park's file, changed."""

    asset: str
    field: str
    before: float
    after: float

    def __str__(self) -> str:
        verb = "raise" if self.after > self.before else "lower"
        symbol = {"kw": "kW", "kwh": "kWh", "kw_per_h": "kW/h"}.get(unit_of(self.field) or "", "")
        more = f"{self.after - self.before:+,.4g} {symbol}".strip()
        return f"{verb} {self.field} of {self.asset} from {self.before:,.6g} to {self.after:,.6g} {symbol}".strip() + (
            f" ({more})"
        )

    def apply(self, site: Site) -> Site:
        """The site with the number changed.

        Raises:
            ValueError: the park's file would not take it.
        """
        return changed(site, self.asset, self.field, self.after)


@dataclass(frozen=True)
class WishChange:
    """A clean share asked for, lowered; ``place`` is its position among the park's wishes."""

    place: int
    before: float
    after: float

    def __str__(self) -> str:
        return f"lower clean_share_min from {self.before:.4g} to {self.after:.4g}"

    def apply(self, site: Site) -> Site:
        """The site with the wish lowered."""
        wishes = list(site.wishes)
        wishes[self.place] = wishes[self.place].model_copy(update={"clean_share_min": self.after})
        return site.model_copy(update={"wishes": tuple(wishes)})


Change = FieldChange | WishChange


def candidates(site: Site, assets: Iterable[str]) -> Iterator[tuple[Asset, str, float]]:
    """Powers, energies, ramps and fills of these assets that somebody could decide."""
    wanted = set(assets)
    for asset in site.assets:
        for name in type(asset).model_fields if asset.name in wanted else ():
            value = getattr(asset, name)
            usable = unit_of(name) in _UNITS or name.endswith(("_fill", "_fill_min"))
            if usable and not name.endswith(_FACTS) and isinstance(value, float):
                yield asset, name, value


def changed(site: Site, asset: str, field: str, value: float) -> Site:
    """The site with one number of one asset changed, held to what a park's file may say.

    Raises:
        ValueError: it may not.
    """
    assets = []
    for one in site.assets:
        if one.name != asset:
            assets.append(one)
            continue
        try:
            assets.append(type(one).model_validate(one.model_dump() | {field: value}))
        except ValidationError as error:
            raise ValueError(error.errors()[0]["msg"]) from None
    return site.model_copy(update={"assets": tuple(assets)})


def fill(twin: Problem, site: Site) -> Matrices | None:
    """The twin's matrices for another site; None where the site's structure differs."""
    known, asked = twin.site.known_series(twin.horizon), site.known_series(twin.horizon)
    # Only what the change itself moves: prices that somebody else gave stay.
    moved = {k: v for k, v in asked.items() if k not in known or not np.array_equal(v, known[k])}
    inputs = replace(twin.inputs, series=dict(twin.inputs.series) | moved)
    try:
        twin.update(inputs, site=site)
    except ParkwattError:
        return None
    return twin.compiled.matrices()


def slope(twin: Problem, base: Matrices, point: Point, field: FieldChange) -> float:
    """Change of the optimum per unit of a field: y · (∂b − ∂A x), by the duals y and values x at the optimum.

    Args:
        base: the matrices at ``field.before``.
        point: an optimum of a program on those rows; further columns may follow those of ``base``.
        field: what is changed; its ``after`` is not read.
    """
    moved = _nudged(twin, field)
    if moved is None:
        return 0.0
    matrices, step = moved
    rows = base.row_upper.size
    bound = np.where(np.isfinite(base.row_upper), matrices.row_upper - base.row_upper, 0.0)
    used = (matrices.rows - base.rows) @ point.x[: base.cost.size]
    return float(point.row_dual[:rows] @ (bound - used)) / step


def moves(twin: Problem, base: Matrices, field: FieldChange, rows: np.ndarray) -> bool:
    """Does a field bear on any of these rows."""
    moved = _nudged(twin, field)
    if moved is None:
        return False
    bounds = np.abs(moved[0].row_upper[rows] - base.row_upper[rows]).sum()
    return bool(bounds + np.abs((moved[0].rows - base.rows).tocsr()[rows].data).sum() > 0)


def _nudged(twin: Problem, field: FieldChange) -> tuple[Matrices, float] | None:
    """The matrices with a field a little higher, or lower where it cannot be higher, and by how much; undone."""
    site, inputs = twin.site, twin.inputs
    step = max(abs(field.before), 1.0) * _NUDGE
    for sign in (1.0, -1.0):
        try:
            there = changed(site, field.asset, field.field, field.before + sign * step)
        except ValueError:
            continue
        moved = fill(twin, there)
        twin.update(inputs, site=site)
        return None if moved is None else (moved, sign * step)
    return None
