"""What a worker does: forecasts of a stretch in pieces, and a cell from its first day to its last."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.memory import peak_mb
from benchmarks.methods.base import Options
from benchmarks.methods.found import methods
from benchmarks.rows import CannotMeasure
from benchmarks.study.cells import Cell
from benchmarks.study.measure import Days, Extent, measured
from dispatch.replay import Case, Journal
from dispatch.replay.case import Issued
from dispatch.replay.forecasts import Forecaster, Issue

if TYPE_CHECKING:
    from grid_models.network import Network

_RESET = Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Foresee:
    """Some of a stretch's forecasts."""

    forecaster: Forecaster
    issues: Sequence[Issue]


def foresee(asked: Foresee) -> list[Issued]:
    """Make it."""
    return asked.forecaster(asked.issues)


@dataclass(frozen=True)
class Job:
    """A cell with all it needs.

    Attributes:
        case: with its forecasts.
        checkpoints: where its days are kept while it runs.
    """

    cell: Cell
    case: Case
    options: Options
    extent: Extent
    network: Network | None
    checkpoints: Path


@dataclass(frozen=True)
class Times:
    """What differs from run to run.

    Attributes:
        seconds: of the method alone; ``plan_seconds`` the median of its plans.
        peak_mb: the process's highest memory while it ran; None where the system does not tell.
    """

    seconds: float
    plan_seconds: float | None
    peak_mb: float | None


def work(job: Job) -> tuple[Days, Times]:
    """Run the method and measure its days."""
    method = methods()[job.cell.method]
    with suppress(OSError):
        _RESET.write_text("5")  # the high-water mark of memory begins anew
    began = time.perf_counter()
    ran = method.run(job.case, Journal(job.checkpoints), job.options)
    seconds = time.perf_counter() - began
    held_mb = None
    with suppress(CannotMeasure):
        held_mb = peak_mb()
    plan_seconds = float(np.median(ran.seconds)) if ran.seconds else None
    days = measured(job.case, method, ran, job.extent, job.network)
    return days, Times(seconds, plan_seconds, held_mb)
