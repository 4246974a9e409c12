"""Entries of the journal in memory: in the order asked for, decoded once, and not more than may stay."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from dispatch.service.store.series.entries import Decoded


def test_what_was_decoded_is_not_decoded_again_and_the_oldest_goes_first() -> None:
    kept, read = Decoded(most_rows=6), list[str]()

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
    assert len(kept._tables) == 3
