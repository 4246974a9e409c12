"""The terminal's view of a plan."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dispatch.assets.grid_connection import GridConnection
from dispatch.assets.load import Load
from dispatch.assets.thermal import Thermal
from dispatch.presentation.findings import findings
from dispatch.presentation.page import report_data
from dispatch.stores.stock import Storage
from dispatch.units.conversion import Conversion
from dispatch.units.fired import Fired
from dispatch.units.generation import VariableGeneration

if TYPE_CHECKING:
    from dispatch.plan import Plan
    from dispatch.report.data import ReportData
    from dispatch.schedule import Solved
    from dispatch.signals import Array

_OLD_DATA_H = 48
_COLOUR = {"violation": "red", "warning": "yellow", "info": "dim"}


def show(plan: Plan, console: Console, data: ReportData | None = None) -> None:
    """Headline, the day by the hour, the comparison, what to know.

    Args:
        data: what the report shows, where that is already made.
    """
    data = data or report_data(plan)
    console.print(f"\n[bold]{escape(data.site)}[/bold], {data.day} ({data.time_zone})")
    for line in _headline(plan):
        console.print(f"  {line}", highlight=False)
    console.print(_day(plan))
    console.print(_comparison(plan))
    for text, result, kept in data.wishes:
        mark = "[green]✓[/]" if kept else "[yellow]✗[/]"
        console.print(f"  {mark} {escape(text)}: {escape(result)}", highlight=False)
    for finding in findings(plan):
        if finding.severity != "info":
            label = f"[{_COLOUR[finding.severity]}]{finding.severity}[/]"
            console.print(f"  {label}: {escape(finding.text)}", highlight=False)
    age_h = plan.outlook.data_age_h
    if age_h is not None and age_h > _OLD_DATA_H:
        label = f"[{_COLOUR['warning']}]warning[/]"
        console.print(f"  {label}: the newest measurement was {age_h / 24:.0f} days old when this was forecast")
    for note in (*plan.notes, *(plan.outlook.forecast.notes if plan.outlook.forecast else ())):
        console.print(f"  [dim]note[/]: {escape(note)}", highlight=False)


def _headline(plan: Plan) -> Iterator[str]:
    proof = plan.schedule.proof
    money, carbon_t = plan.schedule.money[0], plan.schedule.co2_kg[0] / 1000
    issued = plan.issue_time.astimezone(plan.horizon.local_start[0].tzinfo)
    known = f"from what was known on {issued:%d %b at %H:%M}"
    yield f"central path: {money:,.0f} {plan.site.currency}, {carbon_t:,.1f} t CO2, {known}"
    audit = "passed" if plan.audit.passed else f"{len(plan.audit.violations)} violations"
    gap = f" (at most {max(proof.gap, 0):.2%} above the best possible)" if np.isfinite(proof.gap) else ""
    yield f"schedule: {proof.quality}{gap}; audit {audit} ({plan.audit.checked:,} numbers checked)"
    if plan.grid is None:
        yield "network: not checked"
    else:
        grid = plan.grid
        counts = f"{grid.before} violations before, {len(grid.breaches)} after"
        yield f"network: {counts}, in {plan.horizon.steps} AC power flows"


def _columns(plan: Plan) -> Iterator[tuple[str, Array]]:
    """Heading and (step,) values of the published path, summed over assets of one role."""
    steps = plan.horizon.steps

    def total(base: type, series: str, electric: bool = False) -> Array:
        out = np.zeros(steps)
        for solved in plan.schedule.kinds.values():
            if isinstance(solved.rows.members[0], base):
                for row in range(len(solved.rows.members)):
                    out += _mine(plan, solved, series, row, electric)
        return out

    yield "wind+PV", total(VariableGeneration, "power_kw")
    yield "units", total(Thermal, "power_kw") + total(Fired, "power_kw")
    yield "load", total(Load, "served_kw", electric=True)
    yield "converted", total(Conversion, "power_kw")
    yield "charge", total(Storage, "charge_kw", electric=True)
    yield "discharge", total(Storage, "discharge_kw", electric=True)
    yield "stored\n\\[kWh]", total(Storage, "stored_kwh", electric=True)
    yield "import", total(GridConnection, "import_kw")
    yield "export", total(GridConnection, "export_kw")


def _mine(plan: Plan, solved: Solved, series: str, row: int, electric: bool) -> Array:
    carriers = dict(zip(plan.site.bus_names, plan.site.bus_carriers, strict=True))
    if electric and carriers[solved.rows.members[row].bus] != "electricity":
        return np.zeros(plan.horizon.steps)
    found = solved.series.get(series)  # what is not driven by electricity has no power
    return np.zeros(plan.horizon.steps) if found is None else np.asarray(found[row])


def _day(plan: Plan) -> Table:
    """Hourly means; columns that are zero all day are left out."""
    columns = [(name, values) for name, values in _columns(plan) if float(np.abs(values).max()) > 0.5]
    table = Table(box=None, header_style="bold", title="\nhourly means \\[kW]")
    for heading in ("hour", *(name for name, _ in columns)):
        table.add_column(heading, justify="right")
    labels = _hour_labels(plan.horizon.local_start)
    for label in dict.fromkeys(labels):
        at = np.array([other == label for other in labels])
        table.add_row(label, *(_cell(name, values[at], plan.horizon.hours[at]) for name, values in columns))
    return table


def _hour_labels(starts: tuple[datetime, ...]) -> list[str]:
    """The local hour of each step; its zone beside it where the clock passes it twice, its date if several."""
    offsets: dict[tuple[date, int], set[timedelta | None]] = {}
    for t in starts:
        offsets.setdefault((t.date(), t.hour), set()).add(t.utcoffset())
    one_day = starts[0].date() == starts[-1].date()
    return [
        f"{'' if one_day else f'{t:%d %b }'}{t:%H}{f'{t: %Z}' if len(offsets[t.date(), t.hour]) > 1 else ''}"
        for t in starts
    ]


def _cell(name: str, values: Array, hours: Array) -> str:
    value = values[-1] if "kWh" in name else float(np.average(values, weights=hours))
    return f"{value:,.0f}" if abs(value) >= 0.5 else "·"


def _comparison(plan: Plan) -> Table:
    """Two groups of rows: what is expected, and what it would have come to where the day is known."""
    table = Table(box=None, header_style="bold", title="\nbeside its baselines")
    units = (
        f"cost\n\\[{plan.site.currency}]",
        "CO2\n\\[t]",
        "clean\nshare",
        "peak import\n\\[kW]",
        "curtailed\n\\[kWh]",
    )
    table.add_column("settled on")
    table.add_column("")
    for heading in units:
        table.add_column(heading, justify="right")
    before = ""
    for o in plan.outcomes:
        basis = o.basis.split(";")[0].split(",")[0]
        figures = (f"{o.cost:,.0f}", f"{o.co2_kg / 1000:,.2f}", f"{o.clean_share:.1%}", f"{o.peak_import_kw:,.0f}")
        table.add_row(basis if basis != before else "", o.name, *figures, f"{o.curtailed_kwh:,.0f}")
        before = basis
    return table
