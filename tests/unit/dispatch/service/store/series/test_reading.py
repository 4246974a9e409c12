"""Reading by time, name, moment and step; the archive that plans are made on."""

from __future__ import annotations

import concurrent.futures
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from dispatch.service.errors import NotFoundError
from dispatch.service.store import Store, series
from dispatch.service.store.series import reading
from tests.unit.dispatch.service.store.parks import QUARTER, START, put, rows


@pytest.fixture(autouse=True, params=["in memory", "by DuckDB"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Little is looked through in memory, much by DuckDB: it is the same."""
    if request.param == "by DuckDB":
        monkeypatch.setattr(reading, "_SMALL", -1)


@pytest.fixture
def filled(store: Store) -> Store:
    """Half in Parquet, half in the journal."""
    put(store, "a", "b")
    with store.write("north", "test") as tx:
        series.append(tx, rows(range(96)))
    series.compact(store, "north")
    with store.write("north", "test") as tx:
        series.append(tx, rows(range(96, 192), first=96))
        series.append(tx, rows([5, 6], series="offices"))
        series.append(tx, rows([1], site="b"))
    return store


def test_a_value_stands_at_the_end_of_its_interval(filled: Store) -> None:
    with filled.read("north") as tx:
        found = series.read(tx, "a", ["roof"], START + 4 * QUARTER, START + 8 * QUARTER)
    assert found["value"].to_pylist() == [4, 5, 6, 7]  # those of the second hour


def test_all_series_of_a_site_and_of_no_other(filled: Store) -> None:
    with filled.read("north") as tx:
        found = series.read(tx, "a", None, START, START + timedelta(days=3))
        assert set(found["series"].to_pylist()) == {"roof", "offices"}
        assert len(found) == 194
        assert len(series.read(tx, "a", ["roof"], START, START + timedelta(days=3), limit=7)) == 7
        assert len(series.read(tx, "c", None, START, START + timedelta(days=3))) == 0
    with filled.read("south") as tx:
        assert len(series.read(tx, "a", None, START, START + timedelta(days=3))) == 0


@pytest.mark.parametrize(("hours", "count"), [(1, 48), (24, 2)])
def test_means_over_steps_say_of_how_many_values(filled: Store, hours: int, count: int) -> None:
    with filled.read("north") as tx:
        found = series.read(tx, "a", ["roof"], START, START + timedelta(days=2), step=timedelta(hours=hours))
    assert len(found) == count
    assert found["count"].to_pylist() == [4 * hours] * count
    values = np.arange(192).reshape(count, -1).mean(axis=1)
    assert found["value"].to_pylist() == values.tolist()
    assert found["time"].to_pylist() == [START + (n + 1) * timedelta(hours=hours) for n in range(count)]


def test_what_nobody_knows_is_in_no_mean(store: Store) -> None:
    put(store, "a")
    with store.write("north", "test") as tx:
        series.append(tx, rows([None, 4, None, None, None, None, None, None]))
    with store.read("north") as tx:
        found = series.read(tx, "a", ["roof"], START, START + timedelta(days=1), step=timedelta(hours=1))
    assert found["value"].to_pylist() == [4, None]
    assert found["count"].to_pylist() == [1, 0]


def test_the_archive_knows_what_was_received_when(filled: Store) -> None:
    with filled.read("north") as tx:
        found = series.archive(tx, "a", ["roof"])
        rows_there = found.rows()["works", "roof"]  # under the park's own name
        now = pd.Timestamp(tx.now)
    assert len(found.as_of(now).measurements("works", "roof").value) == 192
    assert rows_there.value.tolist() == list(range(192))
    before = found.as_of(pd.Timestamp(START) + pd.Timedelta(days=9))
    assert len(before.measurements("works", "roof").value) == 0


def test_the_archive_shows_a_correction_from_its_receipt_on(store: Store) -> None:
    put(store, "a")
    with store.write("north", "test") as tx:
        first = series.append(tx, rows([1, 2])).received
    series.compact(store, "north")
    with store.write("north", "test") as tx:
        series.append(tx, rows([5]))
        now = pd.Timestamp(tx.now) + pd.Timedelta(minutes=1)
    with store.read("north") as tx:
        found = series.archive(tx, "a")
    assert found.as_of(pd.Timestamp(first)).measurements("works", "roof").value.tolist() == [1, 2]
    assert found.as_of(now).measurements("works", "roof").value.tolist() == [5, 2]


def test_the_archive_as_if_values_had_come_in_time(filled: Store) -> None:
    with filled.read("north") as tx:
        found = series.archive(tx, "a", ["roof"], delay=timedelta(minutes=15))
    known = found.as_of(pd.Timestamp(START + timedelta(hours=2))).measurements("works", "roof")
    assert known.value.tolist() == list(range(7))


def test_no_archive_of_no_site(store: Store) -> None:
    with store.read("north") as tx, pytest.raises(NotFoundError):
        series.archive(tx, "nobody")


def test_many_read_at_once(filled: Store) -> None:
    def work(number: int) -> float:
        with filled.read("north") as tx:
            found = series.read(tx, "a", ["roof"], START, START + number * QUARTER)
        return float(sum(found["value"].to_pylist()))

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(1, 60))) == [sum(range(number)) for number in range(1, 60)]


def test_a_moment_far_from_any_calendar(filled: Store) -> None:
    lowest, highest = datetime.min.replace(tzinfo=START.tzinfo), datetime.max.replace(tzinfo=START.tzinfo)
    with filled.read("north") as tx:
        assert len(series.read(tx, "a", ["roof"], lowest, highest, highest)) == 192
