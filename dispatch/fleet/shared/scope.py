"""What the shared part of a fleet's file is compiled for, and to: sites, their quantities and time; rows and columns.

A *quantity* is what a site does to the others, by name: its net import in every step, its emissions. All quantities of
a site stand one after the other in Q *entries*, in the same place for every site.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Literal

import numpy as np
from scipy.sparse import coo_array, csr_array

from dispatch.errors import ContractError
from dispatch.fleet.coupling import Coupling, Rest
from dispatch.signals import Array, Horizon

Label = str | float
Side = Literal["per step", "per day", "once"]

SIZES: Mapping[str, Side] = {
    "net_import_kw": "per step",
    "work_leaving_kw": "per step",
    "reserve_up_kw": "per step",
    "reserve_down_kw": "per step",
    "co2_kg": "once",
    "co2_day_kg": "per day",
}
"""Quantities that shared things are written in; a site has one per step, per local day or for the horizon."""


@dataclass(frozen=True)
class Scope:
    """Sites and time that the shared things of a fleet are compiled for.

    Attributes:
        horizon: the steps.
        names: (N,) of the sites.
        labels: (N,) what the fleet's file says of each.
        quantities: those that the sites have, in the order of the entries.
        import_kw, export_kw: (N,) the most that each site's connections let through.
        currency: of the fleet.
        state: by the name of a shared meter or connection, what is known of the time before the horizon.
    """

    horizon: Horizon
    names: tuple[str, ...]
    labels: tuple[Mapping[str, Label], ...]
    quantities: tuple[str, ...]
    import_kw: Array
    export_kw: Array
    currency: str
    state: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @cached_property
    def entries(self) -> Mapping[str, np.ndarray]:
        """By quantity, its places among the entries: (T,) or (1,)."""
        out, start = {}, 0
        for name in self.quantities:
            size = {"per step": self.horizon.steps, "per day": len(self.days), "once": 1}[SIZES[name]]
            out[name] = np.arange(start, start + size)
            start += size
        return out

    @cached_property
    def days(self) -> tuple[date, ...]:
        """Local days of the horizon."""
        return tuple(sorted({start.date() for start in self.horizon.local_start}))

    @property
    def size(self) -> int:
        """Q."""
        return sum(places.size for places in self.entries.values())


@dataclass(frozen=True, eq=False)
class Facts:
    """What the rows of a coupling are, for tables and words.

    Attributes:
        owner: (K,) the name of the shared thing.
        what: (K,) which of its rows.
        unit: (K,) of use and limit.
        step: (K,) −1 for a row over more than one.
        per: (K,) a price of the row, divided by it, is money per ``price_unit``.
        price_unit: (K,) like kWh.
        relaxes: (Y,) the row whose shortfall a column is, −1 for one that is none.
        belongs: (Y,) the name of the shared thing.
        column: (Y,) what it is.
    """

    owner: tuple[str, ...]
    what: tuple[str, ...]
    unit: tuple[str, ...]
    step: np.ndarray
    per: Array
    price_unit: tuple[str, ...]
    relaxes: np.ndarray
    belongs: tuple[str, ...]
    column: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Compiled:
    """Rows over the sites, and what they are."""

    coupling: Coupling
    facts: Facts


@dataclass
class Builder:
    """Collects columns and rows of one shared thing or of several."""

    scope: Scope
    _cost: list[Array] = field(default_factory=list)
    _bounds: list[tuple[Array, Array]] = field(default_factory=list)
    _integer: list[np.ndarray] = field(default_factory=list)
    _named: list[tuple[str, str]] = field(default_factory=list)
    _relaxes: list[np.ndarray] = field(default_factory=list)
    _rows: list[tuple[np.ndarray, Array, Array, Array]] = field(default_factory=list)
    _facts: list[tuple[str, str, str, np.ndarray, Array, str]] = field(default_factory=list)
    _reach: list[tuple[np.ndarray, np.ndarray, Array]] = field(default_factory=list)
    _own: list[tuple[csr_array, np.ndarray, Array, Array]] = field(default_factory=list)
    columns_so_far: int = 0
    rows_so_far: int = 0
    offset: float = 0.0

    def columns(
        self,
        owner: str,
        what: str,
        cost: Array,
        upper: Array | float,
        *,
        lower: Array | float = 0.0,
        integer: np.ndarray | bool = False,
    ) -> np.ndarray:
        """(n,) places of new columns, which cost so much a unit each."""
        count = cost.size
        self._cost.append(np.asarray(cost, np.float64))
        self._bounds.append((np.broadcast_to(lower, count), np.broadcast_to(upper, count)))
        self._integer.append(np.broadcast_to(integer, count))
        self._named += [(owner, what)] * count
        self._relaxes.append(np.full(count, -1))
        self.columns_so_far += count
        return np.arange(self.columns_so_far - count, self.columns_so_far)

    def rows(
        self,
        owner: str,
        what: str,
        quantity: str,
        weight: Array,
        *,
        lower: Array | float = -np.inf,
        upper: Array | float = np.inf,
        steps: np.ndarray | None = None,
    ) -> np.ndarray:
        """(n,) places of new rows lower ≤ Σ weight · quantity ≤ upper, one per step (or some) or the only one.

        Args:
            weight: (N,) with which factor each site counts; 0 for one that does not.
            steps: which steps have a row, for a quantity per step; by default all.

        Raises:
            ContractError: the sites have no such quantity.
        """
        if quantity not in self.scope.entries:
            raise ContractError(f"'{owner}' is about {quantity}; the sites' problems have {self.scope.quantities}")
        entry, horizon = self.scope.entries[quantity], self.scope.horizon
        each = SIZES[quantity] == "per step"
        at = np.arange(entry.size) if steps is None else steps
        least, most = (np.broadcast_to(np.asarray(side, np.float64), at.size) for side in (lower, upper))
        self._rows.append((entry[at], weight, least, most))
        unit, price_unit = _UNITS[quantity]
        per = horizon.hours[at] if unit == "kW" else np.full(at.size, 1e-3)
        self._facts.append((owner, what, unit, at if each else np.full(at.size, -1), per, price_unit))
        self.rows_so_far += at.size
        return np.arange(self.rows_so_far - at.size, self.rows_so_far)

    def put(self, rows: np.ndarray, columns: np.ndarray, factor: Array | float, *, shortfall: bool = False) -> None:
        """Column by column, what a unit adds to its row; ``shortfall``: the column is what the row lacks."""
        size = np.broadcast_shapes(rows.shape, columns.shape)
        self._reach.append((np.broadcast_to(rows, size), np.broadcast_to(columns, size), np.broadcast_to(factor, size)))
        if shortfall:
            for block, start in zip(self._relaxes, np.cumsum([0, *[b.size for b in self._relaxes[:-1]]]), strict=True):
                mine = (columns >= start) & (columns < start + block.size)
                block[columns[mine] - start] = rows[mine]

    def own(self, matrix: csr_array, columns: np.ndarray, lower: Array, upper: Array) -> None:
        """Rows over columns of no site alone: lower ≤ matrix · y[columns] ≤ upper."""
        self._own.append((csr_array(matrix), columns, lower, upper))

    def made(self) -> Compiled:
        """All of it."""
        scope, couplings = self.scope, self.rows_so_far
        names = tuple(f"{owner}: {what}" for owner, what in self._named)
        shares = [_share(entry.size, weight) for entry, weight, _, _ in self._rows]
        coupling = Coupling(
            tuple(_row_name(f, k) for f in self._facts for k in range(f[3].size)),
            np.concatenate([np.zeros(0, int), *[entry for entry, *_ in self._rows]]),
            _stacked(shares, len(scope.names)),
            _all([lower for *_, lower, _ in self._rows]),
            _all([upper for *_, upper in self._rows]),
            Rest(
                names,
                _all(self._cost),
                _all([lower for lower, _ in self._bounds]),
                _all([upper for _, upper in self._bounds]),
                _placed(self._reach, (couplings, self.columns_so_far)),
                _stacked([_spread(m, at, self.columns_so_far) for m, at, _, _ in self._own], self.columns_so_far),
                _all([lower for *_, lower, _ in self._own]),
                _all([upper for *_, upper in self._own]),
                np.concatenate([np.zeros(0, bool), *self._integer]).astype(bool),
                self.offset,
            ),
            scope.size,
        )
        return Compiled(coupling, self._facts_made())

    def _facts_made(self) -> Facts:
        def each(place: int) -> tuple[str, ...]:
            return tuple(str(fact[place]) for fact in self._facts for _ in range(fact[3].size))

        return Facts(
            each(0),
            each(1),
            each(2),
            np.concatenate([np.zeros(0, int), *[f[3] for f in self._facts]]),
            _all([f[4] for f in self._facts]),
            each(5),
            np.concatenate([np.zeros(0, int), *self._relaxes]),
            tuple(owner for owner, _ in self._named),
            tuple(what for _, what in self._named),
        )


_UNITS: Mapping[str, tuple[str, str]] = {
    name: ("kg", "t") if name.startswith("co2") else ("kW", "kWh") for name in SIZES
}


def _row_name(fact: tuple[str, str, str, np.ndarray, Array, str], place: int) -> str:
    owner, what, _, step, _, _ = fact
    return f"{owner}: {what}" + (f" in step {step[place]}" if step[place] >= 0 else "")


def _all(arrays: Sequence[Array]) -> Array:
    return np.concatenate([np.zeros(0), *arrays]).astype(np.float64)


def _share(count: int, weight: Array) -> csr_array:
    """(count, N) the same weights in every row."""
    used = np.flatnonzero(weight)
    indptr = np.arange(count + 1) * used.size
    return csr_array((np.tile(weight[used], count), np.tile(used, count), indptr), shape=(count, weight.size))


def _stacked(blocks: Sequence[csr_array], width: int) -> csr_array:
    from scipy.sparse import vstack

    return csr_array(vstack(blocks)) if blocks else csr_array((0, width))


def _spread(matrix: csr_array, columns: np.ndarray, width: int) -> csr_array:
    found = coo_array(matrix)
    return csr_array(coo_array((found.data, (found.row, columns[found.col])), shape=(matrix.shape[0], width)))


def _placed(pieces: Sequence[tuple[np.ndarray, np.ndarray, Array]], shape: tuple[int, int]) -> csr_array:
    if not pieces:
        return csr_array(shape)
    row, column, factor = (np.concatenate([np.ravel(p[i]) for p in pieces]) for i in range(3))
    return csr_array(coo_array((factor, (row, column)), shape=shape))
