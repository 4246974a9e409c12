"""An absorption study as files: every step and every month in Parquet, a summary in JSON, a page to look at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.report.data import Table
from dispatch.report.drawings import Curve, Stack, bars, curves, duration
from dispatch.report.study import Section, StudyPage, render_study
from dispatch.report.wording import MISSING, number, percent
from dispatch.studies.absorption import CAUSES, Absorption
from dispatch.studies.days import WORTH_PER_KWH
from dispatch.tables import write

if TYPE_CHECKING:
    import pyarrow as pa

NAMES = {"network": "network", "export_limit": "export limit", "balance": "balance"}
_COLOURS = {"network": "#ca4f32", "export_limit": "#d9a514", "balance": "#76828e"}
_SETTLED_KWH = 1e-6


def steps_table(done: Absorption) -> pa.Table:
    """One row per step looked at: start (UTC), length, and by plant what was available, curtailed, and by cause."""
    import pyarrow as pa

    edges = done.case.span.edges.astype("datetime64[s]")
    columns: dict[str, tuple[Any, str]] = {
        "start": (pa.array(edges[:-1][done.starts], pa.timestamp("s", tz="UTC")), "UTC"),
        "step_h": (pa.array(done.hours), "h"),
    }
    for asset in done.assets:
        columns[f"{asset}.available_kw"] = (pa.array(done.available_kw(asset)), "kW")
        columns[f"{asset}.curtailed_kw"] = (pa.array(done.ran["as_it_is"].curtailed_kw[asset]), "kW")
        for cause, values in done.lost_kw(asset).items():
            columns[f"{asset}.{cause}_kw"] = (pa.array(values), "kW")
    fields = [pa.field(name, array.type, metadata={"unit": unit}) for name, (array, unit) in columns.items()]
    return pa.Table.from_arrays([array for array, _ in columns.values()], schema=pa.schema(fields))


def months(done: Absorption) -> list[dict[str, Any]]:
    """By local month and plant, and for all plants: energies [kWh] and rates of the days looked at."""
    of = [done.case.span.month[k] for k in done.starts]
    rows = []
    for month in dict.fromkeys(of):
        where = np.array([m == month for m in of], float)
        for name, assets in _groups(done):
            rows.append({"month": f"{month[0]}-{month[1]:02d}", "plant": name} | _figures(done.sums(assets, where)))
    return rows


def _groups(done: Absorption) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield from ((asset, (asset,)) for asset in done.assets)
    if len(done.assets) > 1:
        yield "all", done.assets


def _figures(sums: dict[str, float]) -> dict[str, Any]:
    kwh = {f"{name}_kwh": round(value, 3) + 0.0 for name, value in sums.items()}
    share = sums["curtailed"] / sums["available"] if sums["available"] > _SETTLED_KWH else None
    rates = {"curtailed_share": share, "absorption_rate": None if share is None else 1 - share}
    return kwh | {name: None if value is None else round(value, 6) for name, value in rates.items()}


def full_load_hours(done: Absorption, asset: str) -> tuple[float, float]:
    """(possible, used) hours at rating in the span; from the days looked at, scaled to all of them."""
    rating = next(n.capacity_kw for a in done.case.site.assets for n in a.needs if a.name == asset)
    scale = done.days.of / len(done.days.days) / rating
    available = float(done.available_kw(asset) @ done.hours)
    curtailed = float(done.ran["as_it_is"].curtailed_kw[asset] @ done.hours)
    return available * scale, (available - curtailed) * scale


def summary(done: Absorption) -> dict[str, Any]:
    """What was asked and found, as plain values."""
    span = done.case.span
    return {
        "site": done.case.site.name,
        "first": span.local_start[0].isoformat(),
        "end": span.local_end[-1].isoformat(),
        "days": done.days.told(),
        "steps": int(done.starts.size),
        "energies_are": "of the days looked at; full-load hours are scaled to the whole span",
        "plants": {name: _figures(done.sums(assets)) | _hours(done, assets) for name, assets in _groups(done)},
        "months": months(done),
        "network_not_held": dict(done.ran["as_it_is"].unheld),
        "days_without_an_optimised_plan": {v: dict(ran.fallen) for v, ran in done.ran.items() if ran.fallen},
    }


def _hours(done: Absorption, assets: tuple[str, ...]) -> dict[str, float]:
    if len(assets) > 1:
        return {}
    possible, used = full_load_hours(done, assets[0])
    return {"full_load_hours_possible": round(possible, 3), "full_load_hours": round(used, 3)}


def rows_of(done: Absorption) -> list[tuple[str, ...]]:
    """For tables a person reads: a row for each plant and one for all."""
    rows = []
    for name, assets in _groups(done):
        sums = done.sums(assets)
        energies = (number(sums[key] / 1000, 1) for key in ("available", "curtailed", *CAUSES))
        share = sums["curtailed"] / sums["available"] if sums["available"] > _SETTLED_KWH else None
        rates = (percent(share, 2), percent(None if share is None else 1 - share, 2))
        used = number(full_load_hours(done, assets[0])[1]) if len(assets) == 1 else MISSING
        rows.append((name, *energies, *rates, used))
    return rows


HEADS = ("Plant", "Available [MWh]", "Curtailed [MWh]", "of it network", "export limit", "balance", "Curtailed share",
         "Absorption rate", "Full-load hours")  # fmt: skip


def page(done: Absorption) -> str:
    """Key figures, months by cause, duration curves, the table of plants."""
    site, span = done.case.site, done.case.span
    sums = done.sums()
    share = sums["curtailed"] / sums["available"] if sums["available"] > _SETTLED_KWH else None
    figures = [
        (
            "Absorption rate",
            percent(None if share is None else 1 - share, 2).removesuffix(" %"),
            "%",
            "1 − curtailed / available",
        ),
        (
            "Curtailed",
            number(sums["curtailed"] / 1000, 1),
            "MWh",
            f"of {number(sums['available'] / 1000, 1)} MWh available",
        ),
    ]
    figures += [(f"Lost to: {NAMES[c]}", number(sums[c] / 1000, 1), "MWh", "") for c in CAUSES]
    return render_study(
        StudyPage(
            title="parkwatt: absorption of wind and PV",
            site=site.title or site.name,
            span=f"{span.local_start[0]:%Y-%m-%d} to {span.local_start[-1]:%Y-%m-%d}",
            settings=(done.days.told(), f"{done.starts.size} steps"),
            figures=tuple(figures),
            sections=(
                Section("Plants", tables=(Table(HEADS, tuple(rows_of(done))),)),
                Section("Over the year", plots=(_by_month(done), _durations(done))),
                Section("Months", tables=(_months_table(done),)),
            ),
            notes=tuple(_notes(done)),
        )
    )


def _by_month(done: Absorption) -> Any:
    last = next(reversed(list(_groups(done))))[0]
    rows = [row for row in months(done) if row["plant"] == last]
    stacks = tuple(
        Stack(NAMES[cause], _COLOURS[cause], tuple(max(row[f"{cause}_kwh"] / 1000, 0.0) for row in rows))
        for cause in CAUSES
    )
    about = "Energy that was available and not used, of the days looked at, by cause."
    return bars("Curtailed by month", about, ("month", "MWh"), [row["month"][2:] for row in rows], stacks)


def _durations(done: Absorption) -> Any:
    scaled = (done.hours * done.days.of / len(done.days.days)).tolist()
    available = np.sum([done.available_kw(a) for a in done.assets], axis=0)
    curtailed = np.sum([done.ran["as_it_is"].curtailed_kw[a] for a in done.assets], axis=0)
    sorted_ = [duration((values / 1000).tolist(), scaled) for values in (available, available - curtailed, curtailed)]
    names = (("available", "#297fcc"), ("used", "#2aa98b"), ("curtailed", "#ca4f32"))
    lines = [Curve(name, colour, *xy) for (name, colour), xy in zip(names, sorted_, strict=True)]
    return curves("How long how much", "Each sorted from its highest power down.", ("hours", "MW"), lines)


def _months_table(done: Absorption) -> Table:
    keys = ("available", "curtailed", *CAUSES)
    rows = tuple(
        (
            row["month"],
            row["plant"],
            *(number(row[f"{key}_kwh"] / 1000, 2) for key in keys),
            percent(row["absorption_rate"], 2),
        )
        for row in months(done)
    )
    return Table(("Month", "Plant", "Available [MWh]", "Curtailed [MWh]", "network", "export limit", "balance",
                  "Absorption rate"), rows)  # fmt: skip


def _notes(done: Absorption) -> Iterator[str]:
    yield (
        "Every day is planned on what was measured, one after the other; stores go on from day to day. Causes are "
        "differences between plans: as it is, without the network, and without network and export limit. They add up "
        "to the curtailment exactly. In single steps one may be negative, where a store is full earlier."
    )
    yield "Balance is what is lost although all may be exported: without a connection, or where exporting costs."
    yield (
        f"Generating is worth {WORTH_PER_KWH:g} {done.case.site.currency}/kWh beside its price, so nothing is lost "
        "for nothing."
    )
    if not done.days.whole:
        yield f"Looked at: {done.days.told()}. Energies are of these days, full-load hours are scaled to the span."
    if done.case.site.grid is None:
        yield "The park has no network model: nothing is lost to it here."
    unheld = done.ran["as_it_is"].unheld
    if unheld:
        yield (
            f"On {len(unheld)} days limits of the network are passed whatever the park does "
            f"({', '.join(list(unheld)[:5])}); nothing is curtailed for those."
        )
    for variant, ran in done.ran.items():
        if ran.fallen:
            days = ", ".join(f"{day} ({rung})" for day, rung in ran.fallen.items())
            yield f"{variant.replace('_', ' ')}: no optimised plan on {days}."
    yield from done.case.site.notes


def write_all(done: Absorption, folder: Path) -> None:
    """steps.parquet, months.parquet, absorption.json and absorption.html; the same study gives the same bytes."""
    import pyarrow as pa

    folder.mkdir(parents=True, exist_ok=True)
    write(steps_table(done), folder / "steps.parquet")
    write(pa.Table.from_pylist(months(done)), folder / "months.parquet")
    text = json.dumps(summary(done), indent=1, ensure_ascii=False)
    (folder / "absorption.json").write_text(text + "\n", encoding="utf-8")
    (folder / "absorption.html").write_text(page(done), encoding="utf-8")
