"""A finished study as files. The same spec, code and inputs give the same bytes, but for times, page and manifest."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.methods.found import methods
from benchmarks.study import pictures, tables
from benchmarks.study.laying import Layout
from benchmarks.study.page import Findings, page
from benchmarks.study.parts import keep
from benchmarks.study.results import by_day, by_method, by_span, joined
from benchmarks.study.run import Done, Place, merged
from benchmarks.study.statistics import differences
from benchmarks.study.tables import Sheet
from dispatch.tables import write

if TYPE_CHECKING:
    import pandas as pd

PACKAGES = ("cvxpy", "highspy", "numpy", "pandas", "pyarrow", "ray", "scipy", "xgboost-cpu")
RESULTS, TIMES, MANIFEST, PAGE = "results.parquet", "times.csv", "manifest.json", "study.html"


def finished(made: Layout, done: Done, place: Place, run: Mapping[str, Any]) -> Findings:
    """Write everything: results, tables, pictures, page and manifest.

    Args:
        run: command, executor, started.
    """
    import pyarrow as pa

    there = list(merged(made, place))
    days: pd.DataFrame | None = None
    notes: dict[str, list[str]] = {}
    found = Findings((), (), (), {}, _times(made, place), {}, done.failed)
    if there:
        table, notes = joined(path for _, path in there)
        days = by_day(table)
        write(pa.Table.from_pandas(days, preserve_index=False).replace_schema_metadata(None), place.folder / RESULTS)
        found = _found(made, days, notes, found)
    _files(place.folder, found)
    told = _manifest(made, done, place, run, days, notes)
    keep(place.folder / MANIFEST, (json.dumps(told, indent=1, ensure_ascii=False) + "\n").encode())
    keep(place.folder / PAGE, page(made.study, found, told).encode())
    return found


def _found(made: Layout, days: pd.DataFrame, notes: Mapping[str, list[str]], rest: Findings) -> Findings:
    study = made.study
    money = {stretch.case: laid.case.site.currency for stretch, laid in made.laid.items()}
    judged = differences(study, days)
    sheets = tuple(tables.figures(by_method(by_span(days)), study.show.columns, money))
    drawn = {n: d for m in study.show.pictures for n, d in pictures.by_days(days, m, study.baseline, money)}
    drawn |= dict(pictures.intervals(judged, money))
    told = tuple(tables.judged(judged, money, study.statistics.confidence))
    return Findings(sheets, told, tuple(judged), drawn, rest.times, notes, rest.failed)


def _files(folder: Path, found: Findings) -> None:
    for name in ("tables", "pictures"):  # an earlier spec may have had others
        shutil.rmtree(folder / name, ignore_errors=True)
    for sheet in (*found.figures, *found.differences):
        keep(folder / "tables" / f"{sheet.name}.csv", tables.as_csv(sheet).encode())
    keep(folder / "tables.md", tables.as_markdown((*found.figures, *found.differences)).encode())
    keep(folder / TIMES, tables.as_csv(found.times).encode())
    for name, drawing in found.pictures.items():
        keep(folder / "pictures" / f"{name}.svg", pictures.svg(drawing).encode())


def _times(made: Layout, place: Place) -> Sheet:
    """Of every cell that is there, of whatever run."""
    rows = []
    for cell in made.cells:
        path = place.times(cell.name)
        if path.is_file():
            told = json.loads(path.read_text("utf-8"))
            seed = "" if cell.seed is None else str(cell.seed)
            named = (cell.stretch.name, methods()[cell.method].title, seed)
            rows.append((*named, told["seconds"], told["plan_seconds"], told["peak_mb"]))
    heads = ("days", "method", "seed", "run [s]", "plan, median [s]", "peak memory [MB]")
    return Sheet("times", "days", heads, tuple(rows))


def same_bytes(made: Layout, place: Place) -> dict[str, str]:
    """SHA-256 of every file that the same spec, code and inputs give again, byte for byte."""
    folder = place.folder
    found = [folder / RESULTS, folder / "tables.md", *sorted(path for _, path in merged(made, place))]
    found += [path for name in ("tables", "pictures") for path in sorted((folder / name).glob("*"))]
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in found if p.is_file()}


def _versions() -> dict[str, str]:
    """Of Python and of the packages that figures depend on, as far as they are installed."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def _manifest(
    made: Layout, done: Done, place: Place, run: Mapping[str, Any], days: pd.DataFrame | None, notes: Mapping[str, Any]
) -> dict[str, Any]:
    span = [] if days is None else [str(days["day"].min()), str(days["day"].max())]
    return {
        "title": made.study.title,
        "spec": made.study.model_dump(mode="json"),
        **run,
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "days": span,
        "commit": made.code.commit,
        "changes": made.code.changes or "none",
        "lock": made.code.lock,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "versions": _versions(),
        "seeds": list(made.study.seeds),
        "inputs": {s.name: dict(sorted(laid.hashes.items())) for s, laid in made.laid.items()},
        "cells": {"all": len(made.cells), "kept": len(done.kept), "run": len(done.times), "failed": len(done.failed)},
        "run_again": done.again,
        "failed": done.failed,
        "notes": notes,
        "same_bytes": same_bytes(made, place),
    }
