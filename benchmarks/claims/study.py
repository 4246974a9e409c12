"""All parks of the study, and their pages."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from benchmarks.claims.answers import verdict
from benchmarks.claims.page import markdown, overview_page, park_page
from benchmarks.claims.run import ParkDone, run_park
from benchmarks.claims.spec import Spec
from dispatch.errors import SolveError
from dispatch.executor import Failure, executor


@dataclass(frozen=True)
class _Work:
    """Runs parks; a value that can be sent to a worker."""

    spec: Spec
    days: tuple[date, ...]
    folder: Path

    def __call__(self, name: str) -> ParkDone:
        return run_park(name, self.spec, self.days, self.folder, _told)


def _told(text: str) -> None:
    os.write(2, f"{text}\n".encode())  # whole lines, whichever process writes them


def study(
    parks: Sequence[str],
    spec: Spec,
    days: Sequence[date],
    folder: Path,
    workers: int | None,
    progress: Callable[[str], None],
) -> list[Path]:
    """Run what is missing, write the pages, and give their paths.

    Raises:
        SolveError: a park could not be run; what is done is kept.
    """
    done = run_parks(parks, spec, days, folder, workers)
    progress("writing pages")
    pages = {f"{park.name}.html": park_page(park, spec) for park in done}
    pages["index.html"], pages["claims.md"] = overview_page(done, spec), markdown(done, spec)
    pages["claims.json"] = json.dumps([_told_of(park) for park in done], indent=1, ensure_ascii=False) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in pages]


def run_parks(
    parks: Sequence[str], spec: Spec, days: Sequence[date], folder: Path, workers: int | None = None
) -> list[ParkDone]:
    """The parks in their order, a process each.

    Raises:
        SolveError: one failed.
    """
    where = executor("serial") if workers == 1 or len(parks) == 1 else executor("processes", workers)
    found: dict[str, ParkDone] = {}
    for name, answer in where.map(_Work(spec, tuple(days), folder), [(p, p) for p in parks], None):
        if isinstance(answer, Failure):
            raise SolveError(f"{name}: {answer.text}")
        found[name] = answer.value
    return [found[name] for name in parks]


def _told_of(park: ParkDone) -> dict[str, object]:
    return {
        "park": park.name,
        "days": [day.isoformat() for day in park.days],
        "answers": [
            {
                "system": answer.claim.system, "claimed": answer.claim.claimed, "metric": answer.metric,
                "formula": answer.formula, "baseline": answer.baseline, "unit": answer.unit,
                **asdict(answer.found), "note": answer.note, "in_words": verdict(answer),
            }
            for answer in park.answers
        ],
        "cells": [{"day": c.day.isoformat(), "arm": c.arm, "failed": c.failed, **c.figures} for c in park.cells],
    }  # fmt: skip
