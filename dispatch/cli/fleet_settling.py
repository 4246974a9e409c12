"""``parkwatt fleet baseline | settle``: what is printed and written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.table import Table

from dispatch.cli.fleet_bidding import write_table_csv
from dispatch.cli.market_tables import (
    date_of,
    file_and_column,
    frame,
    moment_of,
    read_award,
    read_metered,
    read_series,
    read_setpoints,
    zone_of,
)
from dispatch.errors import DataError
from dispatch.markets import portfolio
from dispatch.markets.baselines.days import by_day, event_at
from dispatch.markets.baselines.estimate import Beside, baseline
from dispatch.markets.baselines.methods import Method, methods
from dispatch.markets.baselines.methods import method as method_of
from dispatch.markets.baselines.placebo import placebo
from dispatch.markets.catalogue import product as product_of
from dispatch.markets.statement import Statement, rule_of, unused

if TYPE_CHECKING:
    from dispatch.markets.baselines.days import Days, Event
    from dispatch.markets.portfolio import Metered, Settled
    from dispatch.markets.product import Product
    from dispatch.markets.split import Split
    from dispatch.signals import Array


@dataclass(frozen=True)
class Meters:
    """Where measured power stands, and what baselines need beside it."""

    file: Path
    time_zone: str
    holidays: tuple[str, ...]
    columns: tuple[str, ...]
    temperature: str | None
    control: Path | None

    def read(self, zone: str) -> Metered:
        """The meters on a clock."""
        zone_of(zone)
        return read_metered(self.file, zone, self.columns)

    def beside(self, metered: Metered) -> Beside:
        """Temperatures and a control group, where they are given."""
        steps, zone = metered.steps, metered.steps.time_zone
        warmth = None
        if self.temperature is not None:
            file, column = file_and_column("--temperature", self.temperature)
            series = read_series(file, zone, column, steps.edges[:-1], steps.edges[1:])
            warmth = by_day(series, steps).kw[0]
        group = None
        if self.control is not None:
            others = read_metered(self.control, zone)
            group = by_day(others.net_import_kw, others.steps)
        return Beside(warmth, group)

    def off(self) -> tuple[Any, ...]:
        """Days off beside weekends."""
        return tuple(date_of("--holiday", text) for text in self.holidays)


@dataclass(frozen=True)
class Settle:
    """What was typed; ``beside`` are imbalance, availability and activated capacity.

    Attributes:
        whole: refuse an award of which something is not known.
    """

    awards: tuple[Path, ...]
    meters: Meters
    baseline: str
    setpoints: tuple[Path, ...]
    beside: tuple[str | None, str | None, str | None]
    by: str
    products: Path | None
    into: Path | None
    whole: bool = True


def run_baseline(
    meters: Meters, names: tuple[str, ...], events: tuple[str, ...], hours: str | None, into: Path | None
) -> None:
    """Baselines of events, and how far methods are off.

    Raises:
        ParkwattError: something does not fit; the message says what would.
    """
    metered = meters.read(meters.time_zone)
    beside = meters.beside(metered)
    days = by_day(metered.net_import_kw, metered.steps, meters.off())
    allowed = [m for m in methods().values() if _can(m, beside)]
    chosen = [method_of(name) for name in names] if names else allowed
    console = Console()
    if events:
        _events(console, metered, days, chosen, events, beside, into)
    if hours is not None:
        _bias(console, days, chosen, hours, beside, into)


def _can(method: Method, beside: Beside) -> bool:
    lacks_weather = method.wants_temperature and beside.temperature_degc is None
    return not lacks_weather and not (method.wants_control and beside.control is None)


def _events(
    console: Console,
    metered: Metered,
    days: Days,
    chosen: list[Method],
    events: tuple[str, ...],
    beside: Beside,
    into: Path | None,
) -> None:
    import pyarrow as pa

    found = [_event(days, text) for text in events]
    days = days.with_events(event.day for event in found)
    rows = []
    for one in chosen:
        for event in found:
            made = baseline(one, days, event, beside)
            read = days.at(np.array([days.place(event.day)]), event.slots)[:, 0]
            rows += [
                {
                    "method": one.name,
                    "site": site,
                    "day": event.day.isoformat(),
                    "start_h": float(slot * days.slot_h),
                    "baseline_kw": float(made[s, k]),
                    "metered_kw": float(read[s, k]),
                }
                for s, site in enumerate(metered.sites)
                for k, slot in enumerate(event.slots)
            ]
            less = float((made - read).sum() * days.slot_h)
            console.print(f"{one.name}, {event.day}: {less:,.1f} kWh below the baseline", highlight=False)
    if into is not None:
        into.mkdir(parents=True, exist_ok=True)
        write_table_csv(into / "baseline.csv", pa.Table.from_pylist(rows))


def _event(days: Days, text: str) -> Event:
    ends = text.split()
    if len(ends) != 2:
        raise DataError(f"--event '{text}': write start and end, like '2026-01-15T17:00 2026-01-15T19:00'")
    start, end = (moment_of("--event", one, days.time_zone) for one in ends)
    return event_at(days, start, end)


def _bias(console: Console, days: Days, chosen: list[Method], hours: str, beside: Beside, into: Path | None) -> None:
    try:
        first, last = (float(part) for part in hours.split("-"))
    except ValueError:
        raise DataError(f"--hours '{hours}' are no hours of a day; write them like 17-19") from None
    found = placebo(days, chosen, (first, last), beside)
    title = f"placebo events {hours} h on {len(found.events)} days, {found.pairs} of days and meters"
    table = Table(box=None, header_style="bold", title=title)
    for number, heading in enumerate(("method", "bias", "MAE", "bias by hour of day [kW]", "not verified")):
        table.add_column(heading, justify="right" if 0 < number < 3 else "left")
    by_hour = found.bias_by_hour_kw()
    per_hour = np.floor(found.start_h).astype(int)
    for m, one in enumerate(chosen):
        told = "  ".join(f"{h}: {by_hour[m, per_hour == h].mean():+,.0f}" for h in np.unique(per_hour))
        mark = "" if one.verified else "yes"
        table.add_row(one.name, f"{found.bias()[m]:+.1%}", f"{found.mae()[m]:.1%}", told, mark)
    console.print(table)
    if into is not None:
        into.mkdir(parents=True, exist_ok=True)
        write_table_csv(into / "bias.csv", found.table())


def run_settle(asked: Settle) -> None:
    """Settle, split, print and write.

    Raises:
        ParkwattError: something is missing or does not fit; the message says what.
    """
    awards = [read_award(path) for path in asked.awards]
    product = product_of(awards[0].product, awards[0].day, asked.products)
    _require_meaning(product, asked.beside)
    metered = asked.meters.read(asked.meters.time_zone or product.time_zone)
    asks = portfolio.asked(product, awards)
    baseline_kw, told = _baseline(asked, metered, asks)
    setpoints = _setpoints(asked, metered)
    prices = _prices(asked, asks, metered.steps.time_zone)
    settled = portfolio.settle_awards(product, awards, metered, baseline_kw, setpoints, prices, whole=asked.whole)
    split = settled.split(rule_of(asked.by, "--by"))
    folder = asked.into or Path("settlements") / f"{product.name}-{awards[0].day}-{awards[0].side}"
    _write(folder, Statement(settled, split, told))
    _say(Console(), settled, split, folder)


def _require_meaning(product: Product, beside: tuple[str | None, str | None, str | None]) -> None:
    """No option that the product's rules have no use for."""
    useless = unused(product)
    for option, text in zip(("imbalance", "availability", "activated"), beside, strict=True):
        if text is not None and option in useless:
            raise DataError(f"--{option} {text}: {product.name} is not settled by it; leave it out")


def _baseline(asked: Settle, metered: Metered, asks: portfolio.Asked) -> tuple[Array, tuple[str, ...]]:
    file = Path(asked.baseline)
    if asked.baseline in methods() or not file.suffix:
        one = method_of(asked.baseline)
        beside = asked.meters.beside(metered)
        made = portfolio.baselines(one, metered, asks, asked.meters.off(), beside, whole=asked.whole)
        state = "" if one.verified else f" Not verified: {one.note}"
        return made, (f"Baseline {one.name}: {one.title}. {one.source}.{state}",)
    if {"method", "baseline_kw"} <= set(frame(file).columns):
        raise DataError(f"--baseline {file}: is what 'fleet baseline' says of events; accepted: the method's name")
    given = read_metered(file, metered.steps.time_zone, asked.meters.columns)
    if set(given.sites) != set(metered.sites):
        raise DataError(f"{file}: baselines of {', '.join(given.sites[:5])}; accepted: of all metered sites")
    if not np.array_equal(given.steps.edges, metered.steps.edges):
        raise DataError(f"{file}: the baselines' steps are not those of the meters; accepted: the same times")
    order = [given.sites.index(site) for site in metered.sites]
    return given.net_import_kw[order], (f"Baselines as given in {file.name}.",)


def _setpoints(asked: Settle, metered: Metered) -> Array | None:
    if not asked.setpoints:
        return None
    zone = metered.steps.time_zone
    parts = [read_setpoints(path, zone, metered.sites, metered.steps) for path in asked.setpoints]
    made = parts[0]
    for other in parts[1:]:
        made = np.where(np.isnan(made), other, made)
    return made


def _prices(asked: Settle, asks: portfolio.Asked, zone: str) -> portfolio.Prices:
    imbalance, availability, activated = asked.beside

    def series(option: str, text: str | None) -> Array | None:
        if text is None:
            return None
        file, column = file_and_column(option, text)
        return read_series(file, zone, column, asks.start, asks.end)

    surplus = shortage = None
    if imbalance is not None:
        file, columns = file_and_column("--imbalance", imbalance)
        names = columns.split(",")
        surplus = read_series(file, zone, names[0], asks.start, asks.end)
        shortage = read_series(file, zone, names[-1], asks.start, asks.end)
    return portfolio.Prices(surplus, shortage, series("--availability", availability), series("--activated", activated))


def _write(folder: Path, made: Statement) -> None:
    import pyarrow.parquet as pq

    tables, plain = made.tables(), made.plain()
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet", compression="zstd")
        write_table_csv(folder / f"{name}.csv", table)
    (folder / "settlement.json").write_text(json.dumps(plain, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "settlement.html").write_text(made.page(), encoding="utf-8")


def _say(console: Console, settled: Settled, split: Split, folder: Path) -> None:
    from dispatch.markets.invoice import kinds

    settlement = settled.settlement
    currency, hours = settlement.terms.product.currency, settlement.terms.hours
    found = settlement.checked
    what = f"{settlement.terms.product.name} {settlement.terms.side}"
    given, asked = float(found.delivered_kw @ hours), float(found.award_kw @ hours)
    whole = f"{found.whole.mean():.0%}"
    console.print(
        f"{what}: {round(given):,} of {round(asked):,} kWh delivered in {hours.size} periods, whole in {whole}",
        highlight=False,
    )
    for kind, cents in kinds(settlement):
        console.print(f"  {kind}: {cents / 100:,.2f} {currency}", highlight=False)
    total = f"{settlement.cents / 100:,.2f} {currency}"
    console.print(f"  in all: {total}, to {len(split.sites)} sites", highlight=False)
    for note in settled.notes:
        console.print(f"  note: {note}", highlight=False)
    console.print(f"Written: {folder}", markup=False, highlight=False, soft_wrap=True)
