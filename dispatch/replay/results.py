"""A replay as files: every step and every day in Parquet, a summary in JSON, a page to look at.

The same replay gives the same bytes, whoever ran it and however often it was stopped; times are kept apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.replay.ledger import Day, Ledger
from dispatch.replay.run import Replayed
from dispatch.report.wording import unsigned
from dispatch.signals import unit_of
from dispatch.tables import is_shown

if TYPE_CHECKING:
    import pyarrow as pa

NAMES = {
    "rule_based": "rules of the park",
    "day_ahead": "day-ahead only",
    "rolling": "rolling",
    "rolling_kept": "rolling, plan kept",
    "rolling_scenarios": "rolling with scenarios",
    "perfect": "perfect foresight",
    "day_ahead_scenarios": "day-ahead with scenarios",
}
_ROUNDED = 6


@dataclass(frozen=True)
class Line:
    """A method's figures over the span, as they stand side by side.

    Attributes:
        regret: objective above that of perfect foresight; None without it.
        unproved: violations of the audit and jumps at seams; a line that has any is no measure.
    """

    method: str
    objective: float
    cost: float
    bill: float
    co2_kg: float
    penalty: float
    clean_share: float
    peak_import_kw: float
    curtailed_kwh: float
    shed_kwh: float
    cycles: float
    plans: int
    changes: int
    kept: int
    regret: float | None
    unproved: int


def lines(done: Replayed) -> list[Line]:
    """All methods, in order."""
    perfect = done.ledgers.get("perfect")
    least = None if perfect is None else _sum(perfect, "objective")
    return [_line(done, method, of, least) for method, of in done.ledgers.items()]


def _line(done: Replayed, method: str, of: Ledger, least: float | None) -> Line:
    piece, hours = done.ran[method].piece, done.case.span.hours
    unclean, supply = (
        sum(float(v.sum(axis=0) @ hours) for k, v in piece.arrays.items() if k.endswith(f"/{name}/"))
        for name in ("unclean_kw", "supply_kw")
    )
    money = {name: _sum(of, name) for name in ("objective", "cost", "bill", "penalty")}
    amounts = {name: _sum(of, name) for name in ("co2_kg", "curtailed_kwh", "shed_kwh", "cycles")}
    return Line(
        method=method,
        **money,
        **amounts,
        clean_share=1 - unclean / supply if supply > 0 else float("nan"),
        peak_import_kw=max(day.peak_import_kw for day in of.days),
        plans=int(_sum(of, "plans")),
        changes=int(_sum(of, "changes")),
        kept=int(_sum(of, "kept")),
        regret=None if least is None else money["objective"] - least,
        unproved=len(of.violations) + len(of.jumps),
    )


def _sum(of: Ledger, name: str) -> float:
    return float(sum(getattr(day, name) for day in of.days))


def steps_table(done: Replayed) -> pa.Table:
    """One row per method and step: start (UTC) and every asset's executed series, with units."""
    import pyarrow as pa

    span = done.case.span
    starts = np.tile(span.edges[:-1].astype("datetime64[s]"), len(done.ran))
    columns: dict[str, Any] = {
        "method": (pa.array(np.repeat(list(done.ran), span.steps).tolist()), ""),
        "start": (pa.array(starts, pa.timestamp("s", tz="UTC")), "UTC"),
        "step_h": (pa.array(np.tile(span.hours, len(done.ran))), "h"),
    }
    members = {kind: rows.members for kind, rows in done.case.site.rows(1).items()}
    first = next(iter(done.ran.values())).piece
    for key in first.arrays:
        kind, field, name = key.split("/")
        if field != "series" or not is_shown(name):
            continue
        for row, member in enumerate(members[kind]):
            values = np.concatenate([ran.piece.arrays[key][row] for ran in done.ran.values()])
            columns[f"{member.name}.{name}"] = (pa.array(values), unit_of(name) or "1")
    named = [pa.field(name, array.type, metadata={"unit": unit}) for name, (array, unit) in columns.items()]
    return pa.Table.from_arrays([array for array, _ in columns.values()], schema=pa.schema(named))


def days_table(done: Replayed) -> pa.Table:
    """One row per method and local day: all figures of a day, and the regret of the day."""
    import pyarrow as pa

    perfect = done.ledgers.get("perfect")
    rows = []
    for method, of in done.ledgers.items():
        for number, day in enumerate(of.days):
            row = {"method": method} | {f.name: getattr(day, f.name) for f in fields(Day)} | {"cost": day.cost}
            best = None if perfect is None else perfect.days[number].objective
            rows.append(row | {"regret": None if best is None else day.objective - best})
    return pa.Table.from_pylist(rows)


def summary(done: Replayed) -> dict[str, Any]:
    """Settings, figures of each method, what the audit found."""
    span, settings = done.case.span, done.case.settings
    return {
        "site": done.case.site.name,
        "currency": done.case.site.currency,
        "first": span.local_start[0].isoformat(),
        "end": span.local_end[-1].isoformat(),
        "steps": span.steps,
        "settings": {f.name: getattr(settings, f.name) for f in fields(settings)},
        "rolling": done.case.site.planning.rolling.model_dump(),
        "perfect_foresight_is": foresight(done),
        "methods": {line.method: _told(line, done.ledgers[line.method]) for line in lines(done)},
    }


def _told(line: Line, of: Ledger) -> dict[str, Any]:
    figures = {f.name: getattr(line, f.name) for f in fields(Line) if f.name != "method"}
    found = {
        "seams": of.seams,
        "jumps": list(of.jumps[:10]),
        "violations": list(of.violations[:10]),
        "rungs": dict(of.rungs),
    }
    return {k: round(v, _ROUNDED) if isinstance(v, float) else v for k, v in figures.items()} | found


def foresight(done: Replayed) -> str:
    """How perfect foresight was found."""
    if "perfect" not in done.ledgers:
        return "not run"
    if done.bound:
        return "one solve over the whole span: a bound, but for the solver's gap"
    ahead = done.case.settings.foresight_h
    return f"planned at every midnight with what comes in the next {ahead:g} h; no strict bound"


Cell = Callable[[Line], str]


def table(done: Replayed) -> tuple[list[str], list[list[str]]]:
    """Headings and cells of the table side by side, for terminal and page."""
    money = done.case.site.currency
    cells: dict[str, Cell] = {
        "": lambda x: NAMES[x.method],
        f"regret\n[{money}]": lambda x: "" if x.regret is None else f"{x.regret:,.0f}",
        f"cost\n[{money}]": lambda x: f"{x.cost:,.0f}",
        f"penalties\n[{money}]": lambda x: f"{x.penalty:,.0f}",
        "CO2\n[t]": lambda x: f"{x.co2_kg / 1000:,.1f}",
        "clean\nshare": lambda x: f"{x.clean_share:.1%}",
        "peak\n[kW]": lambda x: f"{x.peak_import_kw:,.0f}",
        "cycles": lambda x: f"{x.cycles:,.1f}",
        "plans": lambda x: f"{x.plans:,}",
        "changed": lambda x: f"{x.changes:,}",
        "audit": lambda x: "passed" if not x.unproved else f"{x.unproved} found",
    }
    return list(cells), [[unsigned(cell(line)) for cell in cells.values()] for line in lines(done)]


def span_text(done: Replayed) -> str:
    """The first and the last day of the span."""
    days = done.case.days
    return f"{days[0][0]} to {days[-1][0]}"


def found(done: Replayed, most: int = 10) -> tuple[tuple[str, str], ...]:
    """(method, what) of violations and of states that jump: of each method the first, and how many more there are."""
    out: list[tuple[str, str]] = []
    for method, of in done.ledgers.items():
        shown = (*of.jumps[:most], *of.violations[:most])
        left = len(of.jumps) + len(of.violations) - len(shown)
        out += [(NAMES[method], text) for text in (*shown, *([f"and {left:,} more"] if left else []))]
    return tuple(out)


def timings(done: Replayed) -> dict[str, dict[str, float]]:
    """Seconds per plan by method: median, 99th percentile, longest; how often a problem was compiled."""
    return {
        method: {
            "plans": len(ran.seconds),
            "p50_s": round(float(np.median(ran.seconds)), 4),
            "p99_s": round(float(np.quantile(ran.seconds, 0.99)), 4),
            "longest_s": round(max(ran.seconds), 4),
            "compiled": ran.compiled,
        }
        for method, ran in done.ran.items()
        if ran.seconds
    }
