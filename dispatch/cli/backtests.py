"""``parkwatt backtest``: files and options around a backtest, a bar while it runs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from dispatch.cli.folders import folder_for
from dispatch.studies.backtesting import Asked, Tested, default_folder, prepare, read_spec, run_asked

if TYPE_CHECKING:
    from forecasting.backtest.tables import Scored


@dataclass(frozen=True)
class Request:
    """The options of the command."""

    config: str
    first: str | None
    last: str | None
    on_drift: bool | None
    executor: str
    workers: int | None
    out: Path | None


def run(request: Request) -> None:
    """Run what is not done yet, print, write.

    Raises:
        ParkwattError: config, data or options are wrong; the message says which.
    """
    from dispatch.executor import executor

    began = time.perf_counter()
    runs_on = executor(request.executor, request.workers)
    console = Console(stderr=True)
    spec = read_spec(request.config, request.first, request.last, request.on_drift)
    asked = prepare(spec, lambda text: console.print(text, markup=False, highlight=False))
    folder = folder_for(request.out or default_folder(spec, asked.site))
    with _bar(console) as progress:
        done = run_asked(asked, runs_on, folder=folder / "chunks", progress=progress)
    scored = write_all(done, folder)
    show(asked, scored, Console())
    seconds = f"{time.perf_counter() - began:.0f} s"
    Console().print(f"\nPage: [bold]{escape(str(folder / 'backtest.html'))}[/bold] and all files beside it ({seconds})")


def write_all(done: Tested, folder: Path) -> Scored:
    """results.parquet, scores.json, backtest.html; the same backtest gives the same bytes."""
    from dispatch.studies.forecast_pages import backtest_page
    from forecasting.backtest import tables
    from forecasting.backtest.joint import joint_scores

    asked, scored = done.asked, done.scored
    spec = asked.spec
    done.results.write(folder / "results.parquet")
    told = {
        "park": asked.site.name,
        "spec": spec.model_dump(mode="json", by_alias=True),
        "trainings": done.results.trainings(),
        "lead_days": tables.by_lead_day(scored),
        "leads": tables.by_lead(scored),
        "regimes": tables.by_regime(scored),
        "skill": tables.skills(scored),
        "scenarios": joint_scores(scored, scored.models[:1]),
    }
    (folder / "scores.json").write_text(json.dumps(_plain(told), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    before = round(float(asked.backtest.tasks[0].edges_ns[0] - asked.backtest.tasks[0].issue_ns) / 3.6e12, 2)
    settings = (
        f"{len(asked.backtest.tasks)} forecasts",
        f"{spec.days} day{'s' if spec.days > 1 else ''} ahead, issued {before:g} h before",
        f"retrained every {spec.retrain_days:g} days" + (" and on drift" if spec.retrain_on_drift else ""),
    )
    title, span = asked.site.title or asked.site.name, f"{spec.first} to {spec.last}"
    page = backtest_page(title, span, scored, settings, trainings=done.results.trainings())
    (folder / "backtest.html").write_text(page, encoding="utf-8")
    return scored


def _plain(value: Any) -> Any:
    """JSON has no NaN: what is missing is null."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return round(value, 9) if value == value and abs(value) != float("inf") else None
    return value


@contextmanager
def _bar(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    told = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    columns = (*told, TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("backtest", total=None)

        def say(name: str, done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)
            if not name:
                console.print(f"{done} of {total} chunks are there already", markup=False, highlight=False)
            elif not console.is_terminal:
                console.print(f"{name} ({done} of {total})", markup=False, highlight=False, soft_wrap=True)

        yield say


def show(asked: Asked, scored: Scored, console: Console) -> None:
    """The main figures of every model and series; all of them stand on the page."""
    from dispatch.studies.forecast_pages import answered_from, short_table, skill_table
    from forecasting.backtest import tables

    spec = asked.spec
    for title, found in (
        (f"{asked.site.name}, {spec.first} to {spec.last}", short_table(tables.by_lead_day(scored))),
        ("Skill in CRPS", skill_table(tables.skills(scored))),
    ):
        shown = Table(box=None, header_style="bold", title=escape(title))
        for number, head in enumerate(found.columns):
            shown.add_column(escape(head), justify="left" if number < 2 else "right")
        for row in found.rows:
            shown.add_row(*("" if cell is None else escape(str(cell)) for cell in row))
        console.print(shown)
    for line in answered_from(scored):
        console.print(f"note: {line}", markup=False, highlight=False)
