"""Moving the journal to Parquet changes nothing that is read, whatever happens in between."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.service.store import Store, durable, health, series, upkeep
from dispatch.service.store.faults import DamagedError
from dispatch.service.store.series import compaction, tables
from tests.unit.dispatch.service.store.parks import QUARTER, START, put, rows

_NUMBERS = itertools.count()
END = START + timedelta(days=30)


def append(store: Store, table: pa.Table) -> datetime:
    with store.write("north", "test") as tx:
        return series.append(tx, table).received


def read(store: Store, as_of: datetime | None = None) -> list[tuple[int, float | None]]:
    with store.read("north") as tx:
        found = series.read(tx, "a", ["roof"], START, END, as_of)
    times = [(time - START) // QUARTER for time in found["time"].to_pylist()]
    return list(zip(times, found["value"].to_pylist(), strict=True))


def counts(store: Store) -> tuple[int, int]:
    with store.read("north") as tx:
        return len(tx.all(tx.select(tables.journal))), len(tx.all(tx.select(tables.parts)))


def test_values_are_the_same_from_the_journal_and_from_parquet(store: Store) -> None:
    put(store, "a", "b")
    first = append(store, rows(range(300)))
    append(store, rows([7, None, 9], first=90))
    append(store, rows(range(5), site="b"))
    now, then = read(store), read(store, first)
    assert series.compact(store, "north").parts == 4
    assert counts(store) == (0, 4)
    assert (read(store), read(store, first)) == (now, then)
    assert series.compact(store, "north").entries == 0
    assert health.check(store).problems == ()


def test_small_parts_of_a_day_are_merged_and_the_old_ones_wait_for_the_sweep(store: Store) -> None:
    put(store, "a")
    for number in range(9):
        append(store, rows([number], first=number))
        series.compact(store, "north")
    assert counts(store) == (0, 2)
    assert [value for _, value in read(store)] == list(range(9))
    root = store.disk.series("north")
    assert len(list(root.rglob("*.parquet"))) == 9
    assert upkeep.sweep(store) == 0
    assert upkeep.sweep(store, grace_s=-1) == 7
    assert [value for _, value in read(store)] == list(range(9))


def test_files_are_plain_parquet_that_others_can_read(store: Store) -> None:
    put(store, "a")
    append(store, rows([1, None]))
    series.compact(store, "north")
    (path,) = store.disk.series("north").rglob("*.parquet")
    found = pq.read_table(path)
    assert found.drop_columns(["received"]).to_pylist() == [
        {"site": "a", "series": "roof", "source": "", "time": START + QUARTER, "value": 1.0},
        {"site": "a", "series": "roof", "source": "", "time": START + 2 * QUARTER, "value": None},
    ]


class _KilledError(BaseException):
    """Stands for the end of the process: nothing of ours catches it."""


@pytest.mark.parametrize("step", ["fsync", "rename", "sync_folder", "swap", "insert"])
def test_a_compaction_that_dies_anywhere_leaves_all_values(
    store: Store, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, "a")
    append(store, rows(range(200)))
    before = read(store)

    def die(*_: Any, **__: Any) -> None:
        raise _KilledError

    with monkeypatch.context() as patched:
        targets: dict[str, tuple[Any, str]] = {
            "fsync": (durable.os, "fsync"),
            "rename": (Path, "rename"),
            "sync_folder": (durable, "sync_folder"),
            "swap": (compaction, "_swap"),
            "insert": (compaction, "_remove"),
        }
        patched.setattr(*targets[step], die)
        with pytest.raises(_KilledError):
            series.compact(store, "north")
    assert read(store) == before
    assert counts(store) == (1, 0)
    assert series.compact(store, "north").rows == 200
    assert read(store) == before
    upkeep.sweep(store, grace_s=-1)
    assert read(store) == before
    assert not list(store.disk.series("north").rglob(f"*{durable.UNFINISHED}"))


def test_of_two_compactions_at_once_one_counts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, "a")
    append(store, rows(range(50)))
    before = read(store)
    together = threading.Barrier(2)
    real = compaction._swap

    def wait(*args: Any) -> None:
        real(*args)

    real_write = compaction._write

    def written(*args: Any) -> Any:
        made = real_write(*args)
        together.wait(10)
        return made

    monkeypatch.setattr(compaction, "_write", written)
    monkeypatch.setattr(compaction, "_swap", wait)
    done: list[int] = []
    threads = [threading.Thread(target=lambda: done.append(series.compact(store, "north").rows)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [0, 50]
    assert counts(store) == (0, 1)
    assert read(store) == before


def test_writers_go_on_while_files_are_written(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, "a")
    append(store, rows(range(10)))
    real = compaction._write

    def meanwhile(*args: Any) -> Any:
        append(store, rows([99], first=10))  # in the middle of a compaction: it would wait for ever for a held lock
        return real(*args)

    monkeypatch.setattr(compaction, "_write", meanwhile)
    assert series.compact(store, "north").rows == 10
    assert read(store)[-1] == (11, 99)
    assert counts(store) == (1, 1)


def test_a_part_that_is_lost_is_an_error_and_no_gap(store: Store) -> None:
    put(store, "a")
    append(store, rows([1, 2]))
    series.compact(store, "north")
    next(store.disk.series("north").rglob("*.parquet")).unlink()
    with pytest.raises(DamagedError):
        read(store)


def test_journals_are_moved_when_they_are_long_or_old(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, "a")
    append(store, rows([1]))
    assert upkeep.compact(store) == 0
    monkeypatch.setattr(upkeep, "AGE", timedelta(0))
    assert upkeep.compact(store) == 1
    append(store, rows([2], first=1))
    monkeypatch.setattr(upkeep, "AGE", timedelta(days=1))
    assert upkeep.compact(store, everything=True) == 1


STEPS = st.lists(
    st.one_of(
        st.just("compact"),
        st.just("sweep"),
        st.tuples(st.integers(0, 250), st.lists(st.none() | st.integers(0, 3), min_size=1, max_size=6)),
    ),
    max_size=12,
)


@settings(max_examples=15)
@given(steps=STEPS)
def test_whatever_comes_in_whatever_order_is_what_a_table_would_hold(
    new_store_of: Callable[[str], Store], steps: list[Any]
) -> None:
    """Against a dictionary: the last value of each time, and what it was at every moment before."""
    store = new_store_of("sqlite")
    site = f"s{next(_NUMBERS)}"  # a site of its own for each example
    put(store, site)
    model: dict[int, float | None] = {}
    moments: list[tuple[datetime, dict[int, float | None]]] = []
    for step in steps:
        if step == "compact":
            series.compact(store, "north")
        elif step == "sweep":
            upkeep.sweep(store, grace_s=-1)
        else:
            first, values = step
            with store.write("north", "test") as tx:
                receipt = series.append(tx, rows(values, site=site, first=first))
            new = {first + at + 1: value for at, value in enumerate(values)}
            assert receipt.taken == sum(key not in model or model[key] != value for key, value in new.items())
            model |= new
            moments.append((receipt.received, dict(model)))
    for moment, expected in moments[-3:]:
        with store.read("north") as tx:
            found = series.read(tx, site, None, START, END, moment)
            (held,) = series.holdings(tx, site)
        times = [(time - START) // QUARTER for time in found["time"].to_pylist()]
        assert dict(zip(times, found["value"].to_pylist(), strict=True)) == expected
        assert held.times == len(model)
