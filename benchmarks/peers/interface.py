"""What every peer is: a module with four functions, and what it answers."""

from __future__ import annotations

import contextlib
import importlib
import os
import pkgutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version as installed
from typing import Any, Protocol

import benchmarks.peers
from benchmarks.cases.shared import Shared
from benchmarks.rows import CannotMeasure

_NOT_PEERS = {"interface", "outside", "programs", "comparison", "table", "cli"}


@dataclass(frozen=True)
class Answer:
    """What a program made of a case.

    Attributes:
        objective: in the case's unit, as the program itself counts it.
        build_s: from the data in memory to a model that can be solved.
        solve_s: from there to values that can be read.
        again_s: the same case with other demand to values, in the model that is kept, or built anew; None where a case
            has no second demand.
        again_objective: of that.
        keeps: does the program keep its model for that?
        series: by name, what the plan does at the grid; empty where nobody asks.
        solver: and its tolerance, as it was set.
        note: conventions of the program that a reader must know.
    """

    objective: float
    build_s: float
    solve_s: float
    again_s: float | None
    again_objective: float | None
    keeps: bool
    solver: str
    status: str = "optimal"
    series: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    note: str = ""

    @property
    def cold_s(self) -> float:
        return self.build_s + self.solve_s


class Peer(Protocol):
    """A module of this package. Importing it raises ModuleNotFoundError where its packages are missing.

    One with ``OWN_PROCESS = True`` starts a process for each answer, which warms up by itself.
    """

    def name(self) -> str: ...
    def version(self) -> str:
        """Raises CannotMeasure, naming the command that installs it, where it is not there."""
        ...

    def can(self, case: Shared) -> bool: ...
    def solve(self, case: Shared) -> Answer: ...


def names() -> list[str]:
    """Modules that are peers, ourselves first."""
    found = [module.name for module in pkgutil.iter_modules(benchmarks.peers.__path__)]
    return sorted((name for name in found if name not in _NOT_PEERS), key=lambda name: (name != "parkwatt", name))


def find(name: str) -> Any:
    """The peer's module; CannotMeasure where a package that it needs is not in this environment."""
    try:
        return importlib.import_module(f"benchmarks.peers.{name}")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in {"linopy", "oemof", "pyomo", "pypsa", "xarray"}:
            raise CannotMeasure(f"{error.name} is not installed: make bench-env") from error
        raise


def version_of(distribution: str) -> str:
    return installed(distribution)


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """HiGHS greets on the process's standard output, which may be somebody's JSON."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def anew(case: Shared, built: Callable[[Any], Any], solved: Callable[[Any], float]) -> Answer:
    """The answer of a program whose models take their numbers when they are built: both demands are built anew."""
    watch = Watch()
    model = built(case.data)
    build_s = watch.lap()
    first = solved(model)
    solve_s = watch.lap()
    again = solved(built(case.again))
    again_s = watch.lap()
    solver = f"HiGHS {version_of('highspy')}, gap {case.gap:g}"
    return Answer(first, build_s, solve_s, again_s, again, keeps=False, solver=solver)


class Watch:
    """Seconds since the last look."""

    def __init__(self) -> None:
        self._last = time.perf_counter()

    def lap(self) -> float:
        last, self._last = self._last, time.perf_counter()
        return self._last - last
