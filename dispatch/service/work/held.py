"""Bids held against what a fleet can do together: beside all that was sent or won before, whatever product it is of.

A bid that was sent counts with all it offers until its market has decided: then with what was awarded. Drafts, bids
that were withdrawn and those that expired count for nothing; a bid that won nothing is closed by an award of 0 kW.
Fleets may have sites in common: what others have sold of them is gone first. Of an award that is what its set-points
take of each site; of a bid that is not decided, what the other fleet's own sites cannot give.
Writers of a tenant come one after the other, so that two requests at once cannot both have the last kilowatt.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from dispatch.errors import DataError
from dispatch.markets.bids import Bid as MarketBid
from dispatch.markets.bids import BidPeriod, Step
from dispatch.markets.calendar import periods
from dispatch.markets.catalogue import product as product_of
from dispatch.markets.product import Product, Side
from dispatch.markets.together import Beside, Room, Sold, Stores, Taken, needed, quantities
from dispatch.service.errors import Fault, InvalidError
from dispatch.service.store import bids, fleet_results
from dispatch.service.store.fleet_results import Result
from dispatch.service.store.transaction import Tx
from dispatch.signals import Array, Horizon

if TYPE_CHECKING:
    import pyarrow as pa

DEVICES = "devices"
_ROUNDING_KW = 1e-3
_AROUND = timedelta(days=2)  # a delivery day on one market's clock reaches into the days beside it on another's


def beside(tx: Tx, flexibility: Result, bid: MarketBid, product: Product, own: str = "") -> Beside:
    """The periods of a bid beside what the fleet has sold.

    Args:
        own: id of the bid, where it is kept already.
    """
    room = _less_others(tx, room_of(tx, flexibility), flexibility.fleet, bid.day)
    sold = Sold.nothing(room.steps.steps)
    for other in bids.committed(tx, flexibility.fleet, bid.day - _AROUND, bid.day + _AROUND):
        if other.id != own:
            sold += _sold(tx, other, room.steps)
    return Beside(room, sold, product, bid.side, periods(product, bid.day))


def room_of(tx: Tx, found: Result) -> Room:
    """What the sites of a flexibility can do."""
    table, count = fleet_results.read_table(tx, found, "envelope"), len(found.summary["envelope"])
    edges = table["start"][:count].to_numpy(zero_copy_only=False).astype("datetime64[s]")
    last = edges[-1] + np.timedelta64(round(3600 * table["hours"][count - 1].as_py()), "s")
    names = ("plan_kw", "least_kw", "most_kw", "least_kwh", "most_kwh")
    plan, *band = (np.asarray(table[name].to_numpy().reshape(-1, count)) for name in names)
    sites = table["site"].to_numpy(zero_copy_only=False)[::count]
    devices = fleet_results.read_table(tx, found, DEVICES) if DEVICES in found.files else None
    others, stores = _devices(devices, {site: place for place, site in enumerate(sites)}, band, count)
    steps = Horizon(np.append(edges, last), found.summary["time_zone"])
    return Room(steps, plan, band[0], band[1], others[0], others[1], stores, tuple(sites))


def _less_others(tx: Tx, room: Room, fleet: str, day: date) -> Room:
    """Less what other fleets of the tenant have sold of these sites."""
    waiting: defaultdict[str, list[bids.Bid]] = defaultdict(list)
    taken: list[Taken] = []
    for other in bids.committed(tx, fleet, day - _AROUND, day + _AROUND, others=True):
        if other.award is not None:
            taken.append(_taken(tx, other.award, other.side))
        else:
            waiting[other.flexibility].append(other)
    found = [(room_of(tx, fleet_results.get(tx, "flexibility", of)), some) for of, some in waiting.items()]
    # Of whom nothing is shared first: what they need of a third fleet's sites is not left for it.
    for theirs, some in sorted(found, key=lambda one: not set(room.names).isdisjoint(one[0].names)):
        sold = sum((_sold(tx, other, theirs.steps) for other in some), Sold.nothing(theirs.steps.steps))
        taken.append(needed(theirs.less(taken), sold, np.isin(theirs.names, room.names)))
    return room.less(taken)


def _taken(tx: Tx, award: str, side: str) -> Taken:
    """What the set-points of an award take of each site; one that helps another to give more moves the other way."""
    found = fleet_results.get(tx, "award", award)
    table = fleet_results.read_table(tx, found, "setpoints")
    names = tuple(dict.fromkeys(table["site"].to_pylist()))
    start, end, given = (
        table[name].to_numpy(zero_copy_only=False).reshape(len(names), -1) for name in ("start", "end", "given_kw")
    )
    steps = Horizon(np.append(start[0], end[0, -1]).astype("datetime64[s]"), found.summary["time_zone"])
    ways = np.maximum(given, 0.0), np.maximum(-given, 0.0)
    return Taken(names, steps, *(ways if side == "up" else ways[::-1]))


def _devices(
    table: pa.Table | None, places: Mapping[str, int], band: Sequence[Array], steps: int
) -> tuple[tuple[Array, Array], Stores]:
    """What is no store by site, and the stores; a site whose devices nobody knows counts as one store."""
    least, most = np.zeros((2, len(places), steps))
    rows: list[tuple[int, *tuple[Array, ...]]] = []
    known: set[int] = set()
    if table is not None:
        owner = [places[name] for name in table["site"].to_pylist()[::steps]]
        names = ("least_kw", "most_kw", "least_kwh", "most_kwh", "gain", "drain")
        values = np.stack([table[name].to_numpy().reshape(-1, steps) for name in names], axis=1)
        known = set(owner)
        for site, own in zip(owner, values, strict=True):
            if np.isfinite(own[2:4]).all():
                rows.append((site, *own))
            else:
                least[site] += own[0]
                most[site] += own[1]
    one = np.ones(steps)
    rows += [(n, *(values[n] for values in band), one, one) for n in places.values() if n not in known]
    owners = np.array([row[0] for row in rows], np.intp)
    columns = (np.array([row[k] for row in rows], float).reshape(-1, steps) for k in range(1, 7))
    return (least, most), Stores(owners, *columns)


def _sold(tx: Tx, other: bids.Bid, steps: Horizon) -> Sold:
    """What a bid that was sent, or the award of it, asks for in these steps."""
    product = product_of(other.product, other.day)
    over = periods(product, other.day)
    if other.award is None:
        own = MarketBid.model_validate(other.body)
        asked = [(one.start.timestamp(), one.quantity_kw) for one in own.periods]
    else:
        award = fleet_results.get(tx, "award", other.award).request["award"]
        won = MarketBid.model_validate({**other.body, "periods": _curves(award["periods"])})
        asked = [(one.start.timestamp(), one.quantity_kw) for one in won.periods]
    side: Side = "down" if other.side == "down" else "up"
    return Sold.of(steps, product, over, side, quantities(over, asked))


def _curves(awarded: list[dict[str, object]]) -> list[dict[str, object]]:
    """Awarded periods as curves of one step; those of nothing are none."""
    return [
        {"start": one["start"], "steps": [{"quantity_kw": one["quantity_kw"], "price": one["price"]}]}
        for one in awarded
        if one["quantity_kw"]
    ]


def quantity_kw(bid: MarketBid, product: Product) -> Array:
    """(P,) what a bid offers in each period of its day."""
    over = periods(product, bid.day)
    return quantities(over, [(one.start.timestamp(), one.quantity_kw) for one in bid.periods])


def require_left(found: Beside, bid: MarketBid) -> None:
    """Refuse a bid that is more than what is left of the fleet.

    Raises:
        InvalidError: names what is left, period by period.
    """
    asked = quantity_kw(bid, found.product)
    if outside := [n for n, one in enumerate(bid.periods) if not found.room.covers(one.start, found.product)]:
        steps = found.room.steps
        accepted = f"from {steps.local_start[0].isoformat()} to {steps.local_end[-1].isoformat()}"
        faults = tuple(Fault(f"/periods/{n}", "lies outside the flexibility", accepted=accepted) for n in outside)
        raise InvalidError("Nobody knows what the fleet can do then.", faults)
    if (why := found.whole(asked)) is None:
        return
    faults = tuple(_faults(found, bid, asked)) or (Fault("/periods", f"are not possible together: {why}"),)
    others = "" if found.room.gone is None else " and what other fleets have sold of its sites"
    raise InvalidError(f"The bid is more than the fleet can do beside what it has sold{others}: {why}.", faults)


def _faults(found: Beside, bid: MarketBid, asked: Array) -> Iterator[Fault]:
    """Periods of which less is left than is asked for: each by itself, else all together."""
    left, text = found.left_kw(asked), "kW {}, more than is left then"
    if (left >= asked - _ROUNDING_KW).all():
        left, text = found.together_kw(asked), "kW {}: each period is possible, and all of them together are not"
    at = {int(edge): place for place, edge in enumerate(found.over.edges[:-1].astype("datetime64[s]").astype(np.int64))}
    for place, one in enumerate(bid.periods):
        kw = float(left[at[round(one.start.timestamp())]])
        if kw < one.quantity_kw - _ROUNDING_KW:
            message = f"asks for {one.quantity_kw:g} {text.format(bid.side)}"
            yield Fault(f"/periods/{place}", message, one.quantity_kw, f"at most {kw:g} kW")


def clipped(found: Beside, bid: MarketBid) -> tuple[MarketBid, str | None]:
    """A bid narrowed to what is possible beside all that was sold, and why; None where nothing had to be.

    Each period is first cut to what is left of it, then all of them to one share of that. Of a curve its cheapest steps
    stay, in whole steps of the product.

    Raises:
        DataError: nothing is left that the product would take.
    """
    asked = quantity_kw(bid, found.product)
    if (why := found.whole(asked)) is None:
        return bid, None
    kept = found.together_kw(found.left_kw(asked))
    at = {int(edge): place for place, edge in enumerate(found.over.edges[:-1].astype("datetime64[s]").astype(np.int64))}
    cut = (_cut(one, float(kept[at[round(one.start.timestamp())]]), found.product) for one in bid.periods)
    left = tuple(one for one in cut if one is not None)
    if not left:
        least = f"{found.product.quantity_min_kw:g} kW or more in a period"
        advice = "fewer periods (start, end) can leave more in each"
        raise DataError(f"nothing is left to bid in steps of the product, {least}: {why}; {advice}")
    before, after = float(asked.sum()), sum(one.quantity_kw for one in left)
    text = f"offers {after / before:.1%} of what single periods allow, for together more is not possible: {why}"
    return bid.model_copy(update={"periods": left}), text


def _cut(one: BidPeriod, most_kw: float, product: Product) -> BidPeriod | None:
    """The cheapest steps of a curve, up to a quantity."""
    unit = product.quantity_step_kw
    most_kw = float(np.floor((most_kw + _ROUNDING_KW) / unit) * unit)
    if most_kw < product.quantity_min_kw:
        return None
    steps: list[Step] = []
    for step in one.steps:
        width = round(min(step.quantity_kw, most_kw - sum(each.quantity_kw for each in steps)), 6)
        if width > 0:
            steps.append(step.model_copy(update={"quantity_kw": width}))
    return one.model_copy(update={"steps": tuple(steps)})
