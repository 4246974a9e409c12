"""Solvers that break in every way we could think of; a worker's process finds them by module and name.

Each takes the healthy answer as a function, so that one that lies about a point solves it first, and one that crashes
does not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.crash import broken_answers as answers
from benchmarks.crash import broken_processes as processes
from benchmarks.crash.asked import Asked
from dispatch.solver.highs import Answer, Limits, Matrices, run

Fault = Callable[[Asked], Any]

FAMILIES: dict[str, tuple[Fault, ...]] = {
    "exception": (processes.exception, processes.exception_without_text, processes.exception_that_ends),
    "infeasible": (processes.infeasible, processes.time_limit),
    "NaN": (
        answers.nan_in_point,
        answers.nan_everywhere,
        answers.infinite_point,
        answers.nan_objective,
        answers.nan_bound,
        answers.nan_duals,
    ),
    "hang": (
        processes.hang,
        processes.hang_native,
        processes.hang_busy,
        processes.stopped,
        processes.hang_after_points,
        processes.hang_with_child,
    ),
    "out of memory": (processes.memory_refused, processes.killed_allocating),
    "crash": (processes.segfault, processes.abort, processes.exit_with_success),
    "truncated or wrong length": (
        answers.truncated,
        answers.empty,
        answers.too_long,
        answers.folded,
        answers.short_duals,
    ),
    "wrong point, objective or bound": (
        answers.wrong_point,
        answers.shaken_point,
        answers.permuted_point,
        answers.wrong_objective,
        answers.wrong_bound,
    ),
    "no answer": (
        answers.nothing,
        answers.wrong_type,
        answers.wrong_fields,
        answers.cannot_be_read,
        answers.cannot_be_sent,
    ),
    "on the pipe": (
        processes.garbage,
        processes.garbage_and_hang,
        processes.huge_frame,
        processes.half_a_frame,
        processes.another_message,
        processes.pipes_closed,
    ),
    "points on the way": (answers.flood_of_points, answers.bad_points_then_crash),
}
FAULTS: dict[str, Fault] = {fault.__name__: fault for family in FAMILIES.values() for fault in family}


@dataclass(frozen=True)
class Injected:
    """A solver whose calls go wrong as planned; each fault is written into ``log`` before it happens.

    Attributes:
        fault: what the first call meets.
        after: what later calls meet: nothing, the same, or now and then another.
        seed: of what is drawn.
    """

    fault: str
    after: str
    seed: int
    log: str

    def __call__(
        self,
        matrices: Matrices,
        limits: Limits,
        *,
        improved: Callable[[Any], None] | None = None,
        **named: Any,
    ) -> Any:
        number = len(Path(self.log).read_bytes().splitlines())
        random = np.random.default_rng([self.seed, number])
        name = self._name(number, random)
        with Path(self.log).open("a") as told:
            told.write(name + "\n")
        if name == "healthy":
            return run(matrices, limits, improved=improved, **named)

        def healthy() -> Answer:
            return run(matrices, limits, improved=improved, **named)

        return FAULTS[name](Asked(matrices, limits.seconds or 0.0, healthy, improved, random))

    def _name(self, number: int, random: np.random.Generator) -> str:
        if number == 0 or self.after == "same":
            return self.fault
        if self.after == "healthy" or random.random() < 0.5:
            return "healthy"
        return str(random.choice(list(FAULTS)))
