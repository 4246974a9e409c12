"""Cells of the study: one park on one day by one method. Kept one file each, so that a run that stops goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from benchmarks.claims.figures import figures
from benchmarks.claims.forecasts import Forecasts
from benchmarks.claims.park import Park, without_stores
from benchmarks.claims.spec import Spec
from benchmarks.methods.base import Options
from benchmarks.methods.found import methods
from dispatch.errors import SolveError
from dispatch.replay import Case, Journal

NO_STORES = "no_stores"
NO_STORES_KNOWING = "no_stores_perfect"
ARMS: dict[str, str] = {
    "rule_based": "rule_based",
    NO_STORES: "day_ahead",
    "separate": "separate",
    "day_ahead": "day_ahead",
    "rolling": "rolling",
    "perfect": "perfect",
    NO_STORES_KNOWING: "perfect",
}
"""What is run, and by which method of ``benchmarks.methods``; ``no_stores…`` is the park without its stores."""
TITLES = {
    "rule_based": "rules of the park",
    NO_STORES: "without stores, day-ahead",
    "separate": "each on its own, day-ahead",
    "day_ahead": "joint, day-ahead",
    "rolling": "joint, rolling",
    "perfect": "perfect foresight",
    NO_STORES_KNOWING: "without stores, perfect foresight",
}


@dataclass(frozen=True)
class Cell:
    """A day by a method.

    Attributes:
        figures: of :func:`benchmarks.claims.figures.figures`; empty where it failed.
        failed: why.
    """

    day: date
    arm: str
    figures: Mapping[str, float]
    failed: str = ""


def run_cell(park: Park, forecasts: Forecasts, spec: Spec, day: date, arm: str) -> Cell:
    """Run one cell; a day that no method can plan is told, not hidden."""
    method = methods()[ARMS[arm]]
    before_h = park.site.planning.issue_before_h
    issued = (forecasts.issued(day, park.site.time_zone, before_h),)
    case = park.case(day, (method.name,), spec.every_h(park.site.name), issued)
    if arm in (NO_STORES, NO_STORES_KNOWING):
        case = replace(case, site=without_stores(case.site))
    try:
        return Cell(day, arm, figures(case, method.run(case, Journal(), Options())))
    except SolveError as error:
        return Cell(day, arm, {}, str(error))


def run_cells(
    park: Park,
    forecasts: Forecasts,
    spec: Spec,
    days: Iterable[date],
    folder: Path,
    key: str,
    progress: Callable[[str], None],
) -> list[Cell]:
    """All cells of a park; those in the folder that were made of the same ``key`` are read."""
    out = []
    for day in days:
        for arm in ARMS:
            path = folder / f"{day}-{arm}.json"
            kept = _read(path, key)
            if kept is None:
                progress(f"{park.site.name}: {day}, {TITLES[arm]}")
                kept = run_cell(park, forecasts, spec, day, arm)
                _write(path, kept, key)
            out.append(kept)
    return out


def _read(path: Path, key: str) -> Cell | None:
    if not path.is_file():
        return None
    raw = json.loads(path.read_text(encoding="utf-8"))
    if raw["key"] != key:
        return None
    return Cell(date.fromisoformat(raw["day"]), raw["arm"], raw["figures"], raw["failed"])


def _write(path: Path, cell: Cell, key: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = {"key": key, "day": cell.day.isoformat(), "arm": cell.arm, "failed": cell.failed, "figures": cell.figures}
    beside = path.with_name(f"{path.name}.part")
    beside.write_text(json.dumps(raw, indent=1), encoding="utf-8")
    beside.replace(path)


__all__ = ["ARMS", "NO_STORES", "NO_STORES_KNOWING", "TITLES", "Case", "Cell", "run_cell", "run_cells"]
