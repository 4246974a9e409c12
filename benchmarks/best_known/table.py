"""Reads, improves and prints the table of best-known bounds and incumbents; see README.md for its columns."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.cases import pglib

TABLE = Path(__file__).resolve().parent / "pglib_uc.csv"
SAME = 1e-9  # relative; two solvers' last digits are no contradiction
SIDES = ("bound", "incumbent")
COLUMNS = (
    "instance",
    "steps",
    "units",
    *(f"{side}{part}" for side in SIDES for part in ("", "_method", "_date", "_run")),
    "gap",
)


@dataclass(frozen=True)
class Found:
    """A number with how and when it was found, and the hash of the log of its run; NaN where there is none yet."""

    value: float = math.nan
    method: str = ""
    date: str = ""
    run: str = ""

    @property
    def cells(self) -> list[str]:
        """As the table holds it, with all digits."""
        return ["" if math.isnan(self.value) else repr(self.value), self.method, self.date, self.run]


@dataclass(frozen=True)
class Entry:
    """What is known of one instance."""

    instance: str
    steps: int
    units: int
    bound: Found = Found()
    incumbent: Found = Found()

    @property
    def gap(self) -> float:
        """Relative distance between bound and incumbent."""
        return (self.incumbent.value - self.bound.value) / self.incumbent.value


def read(path: Path = TABLE) -> dict[str, Entry]:
    """By instance, in the table's order; empty where there is no table yet."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as opened:
        return {row["instance"]: _entry(row) for row in csv.DictReader(opened)}


def _entry(row: dict[str, str]) -> Entry:
    bound, incumbent = (_found(row, side) for side in SIDES)
    return Entry(row["instance"], int(row["steps"]), int(row["units"]), bound, incumbent)


def _found(row: dict[str, str], side: str) -> Found:
    value, method, day, run = (row[f"{side}{part}"] for part in ("", "_method", "_date", "_run"))
    return Found(float(value or "nan"), method, day, run)


def write(entries: dict[str, Entry], path: Path = TABLE) -> None:
    """All entries by name; the table is complete at every moment."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(COLUMNS)
    for name, entry in sorted(entries.items()):
        gap = "" if math.isnan(entry.gap) else f"{entry.gap:.3g}"
        out.writerow([name, entry.steps, entry.units, *entry.bound.cells, *entry.incumbent.cells, gap])
    part = path.with_suffix(".part")
    part.write_text(text.getvalue(), "utf-8")
    part.replace(path)


def improve(
    instance: str,
    bound: float | None = None,
    incumbent: float | None = None,
    *,
    method: str,
    size: tuple[int, int] | None = None,
    on: date | None = None,
    run: str = "",
    path: Path = TABLE,
) -> Entry:
    """Put a bound, an incumbent or both into the table where they are better than what stands there.

    Args:
        instance: family and file without ending, as in ``rts_gmlc/2020-01-27``.
        bound: proven lower bound.
        incumbent: cost of a plan that passed the audit.
        method: how it was found, in a few words, with limits and machine.
        size: hours and units; read from the instance's file where it is left out.
        on: the day, today where left out.
        run: hash of the log of the run that found them.
        path: of the table.

    Raises:
        ValueError: a number is not finite, or a bound lies above an incumbent: one of the two is wrong.
    """
    if not method.strip():
        raise ValueError(f"{instance}: a number without its method is worth nothing")
    for name, value in (("bound", bound), ("incumbent", incumbent)):
        if value is not None and not math.isfinite(value):
            raise ValueError(f"{instance}: {name} {value} is no number to keep")
    entries, day = read(path), (on or datetime.now(UTC).date()).isoformat()
    known = entries.get(instance) or Entry(instance, *(size or _size(instance)))
    low, high = known.bound, known.incumbent
    # What is missing is NaN, and no comparison with it is true.
    if bound is not None and not bound <= low.value:
        low = Found(float(bound), method.strip(), day, run)
    if incumbent is not None and not incumbent >= high.value:
        high = Found(float(incumbent), method.strip(), day, run)
    if low.value > high.value + SAME * abs(high.value):
        raise ValueError(
            f"{instance}: the bound {low.value!r} ({low.method}) is above the incumbent "
            f"{high.value!r} ({high.method}): one of them is wrong"
        )
    entry = Entry(instance, known.steps, known.units, low, high)
    write(entries | {instance: entry}, path)
    return entry


def _size(instance: str) -> tuple[int, int]:
    data = pglib.load(pglib.folder() / f"{instance}.json.gz")
    return int(data["time_periods"]), len(data["thermal_generators"])


def show(console: Console, path: Path = TABLE) -> None:
    """For a person."""
    drawn = Table(header_style="bold")
    for name in ("instance", "steps", "units", "best bound", "found by", "best incumbent", "found by", "gap"):
        words = name in {"instance", "found by"}
        drawn.add_column(name, justify="left" if words else "right", overflow="fold", no_wrap=name != "found by")
    for entry in read(path).values():
        cells: list[str] = []
        for found in (entry.bound, entry.incumbent):
            cost = "" if math.isnan(found.value) else f"{found.value:,.3f}"
            cells += [cost, f"{found.method} {found.date} {found.run}".strip()]
        gap = "" if math.isnan(entry.gap) else f"{100 * entry.gap:.3g} %"
        drawn.add_row(entry.instance, str(entry.steps), str(entry.units), *cells, gap)
    console.print(drawn)
