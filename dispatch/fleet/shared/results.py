"""What became of the shared things: use, limit, price and shortfall of each row; as a table and in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from dispatch.fleet.shared.scope import Compiled
from dispatch.fleet.shared.whole import Solution
from dispatch.signals import Array, Horizon

_SOME = 1e-6  # of a row's size: a price or shortfall that is none
_TIGHT = 1e-6


@dataclass(frozen=True, eq=False)
class Uses:
    """Row by row of the coupling, (K,) each.

    Attributes:
        owner, what, unit: whose row, of what, in which unit.
        step: −1 for a row over more than one.
        used: by the sites.
        lower, upper: the sides; infinite for none.
        price: money per ``price_unit``: what one unit less use would save; NaN where the plan has no prices.
        short: what the row's own columns took off its use, in its unit: shortfall, excess or imbalance, paid for.
    """

    horizon: Horizon
    currency: str
    owner: np.ndarray
    what: np.ndarray
    unit: np.ndarray
    step: np.ndarray
    used: Array
    lower: Array
    upper: Array
    price: Array
    price_unit: np.ndarray
    short: Array

    def of(self, owner: str) -> np.ndarray:
        """Rows of one shared thing, in order."""
        return np.flatnonzero(self.owner == owner)

    def table(self) -> dict[str, list[Any]]:
        """Column by column, for a file; no limit is nothing, not infinity."""
        starts = [str(self.horizon.local_start[s].isoformat()) if s >= 0 else None for s in self.step]
        return {
            "shared": self.owner.tolist(),
            "what": self.what.tolist(),
            "start": starts,
            "used": self.used.tolist(),
            "least": _finite(self.lower),
            "most": _finite(self.upper),
            "unit": self.unit.tolist(),
            "short": self.short.tolist(),
            f"price_{self.currency.lower()}": _finite(self.price),
            "per": self.price_unit.tolist(),
        }

    def words(self) -> list[str]:
        """A line for each shared thing, and one for each of which something is short."""
        out: list[str] = []
        for owner in dict.fromkeys(self.owner.tolist()):
            for what in dict.fromkeys(self.what[self.of(owner)].tolist()):
                rows = np.flatnonzero((self.owner == owner) & (self.what == what))
                out += self._told(f"{owner}, {what}", rows)
        return out

    def _told(self, name: str, rows: np.ndarray) -> Iterator[str]:
        lower, upper, used, price = (value[rows] for value in (self.lower, self.upper, self.used, self.price))
        unit, per = self.unit[rows[0]], self.price_unit[rows[0]]
        if (lower == upper).all():
            known = price[np.isfinite(price)]
            if known.size:
                yield f"{name}: price from {known.min():.4g} to {known.max():.4g} {self.currency}/{per}"
        else:
            size = np.maximum(1.0, np.abs(used))
            tight = (used >= upper - _TIGHT * size) | (used <= lower + _TIGHT * size)
            most = f", at most {used.max():,.1f} {unit}"
            dear = np.nanmax(np.abs(price), initial=0.0)
            yield (
                f"{name}: at its limit in {int(tight.sum())} of {rows.size}{most}"
                + (f"; price up to {dear:.4g} {self.currency}/{per}" if dear > _SOME else "; not scarce")
            )
        short = self.short[rows]
        if np.abs(short).max() > _SOME * max(1.0, float(np.abs(used).max())):
            worst = rows[int(np.argmax(np.abs(short)))]
            at = f" from {self.horizon.local_start[self.step[worst]]:%Y-%m-%d %H:%M}" if self.step[worst] >= 0 else ""
            hours = self.horizon.hours[np.maximum(self.step[rows], 0)]
            whole = float(np.abs(short) @ hours) if unit == "kW" else float(np.abs(short).sum())
            total = f"{whole:,.1f} {'kWh' if unit == 'kW' else unit}"
            yield f"{name}: not kept by {total} in all, most by {np.abs(self.short[worst]):,.1f} {unit}{at}"


def uses(made: Compiled, solution: Solution, horizon: Horizon, currency: str) -> Uses:
    """The rows after a plan."""
    coupling, facts = made.coupling, made.facts
    short = np.zeros(len(coupling.names))
    relaxing = np.flatnonzero(facts.relaxes >= 0)
    reach = coupling.rest.reach.tocsc()
    for column in relaxing:
        row = facts.relaxes[column]
        short[row] -= float(reach[row, column]) * solution.y[column]
    price = solution.price / facts.per
    return Uses(
        horizon,
        currency,
        np.array(facts.owner, dtype=object),
        np.array(facts.what, dtype=object),
        np.array(facts.unit, dtype=object),
        facts.step,
        coupling.used(solution.effects),
        coupling.lower,
        coupling.upper,
        price,
        np.array(facts.price_unit, dtype=object),
        short,
    )


def _finite(values: Array) -> list[float | None]:
    return [float(v) if np.isfinite(v) else None for v in values]
