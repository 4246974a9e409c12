"""A case held against what is published of it: planned by the methods that the figures are of, in this process."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from benchmarks.cases.folder import Days, Found, Published
from benchmarks.study.laying import layout
from benchmarks.study.metrics import METRICS
from benchmarks.study.results import by_day, by_method, by_span, joined
from benchmarks.study.run import Place, merged, run
from benchmarks.study.spec import CaseAsked, Settings, Study
from benchmarks.study.tables import Sheet, figures
from dispatch.errors import DataError, SolveError
from dispatch.executor import Serial

_ALWAYS = ("rule_based", "perfect")
_SHOWN = ("objective", "cost", "bill", "co2_kg", "peak_kw", "clean_share", "violations")


@dataclass(frozen=True)
class Held:
    """A published figure and what was found."""

    published: Published
    found: float

    @property
    def holds(self) -> bool:
        return self.published.holds(self.found)


@dataclass(frozen=True)
class Checked:
    """A planned case: figures of each method, the published ones beside what was found, and how many violations."""

    figures: Sheet
    held: tuple[Held, ...]
    violations: int

    @property
    def holds(self) -> bool:
        """Every published figure holds and nothing broke a limit."""
        return all(one.holds for one in self.held) and not self.violations


def default_days(found: Found) -> Days:
    """The case's own days, or the embedded day of a park that ships.

    Raises:
        DataError: it has neither.
    """
    if found.days is not None:
        return found.days
    embedded = found.site().embedded
    if embedded is None:
        raise DataError(
            f"{found.name}: has no days of its own; a study gives them: days: {{first_day: …, last_day: …}}"
        )
    return Days(first_day=date.fromisoformat(embedded.day), last_day=date.fromisoformat(embedded.day))


def require_metrics(found: Found) -> None:
    """Are published figures those of metrics?

    Raises:
        DataError: some are not; the message names them.
    """
    wrong = sorted({one.metric for one in (() if found.file is None else found.file.published)} - METRICS.keys())
    if wrong:
        raise DataError(f"{found.name}: published: no metric {', '.join(wrong)}; accepted: {', '.join(METRICS)}")


def check(found: Found, more: Path | None, progress: Callable[[str], None] = lambda _: None) -> Checked:
    """Plan it and compare.

    Raises:
        ParkwattError: it cannot be planned; the message says why.
    """
    require_metrics(found)
    published = () if found.file is None else found.file.published
    names = tuple(dict.fromkeys((*_ALWAYS, *(one.method for one in published))))
    step_h = found.site().planning.step_minutes / 60
    study = Study(
        title=found.name,
        cases=(CaseAsked(case=found.name if found.folder is None else str(found.folder), days=default_days(found)),),
        methods=names,
        baseline=_ALWAYS[0],
        settings=Settings(every_h=max(1.0, step_h)),
    )
    made = layout(study, more, progress)
    with tempfile.TemporaryDirectory() as folder:
        done = run(made, Serial(), Place(Path(folder)), progress)
        if done.failed:
            raise SolveError("; ".join(_by_reason(done.failed)))
        table, _ = joined(path for _, path in merged(made, Place(Path(folder))))
    spans = by_method(by_span(by_day(table)))
    of = {str(row["method"]): row for _, row in spans.iterrows()}
    held = tuple(Held(one, float(of[one.method][one.metric])) for one in published)
    (sheet,) = figures(spans, _SHOWN, {found.name: found.site().currency})
    return Checked(sheet, held, int(spans["violations"].sum()))


def _by_reason(failed: Mapping[str, str]) -> Iterator[str]:
    """Each reason once, after the cells that failed for it."""
    for reason in dict.fromkeys(failed.values()):
        yield f"{', '.join(name for name, why in failed.items() if why == reason)}: {reason}"
