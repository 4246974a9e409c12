"""``parkwatt fleet products | bid | award``: what is printed and written."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dispatch.cli.market_tables import (
    date_of,
    file_and_column,
    moment_of,
    read_award,
    read_bands,
    read_bid,
    read_flexibility,
    read_series,
    read_stores,
)
from dispatch.config.mistakes import near_miss
from dispatch.errors import DataError
from dispatch.fleet.offering import Offered, sides_of
from dispatch.markets import awards, bids
from dispatch.markets.calendar import gates, local, next_gate, periods
from dispatch.markets.catalogue import product as product_of
from dispatch.markets.catalogue import shipped
from dispatch.markets.curves import Curve
from dispatch.markets.disaggregation import Disaggregated, disaggregate
from dispatch.markets.product import Product
from dispatch.markets.sustained import EnergyBand

if TYPE_CHECKING:
    from dispatch.fields.flexible_devices import Devices
    from dispatch.markets.awards import Award
    from dispatch.signals import Array, Horizon


_LEAST_KWH = 1e-3
_NAMED = 5


@dataclass(frozen=True)
class Request:
    """What was typed."""

    flexibility: Path
    product: str
    day: str
    side: str
    at: str | None
    holding: float
    portfolio: str
    products: Path | None
    into: Path | None
    time_zone: str | None
    plan: str | None = None
    held_otherwise: bool = False


def show_products(name: str | None, at: str | None) -> None:
    """All products in a table, or one with everything.

    Raises:
        DataError: there is none of that name.
    """
    console = Console()
    known = shipped()
    if name is None:
        table = Table(box=None, header_style="bold")
        for heading in ("product", "what", "gate closes", "least bid", "steps", "source"):
            table.add_column(heading, overflow="fold")
        for one in (p for found in known.values() for p in found):
            least = f"{one.quantity_min_kw:g} kW"
            steps = f"{one.quantity_step_kw:g} kW, {one.price_step:g} {one.price_unit}"
            state = "" if one.verified else "not verified: "
            table.add_row(one.name, one.title, str(one.closes), least, steps, escape(state + one.source))
        console.print(table)
        return
    if name not in known:
        raise DataError(f"there is no product '{name}'; accepted: {near_miss(name, sorted(known))}")
    for one in known[name]:
        for field, value in one.model_dump().items():
            if value not in (None, "", ()):
                console.print(f"{field}: {value}", markup=False, highlight=False, soft_wrap=True)
        if at is not None:
            found = next_gate(one, moment_of("--at", at, one.time_zone))
            state = "open" if found.open_now else f"opens {found.opens:%Y-%m-%d %H:%M}"
            console.print(f"next gate: for {found.day} closes {found.closes:%Y-%m-%d %H:%M}, {state}", highlight=False)


def _require_planned(product: Product, held_otherwise: bool) -> None:
    """Refuse what no plan carries out, unless who asks says that something else does.

    Raises:
        DataError: it is capacity.
    """
    if product.not_planned and not held_otherwise:
        accepted = "a product of energy or response, or --held-otherwise where your own control keeps it ready"
        raise DataError(f"{product.name} {product.not_planned}; accepted: {accepted}")


def run_bid(asked: Request) -> None:
    """Make, check, print and write the bids.

    Raises:
        ParkwattError: what was given does not fit; the message says what would.
    """
    day = date_of("--day", asked.day)
    product = product_of(asked.product, day, asked.products)
    _require_planned(product, asked.held_otherwise)
    made, sites = _curves(asked, product, day)
    at = moment_of("--at", asked.at, product.time_zone) if asked.at else product.opens.on(day, product.time_zone)
    into = asked.into or Path("bids") / f"{product.name}-{day}"
    console, rows = Console(), []
    for one in made:
        bid = bids.bid_of(one, product, day, asked.portfolio)
        if not bid.periods:
            least = f"{product.quantity_min_kw:g} kW"
            console.print(f"{one.side}: nothing to bid: in no period {sites} sites have {least} all along")
            continue
        bids.require(bid, product, at)
        into.mkdir(parents=True, exist_ok=True)
        text = bid.model_dump_json(indent=1, exclude_none=True) + "\n"
        (into / f"bid-{one.side}.json").write_text(text, encoding="utf-8")
        rows += list(_rows(bid))
        _say(console, product, bid, one)
    if rows:
        write_csv(into / "bid.csv", rows)
        closes = local(gates(product, day).closes.min(), product.time_zone)
        console.print(f"The first gate closes {closes:%Y-%m-%d %H:%M} ({product.time_zone}).", highlight=False)
        console.print(f"Written: {into}", markup=False, highlight=False, soft_wrap=True)
    if not product.verified:
        console.print(f"[yellow]not verified[/]: {escape(product.note or product.source)}", highlight=False)


def _curves(asked: Request, product: Product, day: date) -> tuple[list[Curve], int]:
    """The curves to bid, and of how many sites: around a plan where one is given."""
    zone = asked.time_zone or product.time_zone
    sides = sides_of(product, asked.side)
    names, steps, offers = read_flexibility(asked.flexibility, zone, periods(product, day))
    made = Offered(names, steps, offers, _bands(asked.flexibility, zone, names, steps))
    planned = None
    if asked.plan is not None:
        file, column = file_and_column("--plan", asked.plan)
        planned = read_series(file, zone, column, steps.edges[:-1], steps.edges[1:])
    return made.curves(product, day, sides, asked.holding, planned), len(offers)


def _bands(path: Path, zone: str, names: Sequence[str], steps: Horizon) -> tuple[EnergyBand, ...] | None:
    """The energy that sites have, where the bands of 'fleet flexibility' lie beside their blocks."""
    beside = path.with_name("envelope.parquet")
    if not beside.is_file():
        text = (
            f"no {beside.name} beside {path.name}: what a store cannot keep up all along a period is bid all the same"
        )
        Console(stderr=True).print(text, markup=False, highlight=False, soft_wrap=True)
        return None
    return read_bands(beside, zone, names, steps)


def _rows(bid: bids.Bid) -> Iterator[dict[str, Any]]:
    for period in bid.periods:
        for number, step in enumerate(period.steps):
            yield {
                "side": bid.side,
                "start": period.start.isoformat(),
                "step": number + 1,
                "quantity_kw": step.quantity_kw,
                "price": step.price,
                "energy_price_per_kwh": "" if step.energy_price_per_kwh is None else step.energy_price_per_kwh,
            }


def _say(console: Console, product: Product, bid: bids.Bid, made: Curve) -> None:
    kw = [period.quantity_kw for period in bid.periods]
    prices = [step.price for period in bid.periods for step in period.steps]
    console.print(
        f"{bid.side}: {len(bid.periods)} of {made.periods.steps} periods, {min(kw):,.0f} to {max(kw):,.0f} kW, "
        f"{min(prices):,.2f} to {max(prices):,.2f} {product.price_unit}; "
        f"{float(made.left_out_kw.mean()):,.0f} kW a period are not offered (rounding, least bid, limits)",
        highlight=False,
        soft_wrap=True,
    )


def run_award(
    awarded: Path,
    bid_file: Path,
    flexibility: Path,
    stores: Path | None,
    products: Path | None,
    into: Path | None,
    time_zone: str | None,
    held_otherwise: bool = False,
) -> None:
    """Check an award and write the sites' set-points.

    Raises:
        ParkwattError: the award is not one of the bid, or the sites cannot give it.
    """
    bid = read_bid(bid_file)
    product = product_of(bid.product, bid.day, products)
    _require_planned(product, held_otherwise)
    zone = time_zone or product.time_zone
    award = read_award(awarded, bid, zone)
    awards.require(award, bid, product)
    sites, steps, offers = read_flexibility(flexibility, zone, periods(product, award.day))
    console = Console()
    if stores is None:
        shares = awards.shares(award, product, steps, offers)
        told = "Blocks hold for a step alone: give --stores where sites are short of energy."
    else:
        devices = read_stores(stores, sites, steps)
        shared = disaggregate(award, product, steps, devices)
        shares, told = shared.given_kw, "Every site can do its part: its limits of power and energy are kept."
        told += _first_to_fill(devices, shared, sign=-1.0 if award.side == "up" else 1.0)
        if not shared.feasible:
            missed = float(shared.missed_kwh.sum())
            raise DataError(f"{stores}: {missed:,.1f} kWh of the award cannot be given: {'; '.join(shared.reasons)}")
    folder = into or Path("awards") / f"{product.name}-{award.day}-{award.side}"
    folder.mkdir(parents=True, exist_ok=True)
    text = award.model_dump_json(indent=1, exclude_none=True) + "\n"
    (folder / "award.json").write_text(text, encoding="utf-8")
    write_setpoints(folder, sites, steps, shares)
    _say_award(console, product, award, (steps, shares))
    if product.not_planned:
        told = "Parts of what is to be kept ready; nothing is given of it before it is called."
    console.print(told, highlight=False)
    console.print(f"Written: {folder}", markup=False, highlight=False, soft_wrap=True)


def _first_to_fill(devices: Devices, shared: Disaggregated, sign: float) -> str:
    """Sites whose stores cannot give their part from what they hold: what set-points of the award alone do not say."""
    moved_kwh = np.cumsum(sign * shared.given_kw * devices.hours, axis=1)
    lacks = np.maximum(devices.least_kwh - moved_kwh, moved_kwh - devices.most_kwh)
    lacks = np.where(shared.given_kw > 0, lacks, 0.0).max(axis=1)
    if not (named := [name for name, kwh in zip(shared.names, lacks, strict=True) if kwh > _LEAST_KWH]):
        return ""
    way = "charged" if sign < 0 else "discharged"
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    kwh = float(lacks[lacks > _LEAST_KWH].sum())
    return (
        f" Beforehand {', '.join(named[:_NAMED])}{more} must be {way}, by {kwh:,.0f} kWh in all at least, which the "
        "set-points do not hold."
    )


def _say_award(console: Console, product: Product, award: Award, made: tuple[Horizon, Array]) -> None:
    steps, shares = made
    asked = awards.profile(award, product, steps)
    off_kw = float(np.abs(shares.sum(axis=0) - asked).max(initial=0.0))
    taken = int((award.quantity_kw(product) > 0).sum())
    console.print(
        f"{product.name} {award.side} on {award.day}: {taken} of {periods(product, award.day).steps} periods awarded, "
        f"{float(asked @ steps.hours):,.0f} kWh from {int((shares.sum(axis=1) > 0).sum())} of {len(shares)} sites; "
        f"set-points add up to the award within {off_kw:.1e} kW",
        highlight=False,
        soft_wrap=True,
    )


def write_setpoints(folder: Path, sites: Sequence[str], steps: Horizon, kw: Array) -> None:
    """setpoints.parquet and setpoints.csv: a row per site and step."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    count = steps.steps
    table = pa.table(
        {
            "site": np.repeat(list(sites), count),
            "start": pa.array(np.tile(steps.edges[:-1], len(sites)), pa.timestamp("s", "UTC")),
            "kw": np.round(kw, 6).ravel(),
        }
    )
    pq.write_table(table, folder / "setpoints.parquet", compression="zstd")
    write_table_csv(folder / "setpoints.csv", table)


def write_table_csv(path: Path, table: Any) -> None:
    """An Arrow table as CSV; times in ISO 8601, UTC."""
    rows = table.to_pylist()
    names = table.column_names
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([_cell(row[name]) for name in names] for row in rows)


def _cell(value: Any) -> Any:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else value


def write_csv(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Rows that all have the same keys."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
