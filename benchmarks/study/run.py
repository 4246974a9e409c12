"""A study from its first forecast to its last part: on any executor, going on from what is kept."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from benchmarks.methods.found import methods
from benchmarks.study import parts
from benchmarks.study.cells import Cell, Stretch
from benchmarks.study.keys import Key, digest
from benchmarks.study.laying import Layout, seeded
from benchmarks.study.work import Foresee, Job, Times, foresee, work
from dispatch.errors import DataError
from dispatch.executor import Executor, Failure
from dispatch.replay import Case, Journal
from dispatch.replay.case import Issued
from dispatch.replay.forecasts import Forecaster, Issue, issues

Say = Callable[[str], None]


@dataclass
class Done:
    """What became of the cells.

    Attributes:
        kept: cells that were there already; ``again``: those that were, with what has changed since.
        times: of the cells that were run.
        failed: cells without an answer, with the reason.
    """

    kept: list[str] = field(default_factory=list)
    again: dict[str, str] = field(default_factory=dict)
    times: dict[str, Times] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Where a study keeps what it makes."""

    folder: Path

    def part(self, cell: Cell) -> Path:
        return self.folder / "parts" / f"{cell.name}.parquet"

    def times(self, name: str) -> Path:
        return self.folder / "times" / f"{name}.json"

    def checkpoints(self, name: str, key: Key) -> Path:
        return self.folder / "checkpoints" / f"{name}-{key.digest[:12]}"

    def begin(self, *, resume: bool) -> None:
        """Make the folder; without ``resume`` what an earlier run left of its parts goes.

        Raises:
            DataError: it cannot be written.
        """
        try:
            for name in () if resume else ("parts", "times", "checkpoints"):
                shutil.rmtree(self.folder / name, ignore_errors=True)
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = error.strerror or str(error)
            raise DataError(
                f"{self.folder}: cannot be written to ({reason}); give another folder with --out"
            ) from error


def run(made: Layout, executor: Executor, place: Place, say: Say, tick: Say = lambda _: None) -> Done:
    """Run all cells that are not kept.

    Args:
        say: told what is being done; tick: told the name of each cell that is done.
    """
    done = Done(failed=dict(made.failed))
    left = [cell for cell in made.cells if cell.name in made.keys and not _kept(made, place, cell, done)]
    for name in (*done.kept, *done.failed):
        tick(name)
    issued = _forecasts(made, left, executor, place, say, done)
    jobs = [(cell.name, _job(made, cell, issued, place)) for cell in left if cell.name not in done.failed]
    by_name = {cell.name: cell for cell in left}
    if jobs:
        say(f"running {len(jobs)} cell{'s' if len(jobs) > 1 else ''}")
    for name, answer in executor.map(work, jobs):
        cell, key = by_name[name], made.keys[name]
        if isinstance(answer, Failure):
            done.failed[name] = answer.text
        else:
            days, times = answer.value
            content = parts.encoded(parts.table(cell, days.rows), key.ingredients, days.notes)
            parts.keep(place.times(name), (json.dumps(asdict(times), indent=1) + "\n").encode())
            parts.keep(place.part(cell), content)
            done.times[name] = times
            shutil.rmtree(place.checkpoints(name, key), ignore_errors=True)
        tick(name)
    return done


def _kept(made: Layout, place: Place, cell: Cell, done: Done) -> bool:
    """Is the cell's part there, of the same ingredients? Says what has changed where it is not."""
    there = parts.ingredients(place.part(cell))
    if there is None:
        return False
    if there == made.keys[cell.name].ingredients:
        done.kept.append(cell.name)
        return True
    done.again[cell.name] = made.keys[cell.name].differs(there)
    return False


def _job(made: Layout, cell: Cell, issued: dict[tuple[Stretch, int], tuple[Issued, ...]], place: Place) -> Job:
    case = made.case(cell)
    if not case.issued:
        case = replace(case, issued=issued.get((cell.stretch, made.seed(cell)), ()))
    checkpoints = place.checkpoints(cell.name, made.keys[cell.name])
    return Job(cell, case, made.options, made.extent, made.laid[cell.stretch].network, checkpoints)


def _forecasts(
    made: Layout, left: list[Cell], executor: Executor, place: Place, say: Say, done: Done
) -> dict[tuple[Stretch, int], tuple[Issued, ...]]:
    """By stretch and seed, what the cells left to run plan on; a stretch that cannot be forecast fails its cells."""
    known = methods()
    wanted = {(c.stretch, made.seed(c)): made.case(c) for c in left if known[c.method].forecasts and _asks(made, c)}
    out: dict[tuple[Stretch, int], tuple[Issued, ...]] = {}
    if wanted:
        say(f"forecasting {len(wanted)} stretch{'es' if len(wanted) > 1 else ''} of days")
    pieces = {where: _pieces(case) for where, case in wanted.items()}
    journals = {where: Journal(_forecast_folder(made, place, where)) for where in wanted}
    have = {(w, n): kept for w, of in pieces.items() for n in of if (kept := journals[w].load_forecasts(n)) is not None}
    jobs = {f"{w[0].name}-{w[1]}-{n}": (w, n) for w, of in pieces.items() for n in of if (w, n) not in have}
    asked = [(name, Foresee(_forecaster(wanted[w]), pieces[w][n])) for name, (w, n) in jobs.items()]
    lost: dict[tuple[Stretch, int], str] = {}
    for name, answer in executor.map(foresee, asked):
        where, piece = jobs[name]
        if isinstance(answer, Failure):
            lost[where] = answer.text
        else:
            have[where, piece] = answer.value
            journals[where].save_forecasts(piece, answer.value)
    for where, of in pieces.items():
        if where not in lost:
            out[where] = tuple(issued for name in of for issued in have[where, name])
    for cell in (c for c in left if known[c.method].forecasts and (c.stretch, made.seed(c)) in lost):
        done.failed[cell.name] = lost[cell.stretch, made.seed(cell)]
    return out


def _pieces(case: Case) -> dict[str, list[Issue]]:
    """One issue each: it trains its own models, which takes longer than all that is sent with it."""
    return {f"{np.datetime64(one.issue_s, 'm')}".replace(":", ""): [one] for one in issues(case)}


def _asks(made: Layout, cell: Cell) -> bool:
    """Must forecasts be made for it?"""
    laid = made.laid[cell.stretch]
    return not laid.given and bool(laid.case.needs or laid.case.feeds)


def _forecaster(case: Case) -> Forecaster:
    return Forecaster(case.site, case.archive, case.step_s, case.weather_site)


def _forecast_folder(made: Layout, place: Place, where: tuple[Stretch, int]) -> Path:
    """Of its own for everything that the forecasts depend on."""
    stretch, seed = where
    laid = made.laid[stretch]
    site = seeded(laid.case, seed).site
    told = [
        sorted(laid.hashes.items()),
        site.planning.model_dump_json(),
        str(laid.case.span.edges[[0, -1]]),
        str(made.code),
    ]
    return place.folder / "checkpoints" / f"forecasts-{stretch.name}-{seed}-{digest(told)[:12]}"


def merged(made: Layout, place: Place) -> Iterator[tuple[Cell, Path]]:
    """Parts that belong to the study as it is now, in its order."""
    for cell in made.cells:
        path = place.part(cell)
        if cell.name in made.keys and parts.ingredients(path) == made.keys[cell.name].ingredients:
            yield cell, path
