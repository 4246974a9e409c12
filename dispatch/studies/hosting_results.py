"""A hosting study as files: a row per kind and bus in Parquet, a summary in JSON, a page to look at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.presentation.network_pictures import capacities_on, loading_durations
from dispatch.report.data import Table
from dispatch.report.drawings import Stack, bars
from dispatch.report.study import Section, StudyPage, render_study
from dispatch.studies.hosting import OWN, Hosting, OfKind
from dispatch.tables import write

if TYPE_CHECKING:
    import pyarrow as pa

    from grid_models.hosting import Capacity

NAMES = {"wind": "wind power", "pv": "photovoltaics", "ev": "vehicle charging", "storage": "storage"}
_COLOURS = {"wind": "#297fcc", "pv": "#d9a514", "ev": "#b9609c", "storage": "#2aa98b"}
_SHOWN = 12
_ALL = "all together"


def table(done: Hosting) -> pa.Table:
    """One row per kind and bus, and one for all buses together: rating, and what binds it where and when."""
    import pyarrow as pa

    rows = [
        _row(done, kind, bus, one) for kind in done.kinds for bus, one in (*_each(done, kind), (_ALL, kind.together))
    ]
    fields = [pa.field(name, pa.string()) for name in ("kind", "bus", "binding", "binding_kind")]
    fields += [pa.field("rating_kw", pa.float64(), metadata={"unit": "kW"})]
    fields += [pa.field(name, pa.float64(), metadata={"unit": "p.u."}) for name in ("limit_pu", "reached_pu")]
    fields += [pa.field("binding_start", pa.string())]
    return pa.Table.from_pylist(rows, schema=pa.schema(fields))


def _each(done: Hosting, kind: OfKind) -> Iterator[tuple[str, Capacity]]:
    yield from zip(done.buses, kind.each, strict=True)


def _row(done: Hosting, kind: OfKind, bus: str, one: Capacity) -> dict[str, Any]:
    known = one.binding
    solved = known is not None and known.kind != "no_solution"
    return {
        "kind": kind.kind,
        "bus": bus,
        "rating_kw": round(one.rating_kw, 3),
        "binding": None if known is None else known.element,
        "binding_kind": None if known is None else known.kind,
        "limit_pu": round(known.limit, 6) if known is not None and solved else None,
        "reached_pu": round(known.value, 6) if known is not None and solved else None,
        "binding_start": None if known is None else done.around.start[known.step].isoformat(),
    }


def summary(done: Hosting) -> dict[str, Any]:
    """What was asked and found, as plain values."""
    span = done.case.span
    return {
        "site": done.case.site.name,
        "network": done.network.name,
        "first": span.local_start[0].isoformat(),
        "end": span.local_end[-1].isoformat(),
        "days": done.days.told(),
        "steps": done.around.steps,
        "own": OWN[done.own_is],
        "buses": len(done.buses),
        "most_kw": done.most_kw,
        "without_addition": {
            "lowest_pu": round(float(np.nanmin(done.flows.vm_pu)), 6),
            "highest_pu": round(float(np.nanmax(done.flows.vm_pu)), 6),
            "highest_loading_pu": round(float(np.nanmax(done.flows.branch_loading_pu)), 6),
        },
        "kinds": {
            kind.kind: {
                "profile": kind.profile,
                "each": [_row(done, kind, bus, one) for bus, one in _each(done, kind)],
                "together": _row(done, kind, _ALL, kind.together)
                | {
                    "by_bus_kw": dict(
                        zip(done.buses, np.round(kind.together.rating_kw * kind.shares, 1).tolist(), strict=True)
                    )
                },
            }
            for kind in done.kinds
        },
    }


def rows_of(done: Hosting, kind: OfKind) -> list[tuple[str, str, str, str]]:
    """For tables a person reads: bus, MW, what binds, when; all together first, then from the most to the least."""
    order = sorted(_each(done, kind), key=lambda pair: -pair[1].rating_kw)
    return [_told(done, bus, one) for bus, one in ((_ALL, kind.together), *order)]


def _told(done: Hosting, bus: str, one: Capacity) -> tuple[str, str, str, str]:
    rating = f"{one.rating_kw / 1000:,.2f}"
    if one.binding is None:
        return bus, f"≥ {rating}", "nothing up to there", ""
    what = one.binding.kind.replace("_", " ")
    if one.binding.kind != "no_solution":
        what = f"{one.binding.element}: {what}, limit {one.binding.limit:.3f}"
    return bus, rating, what, done.when(one.binding)


def page(done: Hosting) -> str:
    """Figures, a map for each kind, tables of where and why."""
    site, span = done.case.site, done.case.span
    figures = tuple(
        (
            NAMES[kind.kind].capitalize(),
            f"{kind.together.rating_kw / 1000:,.1f}",
            "MW",
            "at all buses together, in proportion",
        )
        for kind in done.kinds
    )
    first = Section("The network without any addition", plots=(loading_durations(done.flows, done.around.step_h),))
    return render_study(
        StudyPage(
            title="parkwatt: hosting capacity",
            site=site.title or site.name,
            span=f"{span.local_start[0]:%Y-%m-%d} to {span.local_start[-1]:%Y-%m-%d}",
            settings=(done.network.name, f"{done.days.told()}, {done.around.steps} steps", f"{len(done.buses)} buses"),
            figures=figures,
            sections=(*(_section(done, kind) for kind in done.kinds), first),
            notes=tuple(_notes(done)),
        )
    )


def _section(done: Hosting, kind: OfKind) -> Section:
    assert done.case.site.grid is not None
    each = dict(_each(done, kind))
    ratings = {bus: one.rating_kw for bus, one in each.items()}
    about = f"Largest rating of {NAMES[kind.kind]} at each bus alone [MW]; {kind.profile}."
    drawing = capacities_on(
        done.network,
        done.flows,
        ratings,
        list(done.case.site.grid.bus_of.values()),
        f"Where {NAMES[kind.kind]} fits",
        about,
    )
    order = sorted(ratings, key=lambda bus: -ratings[bus])
    values = tuple(ratings[bus] / 1000 for bus in order)
    spread = bars(
        "From the bus that takes most to the one that takes least",
        f"{len(order)} buses, each alone.",
        ("", "MW"),
        [str(place + 1) for place in range(len(order))],
        (Stack(NAMES[kind.kind], _COLOURS[kind.kind], values),),
    )
    rows = rows_of(done, kind)
    shown = rows if len(rows) <= 2 * _SHOWN else [*rows[: _SHOWN + 1], *rows[-_SHOWN:]]
    head = ("Bus", "Rating [MW]", "What binds", "When")
    return Section(NAMES[kind.kind].capitalize(), (drawing,), (spread,), (Table(head, tuple(shown)),))


def _notes(done: Hosting) -> Iterator[str]:
    yield (
        "Every rating was checked by AC power flow in every step of the days looked at; a rating at one bus is what "
        "it takes while nothing is added elsewhere. 'All together' adds at all buses in proportion to what each takes "
        "alone."
    )
    yield f"Days looked at: {done.days.told()}. Other days may be worse, where not all are."
    yield f"Around it stand the other customers at their profiles and {OWN[done.own_is]}, on what was measured."
    yield "The addition runs at unity power factor; all voltage and loading limits hold in every step looked at."
    yield from (*done.case.site.notes, *done.network.notes)


def write_all(done: Hosting, folder: Path) -> None:
    """hosting.parquet, hosting.json and hosting.html; the same study gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    write(table(done), folder / "hosting.parquet")
    text = json.dumps(summary(done), indent=1, ensure_ascii=False)
    (folder / "hosting.json").write_text(text + "\n", encoding="utf-8")
    (folder / "hosting.html").write_text(page(done), encoding="utf-8")
