"""Collects the rows that were asked for and writes them as a table or as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import manifests
from benchmarks.rows import Measurement, Row

MARKS = {True: "[green]holds[/green]", False: "[red]does not hold[/red]", None: "[yellow]-[/yellow]"}


def collect(
    measurements: Sequence[Measurement], *, fresh: bool, folder: Path = manifests.FOLDER
) -> list[tuple[Measurement, Row]]:
    """Fast rows are measured each time; slow ones are recalled, or measured and kept when ``fresh``."""
    answers = []
    for measurement in measurements:
        if not measurement.slow:
            answers.append((measurement, measurement.measure()))
            continue
        now = manifests.key(measurement)
        if fresh:
            row = measurement.measure()
            manifests.keep(measurement, row, now, folder)
        else:
            row = manifests.recall(measurement, now, folder)
        answers.append((measurement, row))
    return answers


def figure(value: float | bool | None) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def table(answers: Sequence[tuple[Measurement, Row]], console: Console) -> None:
    drawn = Table(title=None, header_style="bold")
    for name in ("topic", "row"):
        drawn.add_column(name, overflow="fold")
    for name in ("value", "reference", "ratio", "bar"):
        drawn.add_column(name, justify="right", no_wrap=True)
    drawn.add_column("", no_wrap=True)
    drawn.add_column("measured in", justify="right", no_wrap=True)
    for measurement, row in answers:
        verdict = MARKS[row.holds] if row.state == "measured" else f"[yellow]{row.state}[/yellow]"
        if row.state == "failed":
            verdict = "[red]failed[/red]"
        value = f"{figure(row.value)} {row.unit}".strip() if row.value is not None else ""
        took = f"{row.seconds:.1f} s" if row.seconds is not None else ""
        cells = (
            value,
            figure(row.reference),
            figure(row.ratio),
            f"{row.bar} {row.unit}".strip(),
            verdict,
            took,
        )
        drawn.add_row(measurement.topic, row.name, *cells)
    console.print(drawn)
    for measurement, row in answers:
        if row.note:
            console.print(f"{measurement.topic} {row.name}: {row.note}", markup=False, highlight=False)


def as_json(answers: Sequence[tuple[Measurement, Row]]) -> str:
    rows = [{"topic": measurement.topic, **asdict(row)} for measurement, row in answers]
    return json.dumps({"rows": rows}, indent=1)
