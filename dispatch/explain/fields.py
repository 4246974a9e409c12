"""Which numbers of a park's file hold a plan back: how the compiled matrices move with each field of each asset.

Nothing is known here about any kind: a field is changed a little, the same compiled problem is filled with the changed
park, and what moved in the matrices is what the field does. So a kind that somebody drops in is explained as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from pydantic import ValidationError

from dispatch.asset import Asset, Inputs
from dispatch.errors import ParkwattError
from dispatch.explain.figures import figure
from dispatch.explain.linear import Point
from dispatch.explain.times import SwitchChange, TimeChange
from dispatch.problem import Problem
from dispatch.signals import Array, unit_of
from dispatch.site import Site
from dispatch.solver.highs import Matrices

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
        more = f"{'+' if self.after > self.before else ''}{figure(self.after - self.before)} {symbol}".strip()
        ends = f"from {figure(self.before, 6)} to {figure(self.after, 6)} {symbol}".strip()
        return f"{verb} {self.field} of {self.asset} {ends} ({more})"

    def apply(self, site: Site) -> Site:
        """The site with the number changed.

        Raises:
            ValueError: the park's file would not take it.
        """
        return changed(site, self.asset, self.field, self.after)

    def told(self, inputs: Inputs) -> Inputs:
        """What was forecast and given stays as it is."""
        return inputs


@dataclass(frozen=True)
class WishChange:
    """A clean share asked for, lowered; ``place`` is its position among the park's wishes."""

    place: int
    before: float
    after: float

    def __str__(self) -> str:
        return f"lower clean_share_min from {figure(self.before)} to {figure(self.after)}"

    def apply(self, site: Site) -> Site:
        """The site with the wish lowered."""
        wishes = list(site.wishes)
        wishes[self.place] = wishes[self.place].model_copy(update={"clean_share_min": self.after})
        return site.model_copy(update={"wishes": tuple(wishes)})

    def told(self, inputs: Inputs) -> Inputs:
        """What was forecast and given stays as it is."""
        return inputs


Change = FieldChange | WishChange | TimeChange | SwitchChange


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


class Twin:
    """A problem compiled a second time with every rating a parameter, to be filled with changed parks.

    Args:
        problem: the original.
        same: what stands for its twin; the default is one compiled anew.

    Attributes:
        problem: the compiled twin, on the data of the original.
        origin: the original's site.
        given: the original's data.
    """

    def __init__(self, problem: Problem, *, same: Problem | None = None) -> None:
        self.problem, self.origin = same or problem.twin(), problem.site
        self.given = self.problem.inputs
        self._in_inputs: dict[tuple[str, str], bool] = {}

    def fill(self, site: Site, inputs: Inputs | None = None) -> Matrices | None:
        """The matrices of another site, on the original's data if no other are given; None if its structure differs."""
        try:
            self.problem.update(self.inputs(site, inputs), site=site)
        except ParkwattError:
            return None
        return self.problem.compiled.matrices()

    def inputs(self, site: Site, inputs: Inputs | None = None) -> Inputs:
        """The data with what a changed site's configuration decides of them."""
        base = inputs or self.given
        moved = {key: value for one in self._changed(site) for key, value in self._moved_series(*one).items()}
        return replace(base, series=dict(base.series) | moved) if moved else base

    def slope(self, base: Matrices, point: Point, field: FieldChange) -> float:
        """Change of the optimum per unit of a field: y · (∂b − ∂A x), by the duals y and values x at the optimum.

        Args:
            base: the matrices at ``field.before``, which the twin now holds.
            point: an optimum of a program on those rows; further columns may follow those of ``base``.
            field: what is changed; its ``after`` is not read.
        """
        moved = self._nudged(field)
        if moved is None:
            return 0.0
        matrices, step = moved
        rows = base.row_upper.size
        bound = np.where(np.isfinite(base.row_upper), matrices.row_upper - base.row_upper, 0.0)
        used = (matrices.rows - base.rows) @ point.x[: base.cost.size]
        return float(point.row_dual[:rows] @ (bound - used)) / step

    def moves(self, base: Matrices, field: FieldChange, rows: np.ndarray) -> bool:
        """Does a field bear on any of these rows."""
        moved = self._nudged(field)
        if moved is None:
            return False
        bounds = np.abs(moved[0].row_upper[rows] - base.row_upper[rows]).sum()
        return bool(bounds + np.abs((moved[0].rows - base.rows).tocsr()[rows].data).sum() > 0)

    def _nudged(self, field: FieldChange) -> tuple[Matrices, float] | None:
        """The matrices with a field a little higher, or lower where it cannot be higher, and by how much; undone."""
        site = self.problem.site
        step = max(abs(field.before), 1.0) * _NUDGE
        for sign in (1.0, -1.0):
            try:
                there = changed(site, field.asset, field.field, field.before + sign * step)
            except ValueError:
                continue
            moved = self.fill(there)
            self.fill(site)
            return None if moved is None else (moved, sign * step)
        return None

    def _changed(self, site: Site) -> Iterator[tuple[Asset, Asset]]:
        """Assets that differ from the original's, beside those."""
        theirs = {asset.name: asset for asset in site.assets}
        yield from ((a, theirs[a.name]) for a in self.origin.assets if theirs.get(a.name, a) is not a)

    def _moved_series(self, before: Asset, after: Asset) -> dict[tuple[str, str], Array]:
        """Input series that a changed asset's configuration decides and that the change moved: a tariff takes long."""
        differs = [n for n in type(before).model_fields if getattr(before, n) != getattr(after, n)]
        asked = [name for name in differs if self._in_inputs.get((before.name, name), True)]
        if not asked:
            return {}
        horizon = self.problem.horizon
        known = before.known(horizon)
        moved = {q: v for q, v in after.known(horizon).items() if q not in known or not np.array_equal(v, known[q])}
        if len(differs) == 1:
            self._in_inputs[before.name, differs[0]] = bool(moved)
        # Only what the change itself moves: prices that somebody else gave stay.
        return {(after.name, quantity): values for quantity, values in moved.items()}
