"""The terminal's view of a plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from dispatch.asset import Asset
from dispatch.assets.ev_fleet import EvFleet
from dispatch.assets.grid_connection import GridConnection
from dispatch.assets.load import Load
from dispatch.assets.thermal import Thermal
from dispatch.presentation.findings import findings
from dispatch.presentation.page import report_data
from dispatch.report.wording import unsigned
from dispatch.stores.stock import Storage
from dispatch.units.conversion import Conversion
from dispatch.units.fired import Fired
from dispatch.units.generation import VariableGeneration

if TYPE_CHECKING:
    from dispatch.plan import Plan
    from dispatch.planning.comparison import Outcome
    from dispatch.report.data import ReportData
    from dispatch.schedule import Schedule
    from dispatch.signals import Array
    from dispatch.site import Site

_OLD_DATA_H = 48
_WIDEST = 300
_SHED_KWH = 0.5  # less is shown as nothing
_TOLD_MONEY = 0.5
_COLOUR = {"violation": "red", "warning": "yellow", "info": "dim"}


def whole(console: Console, table: Table) -> None:
    """The table with all of its figures: cut to a narrow console "37,8…" stands for a cost that nobody can read.

    Where it does not fit, lines are longer than the console is wide.
    """
    most = Measurement.get(console, console.options.update(max_width=_WIDEST), table).maximum
    if most > console.width:
        table.width = most
    console.print(table, highlight=False, soft_wrap=most > console.width)


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
    console.print(comparison(plan.outcomes, plan.site.currency))
    for line in contents_told(plan.outcomes, plan.site.currency):
        console.print(f"  [dim]{line}[/]", highlight=False)
    for text, result, kept in data.wishes:
        mark = "[green]✓[/]" if kept else "[yellow]✗[/]"
        console.print(f"  {mark} {escape(text)}: {escape(result)}", highlight=False)
    for finding in findings(plan):
        if finding.severity != "info":
            label = f"[{_COLOUR[finding.severity]}]{finding.severity}[/]"
            console.print(f"  {label}: {escape(finding.text)}", highlight=False)
    for name, age_h in plan.outlook.data_ages_h.items():
        if age_h > _OLD_DATA_H:
            old = f"the newest measurement of {name} was {age_h / 24:.0f} days old when this was forecast"
            console.print(f"  [{_COLOUR['warning']}]warning[/]: {escape(old)}", highlight=False)
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


_ROLES: tuple[tuple[str, tuple[type, ...], float], ...] = (
    ("wind+PV", (VariableGeneration,), 1.0),
    ("units", (Thermal, Fired), 1.0),
    ("load", (Load,), -1.0),
    ("vehicles", (EvFleet,), -1.0),
    ("converted", (Conversion,), -1.0),
)


def columns(site: Site, schedule: Schedule) -> Iterator[tuple[str, Array, float]]:
    """Heading, (step,) values of the published path and their sign in the balance of all electric buses.

    Whatever stands at an electric bus is in one of them: what has no column of its own is in ``other``. So the values
    times their signs add up to zero; content, which is no power, has sign 0.
    """
    other = _into_buses(site, schedule, Asset)
    for name, roles, sign in _ROLES:
        power = _into_buses(site, schedule, roles)
        yield name, sign * power, sign
        other = other - power
    for name, base, series, sign in (
        ("charge", Storage, "charge_kw", -1.0),
        ("discharge", Storage, "discharge_kw", 1.0),
        ("stored\n\\[kWh]", Storage, "stored_kwh", 0.0),
        ("import", GridConnection, "import_kw", 1.0),
        ("export", GridConnection, "export_kw", -1.0),
    ):
        values = _series(site, schedule, base, series)
        yield name, values, sign
        other = other - sign * values
    yield "other\n(gives +)", other, 1.0


def _into_buses(site: Site, schedule: Schedule, base: type | tuple[type, ...]) -> Array:
    """(step,) power into electric buses of all members of some kinds, in scenario 0."""
    electric = np.array([carrier == "electricity" for carrier in site.bus_carriers])
    out = np.zeros(schedule.inputs.horizon.steps)
    for solved in (s for s in schedule.kinds.values() if isinstance(s.rows.members[0], base)):
        for port, power in solved.power_kw.items():
            members = len(solved.rows.members)
            at = np.asarray(solved.bus[port])[:members] % electric.size
            out = out + electric[at].astype(float) @ np.asarray(power)[:members]
    return out


def _series(site: Site, schedule: Schedule, base: type, series: str) -> Array:
    """(step,) sum over members of some kinds that stand at electric buses."""
    carriers = dict(zip(site.bus_names, site.bus_carriers, strict=True))
    out = np.zeros(schedule.inputs.horizon.steps)
    for solved in schedule.kinds.values():
        found = solved.series.get(series) if isinstance(solved.rows.members[0], base) else None
        for row, member in enumerate(solved.rows.members if found is not None else ()):
            if carriers[member.bus] == "electricity":
                out = out + np.asarray(found)[row]
    return out


def _day(plan: Plan) -> Table:
    """Hourly means; columns that are zero all day are left out."""
    every = columns(plan.site, plan.schedule)
    shown = [(name, values) for name, values, _ in every if float(np.abs(values).max()) > 0.5]
    table = Table(box=None, header_style="bold", title="\nhourly means \\[kW]")
    for heading in ("hour", *(name for name, _ in shown)):
        table.add_column(heading, justify="right")
    labels = _hour_labels(plan.horizon.local_start)
    for label in dict.fromkeys(labels):
        at = np.array([other == label for other in labels])
        table.add_row(label, *(_cell(name, values[at], plan.horizon.hours[at]) for name, values in shown))
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


def contents_told(outcomes: Sequence[Outcome], currency: str) -> Iterator[str]:
    """Why the plan's cost beside its baselines is not the money of its headline: what its stores are left with."""
    for plan in outcomes[:1]:
        used = plan.cost - plan.bill
        if abs(used) >= _TOLD_MONEY:
            less = f"{abs(used):,.0f} {currency} {'less' if used > 0 else 'more'}"
            yield f"cost counts what stores hold: the plan leaves {less} in them than it finds"


def comparison(outcomes: Sequence[Outcome], currency: str) -> Table:
    """Two groups of rows: what is expected, and what it would have come to where the day is known."""
    table = Table(box=None, header_style="bold", title="\nbeside its baselines")
    units = (
        f"cost\n\\[{currency}]",
        "CO2\n\\[t]",
        "clean\nshare",
        "peak import\n\\[kW]",
        "curtailed\n\\[kWh]",
    )
    table.add_column("settled on")
    table.add_column("")
    # Demand that is not served costs nothing on the bill: a plan is not better for it.
    sheds = any(o.shed_kwh >= _SHED_KWH for o in outcomes)
    for heading in (*units, *(["not served\n\\[kWh]"] if sheds else [])):
        table.add_column(heading, justify="right")
    before = ""
    for o in outcomes:
        basis = o.basis.split(";")[0].split(",")[0]
        told = (f"{o.cost:,.0f}", f"{o.co2_kg / 1000:,.2f}", f"{o.clean_share:.1%}", f"{o.peak_import_kw:,.0f}")
        figures = [unsigned(text) for text in (*told, f"{o.curtailed_kwh:,.0f}", f"{o.shed_kwh:,.0f}")]
        table.add_row(basis if basis != before else "", o.name, *figures[: len(figures) if sheds else -1])
        before = basis
    return table
