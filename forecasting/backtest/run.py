"""A backtest: models × training times × issue times, in chunks that run anywhere and are kept as they come.

A chunk is one model trained once and all the tasks it is then asked. Where a policy says when a model learns
(`forecasting.backtest.watched`), a chunk ends where the model is due, and the next one follows from it. A chunk gets an
archive that holds nothing but what was known at the instant of each question, so even one that goes behind `Known`
finds nothing more. How the work is cut does not depend on who runs it, a chunk uses one thread, and the whole is put
together in the order of the question: the same bytes come out of every executor, and of a run that was killed and
went on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from forecasting.archive import Archive
from forecasting.archive.known import Known
from forecasting.backtest import results
from forecasting.backtest.identity import archive_hash, code_of, content_hash
from forecasting.backtest.results import NO_ANSWER, Results
from forecasting.backtest.tasks import Task
from forecasting.backtest.watched import Past, Said, Watch, said_of
from forecasting.clock import Ns, utc_index, utc_text
from forecasting.errors import ForecastError, LookAheadError
from forecasting.models.base import CannotForecast, Model, Trained
from forecasting.observed import came, means_over, with_dark_hours
from forecasting.retraining import Due, Policy, due
from forecasting.targets import Place, Target

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]
DRIFTED, SINCE = b"drifted", b"since_day"
LAST_NS = int(np.iinfo(np.int64).max) // 2


class Executor(Protocol):
    """Runs chunks: yields each chunk's name with an answer that has either a `value` or, failed, a `text`."""

    def map(
        self, fn: Callable[[Any], Any], chunks: Sequence[tuple[str, Any]], deadline: float | None = None
    ) -> Iterator[tuple[str, Any]]:
        """Answers as they come, every chunk once; `deadline` in seconds from now."""
        ...


@dataclass(frozen=True)
class _Done:
    value: Any


class InTurn:
    """One chunk after the other in this process; an error is raised where it happens."""

    def map(
        self,
        fn: Callable[[Any], Any],
        chunks: Sequence[tuple[str, Any]],
        deadline: float | None = None,  # noqa: ARG002 - the protocol's; what runs here is not stopped
    ) -> Iterator[tuple[str, Any]]:
        """See `Executor`; a deadline is not looked at."""
        for name, chunk in chunks:
            yield name, _Done(fn(chunk))


@dataclass(frozen=True, eq=False)
class Backtest:
    """What is asked of which models. Model names must differ; all are asked every task.

    With a `policy` each model learns when it is due by it, at the issue of a task, whatever training times tasks name.
    """

    models: tuple[Model, ...]
    targets: tuple[Target, ...]
    place: Place
    tasks: tuple[Task, ...]
    levels: Floats
    policy: Policy | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be told apart later."""
        for what, names in (("models", [m.name for m in self.models]), ("targets", [t.name for t in self.targets])):
            if not names:
                raise ForecastError(f"{what}: none given; name at least one")
            if repeated := sorted({name for name in names if names.count(name) > 1}):
                raise ForecastError(f"{what}: {repeated} given more than once; names must differ")
        if not self.tasks:
            raise ForecastError("tasks: none given; a backtest needs one issue time at least")


@dataclass(frozen=True, eq=False)
class Chunk:
    """One model, one training and why, the tasks that follow it; with a policy, at most those to the next training.

    `past` is what the model said until then, for the watch.
    """

    model: Model
    tasks: tuple[Task, ...]
    why: Due
    policy: Policy | None = None
    past: Past = field(default_factory=Past)

    @property
    def name(self) -> str:
        """Model and time of training."""
        return f"{self.model.name} trained {utc_text(self.tasks[0].train_ns)}"


@dataclass(frozen=True, eq=False)
class Worker:
    """Runs chunks; a value that can be sent to another process."""

    archive: Archive
    targets: tuple[Target, ...]
    place: Place
    levels: Floats

    def __call__(self, chunk: Chunk) -> pa.Table:
        """The rows of a chunk; where drift ended it, its metadata say so."""
        import pyarrow as pa
        from threadpoolctl import threadpool_limits

        tables: list[pa.Table] = []
        drifted: tuple[Due, int] | None = None
        with threadpool_limits(limits=1):
            trained = self._trained(chunk)
            watch = self._watch(chunk, trained)
            for task in chunk.tasks:
                if watch is not None:
                    drifted = watch.drifted(sealed(self.archive, task.issue_ns))
                    if drifted is not None:
                        break
                said, rows = self._asked(chunk, task, trained)
                tables += rows
                if watch is not None:
                    watch.said.append(Said.of(task, said))
        table = results.with_training(pa.concat_tables(tables), chunk.tasks[0].train_ns, chunk.why)
        if drifted is None:
            return table
        return table.replace_schema_metadata({DRIFTED: drifted[0].text, SINCE: str(drifted[1])})

    def _watch(self, chunk: Chunk, trained: Trained | CannotForecast) -> Watch | None:
        if chunk.policy is None:
            return None
        learnt = None if isinstance(trained, CannotForecast) else trained
        return Watch(chunk.policy, self.targets, self.levels, chunk.tasks[0].train_ns, chunk.past, learnt)

    def _trained(self, chunk: Chunk) -> Trained | CannotForecast:
        longest = max(chunk.tasks, key=lambda task: len(task.edges_ns))
        known = sealed(self.archive, chunk.tasks[0].train_ns)
        try:
            return chunk.model.train(known, self.targets, self.place, longest.edges_ns - longest.issue_ns, self.levels)
        except CannotForecast as reason:
            return reason

    def _asked(
        self, chunk: Chunk, task: Task, trained: Trained | CannotForecast
    ) -> tuple[Mapping[str, Floats], list[pa.Table]]:
        said: Mapping[str, Floats] = {}
        rungs: Mapping[str, str | Sequence[str]] = {}
        text = ""
        try:
            if isinstance(trained, CannotForecast):
                raise trained
            said = trained.quantiles(sealed(self.archive, task.issue_ns), task.edges_ns)
            rungs = getattr(trained, "rungs", None) or {}
        except CannotForecast as reason:
            text = str(reason)
        tables = []
        for target in self.targets:
            quantiles = said.get(target.name)
            rung = rungs.get(target.name, chunk.model.name)
            if quantiles is None:
                rung = f"{NO_ANSWER}: {text or 'not among the answers'}"
            elif not np.isfinite(quantiles).all():
                raise ForecastError(f"{chunk.name}: {target.name} at {utc_text(task.issue_ns)} holds missing quantiles")
            actual = observed(self.archive, target, task.edges_ns)
            tables.append(
                results.block(
                    chunk.model.name,
                    target.name,
                    task.issue_ns,
                    task.edges_ns,
                    self.levels,
                    quantiles,
                    actual,
                    rung,
                    (target.place or self.place).time_zone,
                )
            )
        return said, tables


def sealed(archive: Archive, time_ns: int) -> Known:
    """What was known at an instant, out of an archive that holds nothing else."""
    visible = {key: rows.take(rows.available_ns <= time_ns) for key, rows in archive._rows.items()}
    held = {key: rows for key, rows in visible.items() if len(rows)}
    return Archive(MappingProxyType(held)).as_of(utc_index(np.array([time_ns]))[0])


def observed(archive: Archive, target: Target, edges_ns: Ns) -> Floats:
    """What came (T,), by the last word of the measurements; for scores alone."""
    return came(_in_the_end(archive), target, edges_ns)


def measured(archive: Archive, target: Target, edges_ns: Ns) -> Floats:
    """What was measured (T,), by the last word, whether or not it was held back."""
    return means_over(_in_the_end(archive).measurements(target.site, target.name), edges_ns)


def _in_the_end(archive: Archive) -> Known:
    return archive.as_of(utc_index(np.array([LAST_NS]))[0])


def chunks(asked: Backtest) -> tuple[Chunk, ...]:
    """The work, cut by model and training time, nothing else; with a policy the first chunk of each model."""
    if asked.policy is not None:
        first = due(asked.policy, None, 0)
        assert first is not None
        tasks = sorted(asked.tasks, key=lambda task: task.issue_ns)
        return tuple(_watched(asked.policy, model, tasks, first, Past()) for model in asked.models)
    found = []
    times = sorted({task.train_ns for task in asked.tasks})
    for model in asked.models:
        for number, train in enumerate(times):
            tasks = sorted((task for task in asked.tasks if task.train_ns == train), key=lambda task: task.issue_ns)
            why = Due("schedule", "the tasks say so") if number else Due("first", "it has not learnt yet")
            found.append(Chunk(model, tuple(tasks), why))
    return tuple(found)


def _watched(policy: Policy, model: Model, tasks: Sequence[Task], why: Due, past: Past) -> Chunk:
    """The chunk that begins with the first task: trained at its issue, and no longer than the schedule."""
    train = tasks[0].issue_ns
    there = [replace(task, train_ns=train) for task in tasks if due(policy, train, task.issue_ns) is None]
    return Chunk(model, tuple(there), why, policy, past)


def following(asked: Backtest, chunk: Chunk, table: pa.Table) -> Chunk | None:
    """What comes after a chunk that is done, None after the last."""
    policy = chunk.policy
    if policy is None:
        return None
    answered = results.Results(table).series()
    last = max(int(one.issue_ns[-1]) for one in answered)
    left = sorted((task for task in asked.tasks if task.issue_ns > last), key=lambda task: task.issue_ns)
    if not left:
        return None
    told = table.schema.metadata or {}
    since = int(told[SINCE]) if SINCE in told else None
    past = chunk.past.then(said_of(answered, chunk.tasks), since)
    why = (
        due(policy, chunk.tasks[0].train_ns, left[0].issue_ns)
        if since is None
        else Due("drift", told[DRIFTED].decode())
    )
    assert why is not None
    return _watched(policy, chunk.model, left, why, past)


@dataclass
class Journal:
    """Chunks that are done, as files named by the hash of everything that decides them; without a folder none."""

    folder: Path | None = None
    names: dict[str, str] = field(default_factory=dict)

    def file(self, identity: str) -> Path | None:
        """Where a chunk of that identity is kept."""
        return None if self.folder is None else self.folder / f"{identity}.parquet"

    def load(self, identity: str) -> pa.Table | None:
        """A chunk, None where it is not done."""
        import pyarrow.parquet as pq

        path = self.file(identity)
        return pq.read_table(path) if path is not None and path.is_file() else None

    def save(self, identity: str, table: pa.Table) -> None:
        """Keep a chunk."""
        if (path := self.file(identity)) is not None:
            results.write_table(table, path)


def run(
    asked: Backtest,
    archive: Archive,
    executor: Executor | None = None,
    *,
    folder: Path | None = None,
    deadline: float | None = None,
    progress: Callable[[str, int, int], None] = lambda _name, _done, _all: None,
) -> Results:
    """Run what is not in the folder yet, and give all of it.

    Args:
        asked: models, targets and tasks.
        archive: everything, with the time at which it became known.
        executor: where chunks run; one after the other here by default.
        folder: where chunks are kept and looked for.
        deadline: seconds after which what is not done fails; what is done is kept.
        progress: told the chunk that came, how many are done, and of how many.

    Raises:
        LookAheadError: a model asked for what was not known yet.
        ForecastError: a chunk failed; the message names it. What is done is kept, and the next run goes on from it.
    """
    import pyarrow as pa

    archive = with_dark_hours(archive, asked.targets, asked.place)
    work = _Work(asked, Journal(folder), archive_hash(archive))
    waiting = work.open()
    progress("", len(work.done), work.known)
    worker = Worker(archive, asked.targets, asked.place, asked.levels)
    ends = None if deadline is None else time.monotonic() + deadline
    while waiting:
        failed = []
        left = [(chunk.name, chunk) for chunk in waiting]
        for name, answer in (executor or InTurn()).map(worker, left, None if ends is None else ends - time.monotonic()):
            if not hasattr(answer, "value"):
                failed.append(f"{name}: {answer.text}")
                continue
            work.keep(name, answer.value)
            progress(name, len(work.done), work.known)
        _told(failed)
        waiting = work.open()
    whole = pa.concat_tables([work.done[chunk.name] for line in work.lines for chunk in line])
    return Results(whole.replace_schema_metadata(None))


@dataclass
class _Work:
    """Lines of chunks, each of which follows from the one before it, and the rows of those that are done, by name."""

    asked: Backtest
    journal: Journal
    data: str
    done: dict[str, pa.Table] = field(default_factory=dict)
    lines: list[list[Chunk]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lines = [[chunk] for chunk in chunks(self.asked)]

    @property
    def known(self) -> int:
        """How many chunks there are as far as is known."""
        return sum(map(len, self.lines))

    def open(self) -> list[Chunk]:
        """The chunks to be done next; what the journal holds is done."""
        waiting = []
        for line in self.lines:
            while (table := self._table(line[-1])) is not None:
                after = following(self.asked, line[-1], table)
                if after is None:
                    break
                line.append(after)
            else:
                waiting.append(line[-1])
        return waiting

    def _table(self, chunk: Chunk) -> pa.Table | None:
        if chunk.name not in self.done and (kept := self.journal.load(self._identity(chunk))) is not None:
            self.done[chunk.name] = kept
        return self.done.get(chunk.name)

    def keep(self, name: str, table: pa.Table) -> None:
        """A chunk that is done now."""
        self.done[name] = table
        self.journal.save(self._identity(next(line[-1] for line in self.lines if line[-1].name == name)), table)

    def _identity(self, chunk: Chunk) -> str:
        asked = self.asked
        of_chunk = (chunk.tasks, chunk.why, chunk.policy, chunk.past)
        return content_hash(
            self.data, code_of(chunk.model), chunk.model, asked.targets, asked.place, asked.levels, of_chunk
        )


def _told(failed: Sequence[str]) -> None:
    """Raise for chunks that failed, as what they failed of."""
    if not failed:
        return
    more = f" ({len(failed) - 1} more failed)" if len(failed) > 1 else ""
    looked = [text for text in failed if LookAheadError.__name__ in text]
    if looked:
        raise LookAheadError(f"{looked[0]}{more}")
    raise ForecastError(f"{failed[0]}{more}; what is done is kept, and the next run goes on from it")
