"""The page of a replay: figures, what the audit found, cost and exchange as pictures, methods and days as tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dispatch.replay.results import (
    NAMES,
    days_table,
    foresight,
    found,
    lines,
    span_text,
    steps_table,
    summary,
    table,
    timings,
)
from dispatch.replay.run import Replayed
from dispatch.report.data import Section, Table
from dispatch.report.drawings import Curve, Drawing, curves
from dispatch.report.study import StudyPage, render_study
from dispatch.report.wording import number
from dispatch.signals import Array
from dispatch.tables import write

_HUES = {
    "rule_based": "#a8aca4", "day_ahead": "#f3bb2a", "rolling": "#297fcc", "rolling_kept": "#7552ab",
    "rolling_scenarios": "#2aa98b", "perfect": "#ca4f32", "day_ahead_scenarios": "#d385b7",
}  # fmt: skip
_MOST_POINTS = 400


def page(done: Replayed) -> str:
    """All of it as one page that needs nothing else."""
    case = done.case
    reasons = found(done)
    sections = (
        *([Section("What the audit found", tables=(Table(("Method", "What"), reasons),), note=_NO_MEASURE)]
          if reasons else []),
        Section("Methods", tables=(_methods(done),)),
        Section("Cost and exchange", plots=tuple(_drawings(done))),
        Section("Days", tables=(_days(done),)),
    )  # fmt: skip
    return render_study(
        StudyPage(
            title="parkwatt: replay",
            site=case.site.title or case.site.name,
            span=span_text(done),
            settings=(f"rolling plans every {case.settings.every_h:g} h", f"{case.span.steps:,} steps"),
            figures=tuple(_figures(done, len(reasons))),
            sections=sections,
            notes=(
                f"Perfect foresight: {foresight(done)}.",
                "Cost: money paid less the value of what stores hold more; what vehicles hold at the end has none.",
            ),
        )
    )


_NO_MEASURE = "A path that fails its audit is no measure of its method; all that was found stands in replay.json."


def _figures(done: Replayed, reasons: int) -> Iterator[tuple[str, str, str, str]]:
    failed = sum(line.unproved for line in lines(done))
    note = "every path, walked as one schedule" if not reasons else "paths that fail are no measure"
    yield ("Audit", f"{failed:,} found" if failed else "passed", "", note)
    for line in lines(done):
        above = "" if line.regret is None else f"{number(line.regret, 0)} above perfect foresight"
        yield (NAMES[line.method].capitalize(), number(line.cost, 0), done.case.site.currency, above)


def _methods(done: Replayed) -> Table:
    heads, rows = table(done)
    return Table(("Method", *(head.replace("\n", " ") for head in heads[1:])), tuple(map(tuple, rows)), short=True)


def _days(done: Replayed) -> Table:
    """Regret by day, or the objective where perfect foresight did not run."""
    perfect, rows = done.ledgers.get("perfect"), []
    for at, (day, _, _) in enumerate(done.case.days):
        best = 0.0 if perfect is None else perfect.days[at].objective
        rows.append((str(day), *(number(of.days[at].objective - best, 0) for of in done.ledgers.values())))
    what = "regret" if perfect is not None else "objective"
    heads = (f"{what} [{done.case.site.currency}]", *(NAMES[m] for m in done.ledgers))
    return Table(heads, tuple(rows), short=True)


def _drawings(done: Replayed) -> Iterator[Drawing]:
    """Cost summed up by day, beside perfect foresight where it ran, and what flowed over the grid connections."""
    money, perfect = done.case.site.currency, done.ledgers.get("perfect")
    ends = (0.0, *(float(done.case.span.edge_h[last]) / 24 for _, _, last in done.case.days))
    best = np.array(
        [0.0 if perfect is None else day.cost for day in (perfect or next(iter(done.ledgers.values()))).days]
    )
    sums = {m: np.cumsum([day.cost for day in of.days] - best) for m, of in done.ledgers.items()}
    shown = [Curve(NAMES[m], _HUES[m], ends, (0.0, *values.tolist())) for m, values in sums.items()]
    beside = "Cost above that of perfect foresight" if perfect is not None else "Cost"
    yield curves(f"{beside}, summed up", "At the end of each day.", ("days since the start", money), shown)
    exchanges = {m: exchange_kw(done, m) for m in done.ran}
    if not any(values.any() for values in exchanges.values()):
        return
    about = "Import less export, as executed" + (
        ", means of several steps." if done.case.span.steps > _MOST_POINTS else "."
    )
    yield curves(
        "Exchange with the grid", about, ("days since the start", "kW"),
        [Curve(NAMES[m], _HUES[m], *_steps(done, values), dashed=m == "perfect") for m, values in exchanges.items()],
    )  # fmt: skip


def exchange_kw(done: Replayed, method: str) -> Array:
    """(T,) import less export of a method's executed path, over all grid connections."""
    out = np.zeros(done.case.span.steps)
    for key, values in done.ran[method].piece.arrays.items():
        sign = {"import_kw": 1.0, "export_kw": -1.0}.get(key.rpartition("series/")[2])
        if sign is not None and "/series/" in key:
            out += sign * values.sum(axis=0)
    return out


def _steps(done: Replayed, values: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Corners of a stair, a step each for as many steps of the span as keep the picture small."""
    every = -(-values.size // _MOST_POINTS)
    at = np.arange(0, values.size, every)
    means = np.add.reduceat(values, at) / np.diff(np.append(at, values.size))
    edges = done.case.span.edge_h[np.append(at, values.size)] / 24
    return tuple(np.repeat(edges, 2)[1:-1].tolist()), tuple(np.repeat(means, 2).tolist())


def write_all(done: Replayed, folder: Path) -> None:
    """steps.parquet, days.parquet, replay.json, replay.html; and timings.json, which is not the same twice."""
    folder.mkdir(parents=True, exist_ok=True)
    write(steps_table(done), folder / "steps.parquet")
    write(days_table(done), folder / "days.parquet")
    text = json.dumps(summary(done), indent=1, ensure_ascii=False)
    (folder / "replay.json").write_text(text + "\n", encoding="utf-8")
    (folder / "replay.html").write_text(page(done), encoding="utf-8")
    (folder / "timings.json").write_text(json.dumps(timings(done), indent=1) + "\n", encoding="utf-8")
