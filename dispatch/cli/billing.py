"""``parkwatt bill``: tables and a file of what metered power costs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast, get_args

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dispatch.errors import DataError
from dispatch.measured.bills import Agreed, Bill, Metered, Unit, agreed, bill, compared, read_meter, zone_is_known


@dataclass(frozen=True)
class Request:
    """The options of the command; ``columns`` are those of :func:`dispatch.measured.bills.read_meter`."""

    config: str
    meter: Path
    against: tuple[str, ...]
    columns: dict[str, Any]
    stamp: str
    unit: str
    time_zone: str | None
    kva: float | None
    power_factor: float | None
    past_peaks_kw: tuple[float, ...]
    connection: str | None
    json: Path | None


def run(request: Request) -> None:
    """Read, bill, print, write.

    Raises:
        ParkwattError: a tariff, the meter's file or an option is wrong; the message says which.
    """
    _check(request)
    first = agreed(
        request.config, connection=request.connection, time_zone=request.time_zone, contracted_kva=request.kva
    )
    # What is compared is billed for the same place and connection: on the first one's clock and capacity.
    kva = request.kva if request.kva is not None else first.contracted_kva or None
    others = [agreed(name, time_zone=first.time_zone, contracted_kva=kva) for name in request.against]
    stamp, unit = cast("Any", request.stamp), cast("Unit", request.unit)
    metered = read_meter(request.meter, first.time_zone, stamp=stamp, unit=unit, **request.columns)
    known: dict[str, Any] = {"power_factor": request.power_factor, "past_peaks_kw": request.past_peaks_kw}
    bills = [bill(terms, metered, **known) for terms in (first, *others)]
    sums = compared(bills)
    console = Console()
    console.print(_detailed(bills[0]))
    if others:
        console.print(_beside(bills, sums))
    for note in metered.half_months():
        console.print(f"  [dim]note[/]: {escape(note)}", highlight=False)
    for note in _unverified((first, *others)):
        console.print(f"  [dim]note[/]: {escape(note)}", highlight=False)
    if request.json is not None:
        text = json.dumps(_told(request, metered, bills, sums), indent=2, ensure_ascii=False)
        request.json.write_text(text + "\n", encoding="utf-8")


def _check(request: Request) -> None:
    for option, value, valid in (
        ("--stamp", request.stamp, ("start", "end")),
        ("--unit", request.unit, get_args(Unit)),
    ):
        if value not in valid:
            raise DataError(f"{option} '{value}' is not known. Accepted: {', '.join(valid)}")
    if request.time_zone is not None and not zone_is_known(request.time_zone):
        raise DataError(f"--time-zone '{request.time_zone}' is not known. Accepted: an IANA name, like Europe/Berlin")


def _detailed(one: Bill) -> Table:
    table = Table(box=None, header_style="bold", title=escape(f"\n{one.name} [{one.currency}]"))
    for heading, justify in (("period", "left"), ("component", "left"), ("quantity", "right"), ("price", "right"),
                             ("money", "right")):  # fmt: skip
        table.add_column(heading, justify=cast("Any", justify))
    for period, parts in one.by_month().items():
        for component, money in parts.items():
            lines = [x for x in one.lines if x.component == component and x.period[:7] == period]
            quantity, unit = sum(line.quantity for line in lines), lines[0].unit
            price = f"{lines[0].price:,.4f}" if len(lines) == 1 else ""
            table.add_row(period, escape(component), f"{quantity:,.2f} {unit}", price, f"{money:,.2f}")
        table.add_row(period, "[bold]all[/]", "", "", f"[bold]{sum(parts.values()):,.2f}[/]", end_section=True)
    table.add_row("[bold]all[/]", "", "", "", f"[bold]{one.total:,.2f}[/]")
    return table


def _beside(bills: Sequence[Bill], sums: dict[str, list[float]]) -> Table:
    """A row for each month: all bills, and what each of the others costs more than the first."""
    table = Table(box=None, header_style="bold", title=escape(f"\ncompared [{bills[0].currency}]"))
    table.add_column("period")
    for number, one in enumerate(bills):
        table.add_column(escape(one.name), justify="right")
        if number:
            table.add_column("more", justify="right")
    whole = [one.total for one in bills]
    for period, money in [*sums.items(), ("all", whole)]:
        cells = [f"{money[0]:,.2f}"]
        for value in money[1:]:
            cells += [f"{value:,.2f}", f"{value - money[0]:+,.2f}"]
        table.add_row(period, *cells)
    return table


def _unverified(all_terms: Sequence[Agreed]) -> Iterator[str]:
    for terms in all_terms:
        if names := [component.name for component in terms.tariff.components if not component.verified]:
            yield f"{terms.tariff.name}: prices of {', '.join(names)} are not verified; put in those of your bill"


def _told(request: Request, metered: Metered, bills: Sequence[Bill], sums: dict[str, list[float]]) -> dict[str, Any]:
    horizon = metered.horizon
    return {
        "meter": str(request.meter),
        "from": horizon.local_start[0].isoformat(),
        "to": horizon.local_end[-1].isoformat(),
        "bills": [
            {
                "tariff": one.name,
                "currency": one.currency,
                "total": round(one.total, 6),
                "months": one.by_month(),
                "lines": [asdict(line) for line in one.lines],
            }
            for one in bills
        ],
        "compared": {period: {"money": money} for period, money in sums.items()},
        "notes": list(metered.half_months()),
    }
