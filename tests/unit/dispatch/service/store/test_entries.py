"""What is kept in memory of the journal and of parts: in the order asked for, read once, no more than may stay."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from dispatch.service.store.series.entries import Kept, PartRows


def test_what_was_decoded_is_not_decoded_again_and_the_oldest_goes_first() -> None:
    kept, read = Kept[pa.Table](most_rows=6), list[str]()

    def decode(ids: list[str]) -> Mapping[str, pa.Table]:
        read.extend(ids)
        return {id_: pa.table({"id": [id_] * 2}) for id_ in ids}

    def got(*ids: str) -> list[str]:
        return [table["id"][0].as_py() for table in kept.get(ids, decode)]

    assert got("b", "a") == ["b", "a"]
    assert got("a", "c", "b") == ["a", "c", "b"]
    assert read == ["b", "a", "c"]
    got("b")
    got("d")  # one too many: of a, c, b that which was asked for longest ago goes
    read.clear()
    assert got("b", "c", "d", "a") == ["b", "c", "d", "a"]
    assert read == ["a"]
    assert len(kept._kept) == 3


def test_a_part_is_split_where_its_sites_change() -> None:
    table = pa.table({"site": ["a", "a", "b", "d"], "value": [1.0, 2.0, 3.0, 4.0]})
    part = PartRows.of(table)
    assert {site: rows["value"].to_pylist() for site, rows in part.by_site.items()} == {
        "a": [1.0, 2.0], "b": [3.0], "d": [4.0],
    }  # fmt: skip
    assert part.num_rows == 4
    assert PartRows.of(table.slice(0, 0)).by_site == {}
