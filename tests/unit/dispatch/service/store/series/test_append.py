"""What becomes of each row, on both databases."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from dispatch.service.store import Store, audit, series, sites
from dispatch.service.store.faults import ReadOnlyError
from dispatch.service.store.series import Receipt, Verdict
from dispatch.service.store.series.rows import TIME
from tests.unit.dispatch.service.store.parks import QUARTER, START, body, put, rows


@pytest.fixture(autouse=True)
def _site(store: Store) -> None:
    put(store, "a", "b")


def append(store: Store, table: pa.Table, **more: object) -> Receipt:
    with store.write("north", "test") as tx:
        return series.append(tx, table, **more)  # type: ignore[arg-type]


def verdicts(receipt: Receipt) -> list[str]:
    return [Verdict(each).name for each in receipt.verdicts]


def read(store: Store, as_of: datetime | None = None) -> list[float | None]:
    with store.read("north") as tx:
        found = series.read(tx, "a", ["roof"], START, START + timedelta(days=9), as_of)
    return list(found["value"].to_pylist())


def reasons(receipt: Receipt) -> dict[int, str]:
    return {each.index: each.field for each in receipt.rejections}


def test_new_late_restated_and_repeated_values_are_told_apart(store: Store) -> None:
    assert verdicts(append(store, rows([1, 2, None], first=4))) == ["accepted"] * 3
    receipt = append(store, rows([0, 1, 7, None, 8], first=3))
    assert verdicts(receipt) == ["late", "duplicate", "restated", "duplicate", "accepted"]
    assert receipt.taken == 3
    assert read(store) == [0, 1, 7, None, 8]


def test_what_was_known_before_a_correction_can_be_read(store: Store) -> None:
    first = append(store, rows([1, 2]))
    second = append(store, rows([5, None]))
    third = append(store, rows([1, 2]))  # a value may come back
    assert second.received > first.received
    assert read(store, first.received) == [1, 2]
    assert read(store, second.received) == [5, None]
    assert read(store) == [1, 2]
    assert verdicts(third) == ["restated"] * 2
    assert read(store, START) == []


def test_a_clock_that_goes_back_does_not_undo_a_correction(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    append(store, rows([1]))
    with store.write("north", "test") as tx:
        tx.now = tx.now - timedelta(hours=1)
        series.append(tx, rows([2]))
    assert read(store) == [2]


def test_nothing_is_taken_in_part_unless_it_is_asked_for(store: Store) -> None:
    table = pa.concat_tables([rows([1, 2]), rows([3], series="rouf")])
    refused = append(store, table)
    assert not refused.is_taken
    assert refused.taken == 0
    assert read(store) == []
    with store.read("north") as tx:
        assert [entry.action for entry in audit.listed(tx)] == ["site.put", "site.put"]
    skipped = append(store, table, on_reject="skip")
    assert skipped.taken == 2
    assert read(store) == [1, 2]


def test_a_row_that_is_rejected_says_where_and_what_would_be_taken(store: Store) -> None:
    far = rows([1])
    soon = datetime.now(UTC) + timedelta(hours=8)  # local time in China that was taken for UTC
    wrong = [
        rows([1], site="c"),
        rows([1], site="A nul\x00"),
        rows([1], series="rouf"),
        rows([1], series="r" * 201),
        rows([1], source="a b"),
        rows([math.inf]),
        rows([1e13]),
        far.set_column(2, "time", pa.array([soon], TIME())),
        far.set_column(2, "time", pa.array([datetime(1970, 1, 1, tzinfo=UTC)], TIME())),
        far.set_column(2, "time", pa.array([None], TIME())),
        far.set_column(0, "site", pa.array([None], pa.string())),
        far.set_column(1, "series", pa.array([None], pa.string())),
    ]
    receipt = append(store, pa.concat_tables([far, *wrong]), on_reject="skip")
    fields = ["site", "site", "series", "series", "source", "value", "value", "time", "time", "time", "site", "series"]
    assert reasons(receipt) == dict(enumerate(fields, start=1))
    assert "did you mean 'roof'" in receipt.rejections[2].accepted
    assert receipt.taken == 1


def test_a_time_twice_in_one_request(store: Store) -> None:
    table = pa.concat_tables([rows([1, 2]), rows([1, 3]), rows([1, 3], source="meter_2")])
    receipt = append(store, table, on_reject="skip")
    assert verdicts(receipt) == ["accepted", "accepted", "duplicate", "rejected", "accepted", "accepted"]
    assert "differs from row 1" in receipt.rejections[0].message


def test_sources_are_kept_apart(store: Store) -> None:
    append(store, rows([1, 2]))
    assert verdicts(append(store, rows([5], source="meter_2"))) == ["accepted"]
    with store.read("north") as tx:
        found = [(row.source, row.times, row.last) for row in series.holdings(tx, "a")]
    assert found == [("", 2, START + 2 * QUARTER), ("meter_2", 1, START + QUARTER)]


def test_what_is_held_is_counted_once(store: Store) -> None:
    append(store, rows([1, 2], first=2))
    append(store, rows([9, 9, 3, 4], first=1))
    with store.read("north") as tx:
        (row,) = series.holdings(tx, "a")
    assert (row.first, row.last, row.times) == (START + 2 * QUARTER, START + 5 * QUARTER, 4)


def test_prices_may_lie_ahead_and_measurements_may_not(store: Store) -> None:
    park = body(feeds={"prices": [{"provider": "energy-charts", "zone": "DE-LU"}]})
    price_of = {"price_per_kwh": {"feed": "day_ahead_price_eur_per_mwh"}, "source": "the exchange"}
    component = {"name": "spot", "direction": "import", "basis": "energy", **price_of}
    tariff = {"name": "spot", "currency": "EUR", "components": [component]}
    park["assets"][2]["tariff"] = tariff
    with store.write("north", "test") as tx:
        sites.put(tx, "a", sites.prepare(park, "a"))
    tomorrow = pa.array([datetime.now(UTC) + timedelta(days=1)], TIME())
    price = rows([50], series="day_ahead_price_eur_per_mwh").set_column(2, "time", tomorrow)
    assert verdicts(append(store, price)) == ["accepted"]
    assert verdicts(append(store, rows([50]).set_column(2, "time", tomorrow))) == ["rejected"]


def test_the_trail_has_the_hash_of_what_came(store: Store) -> None:
    append(store, rows([1, 2]))
    with store.read("north") as tx:
        entry = audit.listed(tx, newest_first=True)[0]
        assert audit.verify(tx).broken_at is None
    assert entry.action == "measurements.append"
    assert entry.details["rows"] == {"accepted": 2}
    assert len(entry.details["sha256"]) == 64


def test_a_site_of_another_tenant_is_no_site(store: Store) -> None:
    put(store, "theirs", tenant="south")
    theirs = append(store, rows([1], site="theirs")).rejections[0]
    nobodys = append(store, rows([1], site="nobody")).rejections[0]
    assert theirs.message.replace("theirs", "nobody") == nobodys.message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop_columns(["value"]), "there is no column 'value'"),
        (lambda table: table.append_column("unit", pa.array(["kW"])), "'unit' is no column"),
        (lambda table: table.append_column("site", table["site"]), "two columns 'site'"),
        (lambda table: table.set_column(0, "site", pa.array([1])), "column 'site' is int64, not text"),
        (lambda table: table.set_column(3, "value", pa.array(["1"])), "column 'value' is string, not a number"),
        (
            lambda table: table.set_column(2, "time", table["time"].cast(pa.timestamp("us"))),
            "not a timestamp with a time zone",
        ),
        (
            lambda table: table.set_column(2, "time", pa.array([10**13], pa.timestamp("s", "UTC"))),
            "out of bounds",
        ),
    ],
)
def test_a_table_of_another_form_is_refused(store: Store, change: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        append(store, change(rows([1])))  # type: ignore[operator]


def test_arrow_as_others_write_it(store: Store) -> None:
    table = rows([1, 2, 3]).drop_columns(["source"])
    table = table.set_column(0, "site", table["site"].dictionary_encode())
    table = table.set_column(1, "series", table["series"].cast(pa.large_string()))
    table = table.set_column(2, "time", table["time"].cast(pa.timestamp("ns", "Asia/Shanghai")))
    table = table.set_column(3, "value", pa.array([1, 2, 3], pa.int32()))
    assert verdicts(append(store, table)) == ["accepted"] * 3
    assert verdicts(append(store, rows([1, 2, 3]))) == ["duplicate"] * 3
    assert append(store, rows([])).taken == 0


def test_not_a_number_is_a_value_that_nobody_knows(store: Store) -> None:
    append(store, rows([1, 2]).set_column(3, "value", pa.array([math.nan, 2.0])))
    assert read(store) == [None, 2]


def test_very_many_names_cost_no_more_than_very_many_rows(new_store: Callable[[str], Store]) -> None:
    """Each row wrong in a way of its own: work that grew with rows times names would take minutes."""
    store = new_store("sqlite")
    put(store, "a")
    count = 8000
    table = rows([1.0] * count)
    began = time.process_time()
    named = table.set_column(0, "site", pa.array([f"s{number}" for number in range(count)]))
    assert append(store, named, on_reject="skip").count(Verdict.rejected) == count
    conflicts = table.set_column(2, "time", pa.repeat(table["time"][0], count))
    conflicts = conflicts.set_column(3, "value", pa.array(range(count), pa.float64()))
    assert append(store, conflicts, on_reject="skip").count(Verdict.rejected) == count - 1
    assert time.process_time() - began < 10
    with pytest.raises(ValueError, match="more than 20000 different names in column 'source'"):
        append(store, rows([1.0] * 20_001).set_column(4, "source", pa.array([f"m{n}" for n in range(20_001)])))


def test_a_reader_takes_nothing(store: Store) -> None:
    with store.read("north") as tx, pytest.raises(ReadOnlyError):
        series.append(tx, rows([1]))
