"""Other awards of the same sites, of whatever fleet of the tenant: meters show what all of them asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

from dispatch.markets.alongside import Other
from dispatch.markets.awards import Award
from dispatch.markets.calendar import periods
from dispatch.markets.catalogue import product as product_of
from dispatch.markets.underway import on_steps
from dispatch.service.store import fleet_results, schedules
from dispatch.service.store.fleet_results import Result
from dispatch.service.store.transaction import Tx
from dispatch.signals import Array, Horizon

_AROUND = timedelta(days=2)  # a delivery day on one market's clock reaches into the days beside it on another's


@dataclass(frozen=True)
class Found:
    """An award and its result."""

    result: Result
    award: Award


def awards_of(tx: Tx, sites: Sequence[str], start: datetime, end: datetime, own: str) -> list[Found]:
    """Awards that asked something of some sites between two times, the oldest first.

    Capacity is not among them: it is held ready, and who activates it says so in its own settlement.

    Args:
        own: id of the award that is left out.
    """
    promised = schedules.promises_of(tx, sites, start, end)
    ids = sorted({one.award for some in promised.values() for one in some} - {own})
    results = (fleet_results.get(tx, "award", each) for each in ids)
    found = [Found(each, Award.model_validate(each.request["award"])) for each in results]
    return [one for one in found if product_of(one.award.product, one.award.day).kind != "capacity"]


def days(found: Iterable[Found], own: date) -> tuple[date, ...]:
    """Other days with an award."""
    return tuple(sorted({one.award.day for one in found} - {own}))


def others(tx: Tx, found: Iterable[Found], sites: Sequence[str], day: date, steps: Horizon) -> tuple[Other, ...]:
    """Those of about a day on the steps of meters, which ask something then."""
    made = (_other(tx, one, sites, steps) for one in found if abs(one.award.day - day) <= _AROUND)
    return tuple(one for one in made if one.up_kw.any() or one.awarded_kw.any())


def _other(tx: Tx, one: Found, sites: Sequence[str], steps: Horizon) -> Other:
    table = fleet_results.read_table(tx, one.result, "setpoints")
    names = tuple(dict.fromkeys(table["site"].to_pylist()))
    start, end, given = (
        table[name].to_numpy(zero_copy_only=False).reshape(len(names), -1) for name in ("start", "end", "given_kw")
    )
    edges = np.append(start[0], end[0, -1]).astype("datetime64[s]")
    place = {name: n for n, name in enumerate(names)}
    at = np.array([place.get(name, -1) for name in sites])
    product = product_of(one.award.product, one.award.day)
    over, sign = periods(product, one.award.day), 1.0 if one.award.side == "up" else -1.0
    up = sign * _on(given, edges, steps)[at] * (at >= 0)[:, None]
    won = _on(one.award.quantity_kw(product)[None, :], over.edges, steps)
    return Other(one.result.id, up, np.where((at >= 0)[:, None], won, 0.0))


def _on(values_kw: Array, edges: np.ndarray, steps: Horizon) -> Array:
    """(N, T) on the meters' steps; 0 beyond."""
    return np.nan_to_num(on_steps(values_kw, edges, steps.edges))
