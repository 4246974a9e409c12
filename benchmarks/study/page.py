"""A study's page: what was compared, tables, pictures, how sure it is, what failed, and the run behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.methods.found import methods
from benchmarks.study.metrics import METRICS
from benchmarks.study.spec import Study
from benchmarks.study.statistics import Difference
from benchmarks.study.tables import Sheet, narrow, shown
from dispatch.report.data import Table
from dispatch.report.drawings import Drawing
from dispatch.report.study import Section, StudyPage, render_study

_MOST_NOTES = 12


@dataclass(frozen=True)
class Findings:
    """All that tables and page show.

    Attributes:
        figures, differences: tables; ``times``: one that is not the same twice, kept off the others.
        notes: what the audit found, why accounts are missing; by cell.
    """

    figures: tuple[Sheet, ...]
    differences: tuple[Sheet, ...]
    judged: tuple[Difference, ...]
    pictures: Mapping[str, Drawing]
    times: Sheet
    notes: Mapping[str, Sequence[str]]
    failed: Mapping[str, str]


def page(study: Study, found: Findings, manifest: Mapping[str, Any]) -> str:
    """One self-contained HTML text."""
    named = found.pictures.items()
    sections = [_table("What each method came to", found.figures, _plots(named, "days-"))]
    if found.differences:
        sections.append(
            _table("How sure the differences are", found.differences, _plots(named, "intervals-"), _warning(found))
        )
    if found.failed:
        rows = tuple((name, reason) for name, reason in found.failed.items())
        sections.append(Section("What failed", tables=(Table(("cell", "reason"), rows),)))
    sections += [
        _methods(study),
        _metrics(study),
        _table("Times and memory", (found.times,), note=_TIMES),
        _run(manifest),
    ]
    cases = ", ".join(asked.case for asked in study.cases)
    settings = (f"{len(study.methods)} methods", f"seeds {', '.join(map(str, study.seeds))}")
    return render_study(
        StudyPage(study.title, cases, _span(manifest), settings, (), tuple(sections), _notes(study, found))
    )


_TIMES = (
    "Times and memory differ from run to run and are no part of the results. Memory is that of the worker's process."
)


def _plots(named: Any, start: str) -> tuple[Drawing, ...]:
    return tuple(drawing for name, drawing in named if name.startswith(start))


def _table(title: str, sheets: Sequence[Sheet], plots: tuple[Drawing, ...] = (), note: str = "") -> Section:
    tables = tuple(
        Table((sheet.title, *sheet.heads[1:]), tuple(tuple(shown(cell) for cell in row) for row in sheet.rows))
        for sheet in (part for whole in sheets for part in narrow(whole))
    )
    return Section(title, plots=plots, tables=tables, note=note)


def _warning(found: Findings) -> str:
    """What keeps the intervals from meaning much."""
    few = sorted({one.days for one in found.judged if one.note})
    told = "Days are paired. Those of one stretch follow from one another: the intervals are rather too narrow."
    if few:
        return f"Few days ({', '.join(map(str, few))}): these figures are no more than a first look. {told}"
    return told


def _methods(study: Study) -> Section:
    rows = tuple((methods()[name].title, methods()[name].about) for name in study.methods)
    return Section("The methods", tables=(Table(("method", "what it does"), rows),))


def _metrics(study: Study) -> Section:
    names = dict.fromkeys((*study.show.columns, *study.show.pictures, *study.statistics.metrics))
    rows = tuple((METRICS[n].title, METRICS[n].unit.replace("money", "currency"), METRICS[n].about) for n in names)
    return Section("The metrics", tables=(Table(("metric", "unit", "what it is"), rows),))


def _run(manifest: Mapping[str, Any]) -> Section:
    rows = tuple(
        (name, str(manifest[name])) for name in ("command", "commit", "changes", "lock", "machine", "started", "ended")
    )
    return Section(
        "The run", tables=(Table(("what", "which"), rows),), note="manifest.json beside this page has all of it."
    )


def _span(manifest: Mapping[str, Any]) -> str:
    days = manifest["days"]
    return f"{days[0]} to {days[1]}" if days else "no days"


def _notes(study: Study, found: Findings) -> tuple[str, ...]:
    told = [f"{name}: {text}" for name, texts in found.notes.items() for text in texts]
    more = (f"and {len(told) - _MOST_NOTES} more in manifest.json",) if len(told) > _MOST_NOTES else ()
    return tuple(filter(None, (study.about, *told[:_MOST_NOTES], *more)))
