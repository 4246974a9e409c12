"""A year of AC power flows, written to Parquet while it runs.

Only a few chunks of steps are in memory at any time, whatever the length of the study: ``workers + 2`` of them, each
about ``chunk_steps · (5 nodes + 4 branches) · 16`` bytes. A chunk becomes one row group of the file.

The file has one row a step: ``time``, the chosen series with a column for each bus or branch ("vm_pu/Bus 3"),
``slack_p_kw``, ``losses_kw`` and ``converged``. A step without an AC solution is NaN throughout. Its metadata name
the network, the hash of its content and the notes that go with its data.
"""

from __future__ import annotations

import collections
import itertools
import json
import queue
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from grid_models.batch_engine import BatchEngine
from grid_models.branch_flows import Complex, Terminals
from grid_models.errors import GridError
from grid_models.injections import Injections
from grid_models.network import Array, Network
from grid_models.power_flow import node_power

Series = Literal["vm_pu", "branch_loading_pu", "branch_from_kw", "branch_to_kw"]
SERIES: tuple[Series, ...] = ("vm_pu", "branch_loading_pu", "branch_from_kw", "branch_to_kw")
_TOTALS = ("slack_p_kw", "losses_kw")
_KEY = b"parkwatt"


@dataclass(frozen=True)
class Layout:
    """What is written, and how.

    series        the quantities per bus or branch
    dtype         of all of them: float32 rounds a voltage near 1 by 6e-8 p.u. at most, float64 not at all
    chunk_steps   steps solved at a time, and in one row group
    workers       threads that solve; two use both cores of a small machine
    """

    series: tuple[Series, ...] = ("vm_pu", "branch_loading_pu")
    dtype: Literal["float32", "float64"] = "float32"
    chunk_steps: int = 2048
    workers: int = 2

    def __post_init__(self) -> None:
        unknown = [name for name in self.series if name not in SERIES]
        if unknown:
            raise GridError(f"unknown series {unknown[0]!r}; accepted are {', '.join(SERIES)}")
        if self.dtype not in ("float32", "float64"):
            raise GridError(f"dtype is {self.dtype!r}; accepted are 'float32' and 'float64'")
        for name in ("chunk_steps", "workers"):
            if getattr(self, name) < 1:
                raise GridError(f"{name} is {getattr(self, name)}; at least 1 is needed")


@dataclass(frozen=True)
class Written:
    """A finished file: its steps, how many of them have no AC solution, and how many an earlier run had done."""

    path: Path
    steps: int
    unsolved: int
    resumed_steps: int


def write_year(
    network: Network,
    wall_clock: pd.DatetimeIndex,
    path: Path,
    injections: Callable[[slice], Injections] | None = None,
    *,
    step_h: float = 0.25,
    layout: Layout | None = None,
    resume: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Written:
    """Solve every step of ``wall_clock`` with the batch engine and write the results to ``path``.

    Args:
        network: with or without its reference net.
        wall_clock: naive times at which the steps start, any number of them.
        path: the Parquet file. Until it is complete it is called ``path`` + ".part".
        injections: all that is injected in the steps of a slice; None: the network's background, over steps of
            ``step_h`` hours. Called from several threads, for one slice each.
        resume: take over the steps of an interrupted run's ".part" instead of solving them again.
        progress: called with the number of steps written so far, after each chunk.

    Raises:
        GridError: injections that do not fit, or a ".part" that another network, clock or layout has left.
    """
    layout = layout or Layout()
    run = _Run(network, wall_clock, injections or _background(network, wall_clock, step_h), layout)
    part = path.with_name(path.name + ".part")
    with _Sink(part, run, take_over=resume) as sink:
        resumed = sink.steps
        for batch in run.batches(sink.steps):
            sink.write(batch)
            if progress is not None:
                progress(sink.steps)
    part.replace(path)
    return Written(path, sink.steps, sink.unsolved, resumed)


def _background(network: Network, wall_clock: pd.DatetimeIndex, step_h: float) -> Callable[[slice], Injections]:
    return lambda part: network.background(wall_clock[part], step_h)


class _Run:
    """The steps of one study: solves chunks and lays them out as record batches."""

    def __init__(
        self,
        network: Network,
        wall_clock: pd.DatetimeIndex,
        injections: Callable[[slice], Injections],
        layout: Layout,
    ) -> None:
        if not len(wall_clock):
            raise GridError("wall_clock has no steps; at least one is needed")
        if wall_clock.tz is not None:
            raise GridError(f"wall_clock wants naive times, got times in {wall_clock.tz}; drop the zone")
        self._network, self._injections, self.layout = network, injections, layout
        self.wall_clock = wall_clock.as_unit("us")
        self._ends = Terminals.of(network.ac)
        self._engines: queue.SimpleQueue[BatchEngine] = queue.SimpleQueue()
        # What float32 rounds away need not be solved for; machines that hold a voltage need it all the same.
        rough = layout.dtype == "float32" and not network.ac.regulated_node.size
        first = BatchEngine(network.ac, 1e-8 if rough else 1e-10)
        for k in range(layout.workers):
            self._engines.put(first if k == 0 else first.another())
        self.schema = _schema(network, layout)

    def batches(self, start: int) -> Iterator[Any]:
        """Record batches from step ``start`` on, in order; solved by ``workers`` threads, few ahead of the reader."""
        steps, size = len(self.wall_clock), self.layout.chunk_steps
        parts = iter([slice(s, min(s + size, steps)) for s in range(start, steps, size)])
        with ThreadPoolExecutor(self.layout.workers) as pool:
            ahead: collections.deque[Future[Any]] = collections.deque()
            try:
                for part in itertools.islice(parts, self.layout.workers + 1):
                    ahead.append(pool.submit(self._solve, part))
                while ahead:
                    batch = ahead.popleft().result()
                    for part in itertools.islice(parts, 1):
                        ahead.append(pool.submit(self._solve, part))
                    yield batch
            finally:
                for waiting in ahead:
                    waiting.cancel()

    def _solve(self, part: slice) -> Any:
        import pyarrow as pa

        given = self._injections(part)
        if given.steps != part.stop - part.start:
            raise GridError(f"injections have {given.steps} steps for the steps {part.start} to {part.stop - 1}")
        p_kw, q_kvar = node_power(self._network, given, None)
        engine = self._engines.get()
        try:
            voltage = engine.voltage(p_kw, q_kvar)
        finally:
            self._engines.put(engine)
        columns = [pa.array(self.wall_clock[part])]
        for values in self._values(voltage, p_kw):
            columns += [pa.array(row) for row in values.astype(self.layout.dtype, copy=False)]
        columns.append(pa.array(np.isfinite(voltage).all(axis=0)))
        return pa.record_batch(columns, schema=self.schema)

    def _values(self, voltage: Complex, p_kw: Array) -> Iterator[Array]:
        """The chosen series (rows, T), then the totals (1, T)."""
        chosen = self.layout.series
        powers = self._ends.powers_kw(voltage) if {"branch_from_kw", "branch_to_kw"} & set(chosen) else None
        for name in chosen:
            if name == "vm_pu":
                yield np.abs(voltage)[self._network.ac.bus_node]
            elif name == "branch_loading_pu":
                yield self._ends.loading_pu(voltage)
            elif powers is not None:
                yield powers[name == "branch_to_kw"]
        slack_kw = self._ends.import_kw(voltage, p_kw)
        yield slack_kw[None]
        yield (slack_kw + p_kw.sum(axis=0))[None]


class _Sink:
    """The Parquet file of a run. Closing it writes its end, so what an interrupted run has done can be read."""

    def __init__(self, path: Path, run: _Run, *, take_over: bool) -> None:
        self._path, self._run, self._take_over = path, run, take_over
        self.steps = self.unsolved = 0

    def __enter__(self) -> _Sink:
        import pyarrow.parquet as pq

        kept = self._path.with_name(self._path.name + ".kept")
        take_over = self._take_over and self._path.is_file()
        if take_over:
            self._check(_opened(self._path))
            self._path.replace(kept)
        # Measured on results of a SimBench grid: dictionaries never pay for such numbers and double the time.
        self._writer = pq.ParquetWriter(self._path, self._run.schema, use_dictionary=False, compression="none")
        if take_over:
            for batch in _opened(kept).iter_batches(self._run.layout.chunk_steps):
                self.write(batch)
            kept.unlink()
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def write(self, batch: Any) -> None:
        """One row group."""
        self._writer.write_batch(batch)
        self.steps += batch.num_rows
        self.unsolved += batch.num_rows - batch["converged"].true_count

    def _check(self, kept: Any) -> None:
        """Whether an interrupted run was this one."""
        if not kept.schema_arrow.equals(self._run.schema, check_metadata=True):
            raise GridError(f"{str(self._path)!r} was written for another network or layout; delete it to start anew")
        clock = pd.DatetimeIndex(kept.read(["time"])["time"].to_pandas()).as_unit("us")
        if not clock.equals(self._run.wall_clock[: len(clock)]):
            raise GridError(f"{str(self._path)!r} was written for other times; delete it to start anew")


def _opened(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path)
    except pa.ArrowInvalid:
        raise GridError(
            f"{str(path)!r} has no end: its run was killed and nothing of it can be read; delete it to start anew"
        ) from None


def _schema(network: Network, layout: Layout) -> Any:
    import pyarrow as pa

    kind = {"float32": pa.float32(), "float64": pa.float64()}[layout.dtype]
    names = {name: network.bus_names if name == "vm_pu" else network.branch_names for name in SERIES}
    fields = [pa.field("time", pa.timestamp("us"))]
    fields += [pa.field(f"{series}/{element}", kind) for series in layout.series for element in names[series]]
    fields += [pa.field(name, kind) for name in _TOTALS]
    fields.append(pa.field("converged", pa.bool_()))
    told = {"network": network.name, "content_hash": network.content_hash, "notes": list(network.notes)}
    return pa.schema(fields, metadata={_KEY: json.dumps(told).encode()})
