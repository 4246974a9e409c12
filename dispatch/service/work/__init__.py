"""What jobs do, one module a kind: ``dispatch/service/work/<kind>.py`` does jobs of that kind. Nothing lists them.

A kind is four functions, and some more where it wants them::

    def prepare(tx: Tx, job: Job) -> P
        In the worker, in one transaction that reads: all that the job needs; picklable.
    def run(asked: P, progress: Callable[[str], None]) -> O
        In a child process that is killed at the deadline: pure, picklable. What it says of its progress, listeners see.
    def floor(asked: P, reason: str) -> O | None
        In the worker: what is answered when run gave nothing; no solver, nothing that can hang. None: there is nothing.
    def commit(tx: Tx, job: Job, outcome: O) -> dict
        In the transaction that ends the job, once per job: writes what came of it, and answers the job's result.

    def check(asked: P, outcome: O) -> str | None       (optional) why an outcome is refused; None where it is whole
    def warm() -> None                                  (optional) in the child before its first job: slow imports
    def ready() -> None                                 (optional) in the worker before it claims: what ``floor`` needs
    DEADLINE_S: float                                   (optional) the deadline of jobs that name none
    ATTEMPTS: int, PAUSE_S: float                       (optional) how often it is tried, and the pause after the first

What is wrong with the user's data is raised as a :class:`~dispatch.errors.ConfigError`,
:class:`~dispatch.errors.DataError` or :class:`~dispatch.service.errors.ServiceError` by any of them: the job fails with
that problem and is not tried again. Whatever else is raised is tried again and then answered by ``floor``.

Artefacts: ``commit`` puts files into the store and names them in its result under ``files``, media type → id of the
file. ``GET /jobs/{id}/result`` answers by them.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from dispatch.service.store.jobs import Job
from dispatch.service.store.transaction import Tx

REQUIRED = ("prepare", "run", "floor", "commit")


def _whole(_asked: Any, _outcome: Any) -> None:
    """Nothing is known of what an outcome must look like."""
    return


def _cold() -> None:
    """Nothing to load."""


@dataclass(frozen=True)
class Kind:
    """What a module says of jobs of its kind; see this package.

    Attributes:
        module: by which a child process finds it.
    """

    name: str
    module: str
    prepare: Callable[[Tx, Job], Any]
    run: Callable[[Any, Callable[[str], None]], Any]
    floor: Callable[[Any, str], Any]
    commit: Callable[[Tx, Job, Any], dict[str, Any]]
    check: Callable[[Any, Any], str | None] = _whole
    warm: Callable[[], None] = _cold
    ready: Callable[[], None] = _cold
    deadline_s: float | None = None
    attempts: int | None = None
    pause_s: float | None = None


def of(module: ModuleType) -> Kind:
    """The kind that a module is.

    Raises:
        TypeError: it lacks one of the four functions.
    """
    missing = [name for name in REQUIRED if not callable(getattr(module, name, None))]
    if missing:
        raise TypeError(f"{module.__name__} is no kind of job: it lacks {', '.join(missing)}")
    name = module.__name__.rpartition(".")[2]
    said: dict[str, Any] = {function: getattr(module, function) for function in REQUIRED}
    said |= {
        function: getattr(module, function) for function in ("check", "warm", "ready") if hasattr(module, function)
    }
    said |= {each: getattr(module, each.upper(), None) for each in ("deadline_s", "attempts", "pause_s")}
    return Kind(name, module.__name__, **said)


def find(more: Iterable[str] = (), *, ours: bool = True) -> Mapping[str, Kind]:
    """All kinds by name: every module of this package that has a ``run``, and those named besides.

    Args:
        more: importable modules that are kinds, too, such as an operator's own.
        ours: whether those of this package are among them.
    """
    here = (f"{__name__}.{found.name}" for found in pkgutil.iter_modules(__path__) if ours)
    modules = [module for module in map(importlib.import_module, here) if hasattr(module, "run")]
    modules += [importlib.import_module(name) for name in more]
    return {kind.name: kind for kind in map(of, modules)}
