"""Rows that are judged before their turn to write: what others wrote meanwhile counts as if it had come first."""

from __future__ import annotations

import random
from datetime import timedelta

import pyarrow as pa
import pytest

from dispatch.service.store import Store, series, sites
from dispatch.service.store.series import Receipt, Verdict
from dispatch.service.store.series.judging import Judged
from tests.unit.dispatch.service.store.parks import START, put, rows


@pytest.fixture(autouse=True)
def _site(store: Store) -> None:
    put(store, "a", "b")


def judge(store: Store, table: pa.Table) -> Judged:
    with store.read("north") as tx:
        return series.judge(tx, table)


def take(store: Store, judged: Judged) -> Receipt:
    with store.write("north", "test") as tx:
        return series.take(tx, judged, on_reject="skip")


def append(store: Store, table: pa.Table) -> Receipt:
    with store.write("north", "test") as tx:
        return series.append(tx, table, on_reject="skip")


def verdicts(receipt: Receipt) -> list[str]:
    return [Verdict(each).name for each in receipt.verdicts]


def read(store: Store, site: str) -> list[tuple[str, float | None]]:
    with store.read("north") as tx:
        found = series.read(tx, site, None, START, START + timedelta(days=9))
    return list(zip(found["series"].to_pylist(), found["value"].to_pylist(), strict=True))


def test_a_value_that_somebody_else_wrote_meanwhile_is_restated_or_a_duplicate(store: Store) -> None:
    judged = judge(store, rows([1, 2, 3]))
    append(store, rows([1, 5]))
    assert verdicts(take(store, judged)) == ["duplicate", "restated", "accepted"]
    assert [value for _, value in read(store, "a")] == [1, 2, 3]


def test_only_what_has_changed_is_compared_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    append(store, pa.concat_tables([rows([1, 2]), rows([1, 2], site="b")]))
    judged = judge(store, pa.concat_tables([rows([3, 2]), rows([1, 4], site="b")]))
    append(store, rows([3], site="b"))
    looked = []
    from dispatch.service.store.series import reading

    lookup = reading.lookup
    monkeypatch.setattr(reading, "lookup", lambda tx, table: looked.append(table) or lookup(tx, table))
    assert verdicts(take(store, judged)) == ["restated", "duplicate", "restated", "restated"]
    assert [table["site"].to_pylist() for table in looked] == [["b", "b"]]


def test_nothing_is_compared_in_the_turn_where_nobody_wrote(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    append(store, rows([1, 2]))
    judged = judge(store, rows([3, 4]))
    from dispatch.service.store.series import reading

    monkeypatch.delattr(reading, "lookup")
    assert verdicts(take(store, judged)) == ["restated"] * 2


def test_rows_of_a_site_that_was_deleted_meanwhile_are_rejected(store: Store) -> None:
    judged = judge(store, pa.concat_tables([rows([1]), rows([2], site="b")]))
    with store.write("north", "test") as tx:
        sites.delete(tx, "b")
    receipt = take(store, judged)
    assert verdicts(receipt) == ["accepted", "rejected"]
    assert "no site" in receipt.rejections[0].message


def test_rows_that_were_judged_and_not_taken_can_be_taken_in_another_turn(store: Store) -> None:
    """A write that got in another's way is tried again with the same rows."""
    append(store, rows([1, 2]))
    judged = judge(store, rows([3, 2, 4]))

    def undone() -> None:
        with store.write("north", "test") as tx:
            series.take(tx, judged)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        undone()
    append(store, rows([3]))
    assert verdicts(take(store, judged)) == ["duplicate", "duplicate", "accepted"]


def some(random_: random.Random) -> pa.Table:
    made = [
        rows([random_.choice([1, 2, 3, None]) for _ in range(random_.randrange(1, 5))], site=site,
             first=random_.randrange(5), series=random_.choice(["roof", "rouf"]) if random_.random() < 0.2 else "roof")
        for site in ("a", "b") if random_.random() < 0.8
    ]  # fmt: skip
    return pa.concat_tables([*made, rows([1], first=9)])


@pytest.mark.parametrize("seed", range(12))
def test_judging_before_comes_to_the_same_as_judging_in_the_turn(store: Store, seed: int) -> None:
    """The same writes by another tenant, each judged in its turn."""
    random_ = random.Random(seed)
    put(store, "a", "b", tenant="south")
    tables = [some(random_) for _ in range(4)]
    found = []
    append(store, tables[0])
    judged = judge(store, tables[1])
    found += [append(store, tables[2]), append(store, tables[3]), take(store, judged)]
    expected = []
    with store.write("south", "test") as tx:
        series.append(tx, tables[0], on_reject="skip")
    for table in (tables[2], tables[3], tables[1]):
        with store.write("south", "test") as tx:
            expected.append(series.append(tx, table, on_reject="skip"))
    assert [verdicts(each) for each in found] == [verdicts(each) for each in expected]
    assert [each.rejections for each in found] == [each.rejections for each in expected]
    for site in ("a", "b"):
        with store.read("south") as tx:
            theirs = series.read(tx, site, None, START, START + timedelta(days=9))
            held = [(row.series, row.first, row.last, row.times) for row in series.holdings(tx, site)]
        assert read(store, site) == list(zip(theirs["series"].to_pylist(), theirs["value"].to_pylist(), strict=True))
        with store.read("north") as tx:
            assert [(row.series, row.first, row.last, row.times) for row in series.holdings(tx, site)] == held
