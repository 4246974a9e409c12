"""Sites keep every version, end and begin again, and are found by label."""

from __future__ import annotations

from typing import Any

import pytest

from dispatch.errors import ConfigError
from dispatch.service.store import Store, audit, sites
from dispatch.service.store.sites import Put
from tests.unit.dispatch.service.store.parks import body


def put(store: Store, name: str, title: str = "", **more: Any) -> Put:
    with store.write("north", "test") as tx:
        return sites.put(tx, name, sites.prepare(body(title, **more), name))


def names(store: Store, **more: Any) -> list[str]:
    with store.read("north") as tx:
        return [row.site for row in sites.listed(tx, **more)]


def test_the_same_content_is_no_new_version(store: Store) -> None:
    first, second = put(store, "a", "one"), put(store, "a", "two")
    again, back = put(store, "a", "two"), put(store, "a", "one")
    assert [each.outcome for each in (first, second, again, back)] == ["created", "updated", "same", "updated"]
    assert [each.version for each in (first, second, again, back)] == [1, 2, 2, 3]
    assert back.etag == first.etag != second.etag
    with store.read("north") as tx:
        kept = [sites.get(tx, "a", version) for version in (1, 2, 3, 4)]
        assert [None if each is None else each.title for each in kept] == ["one", "two", "one", None]
        assert sites.etag(tx, "a") == back.etag
        assert [entry.details["version"] for entry in audit.listed(tx, subject="a")] == [1, 2, 3]


def test_a_deleted_site_is_gone_and_its_versions_are_not(store: Store) -> None:
    put(store, "a", "one", labels={"region": "north"})
    with store.write("north", "test") as tx:
        assert sites.delete(tx, "a")
        assert not sites.delete(tx, "a")
    with store.read("north") as tx:
        assert (sites.get(tx, "a"), sites.etag(tx, "a"), sites.park(tx, "a")) == (None, None, None)
        assert [row.deleted for row in sites.history(tx, "a")] == [False, True]
        first = sites.get(tx, "a", 1)
    assert first is not None
    assert first.title == "one"
    assert names(store) == names(store, with_labels={"region": "north"}) == []
    again = put(store, "a", "one", labels={"region": "north"})
    assert again == Put("a", "created", 3, first.etag)
    assert names(store) == ["a"]


def test_labels_find_sites(store: Store) -> None:
    put(store, "a", labels={"region": "north", "kind": "works"})
    put(store, "b", labels={"region": "north"})
    put(store, "c", labels={"region": "south", "kind": "works"})
    assert names(store, with_labels={"region": "north"}) == ["a", "b"]
    assert names(store, with_labels={"region": "north", "kind": "works"}) == ["a"]
    put(store, "a", labels={"region": "south"})
    assert names(store, with_labels={"region": "north"}) == ["b"]
    assert names(store, after="a", limit=1) == ["b"]


def test_many_sites_in_one_transaction(store: Store) -> None:
    prepared = {f"s{number:03d}": sites.prepare(body(str(number % 7)), "s") for number in range(600)}
    with store.write("north", "test") as tx:
        assert {each.outcome for each in sites.put_many(tx, prepared)} == {"created"}
    prepared["s007"] = sites.prepare(body("another"), "s")
    with store.write("north", "test") as tx:
        done = sites.put_many(tx, prepared)
    assert [each.site for each in done if each.outcome == "updated"] == ["s007"]
    assert len(names(store, limit=1000)) == 600
    with store.read("north") as tx:
        park = sites.park(tx, "s007")
        assert park is not None
        assert park.title == "another"
        assert sites.park(tx, "s007", 1) is not None
        assert audit.verify(tx).count == 601


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"assets": [{"kind": "load", "history": {"file": "x.csv", "column": "y"}}]}, "assets[0].history.file"),
        ({"archive": {"folder": "somewhere"}}, "archive.folder"),
        ({"grid": {"network": "file:net.json", "bus_of": {"mv": "1"}}}, "grid.network"),
        ({"grid": {"network": "feeder:x", "bus_of": {"mv": "1"}}}, "grid.network"),
        ({"feeds": {"weather": ["open-meteo", "tmy:year.epw"]}}, "feeds.weather[1]"),
        ({"feeds": {"weather_url": "http://127.0.0.1/"}}, "feeds.weather_url"),
        ({"labels": {"": "x"}}, "labels."),
        ({"labels": {"x": 3}}, "labels.x"),
        ({"labels": ["x"]}, "labels"),
        ({"labels": {f"l{n}": "" for n in range(51)}}, "labels"),
        ({"extra": 1}, "extra"),
        ({"name": "x" * 65}, "name"),
        ({"assets": [*body()["assets"][1:], {"kind": "load", "name": "x" * 65, "bus": "mv"}]}, "assets[2].name"),
    ],
)  # fmt: skip
def test_what_a_park_may_not_say(change: dict[str, Any], path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        sites.prepare(body(**change), "works")
    assert path in [problem.path for problem in caught.value.problems]
    assert all(problem.accepted or problem.message for problem in caught.value.problems)


def test_more_modules_than_fit_are_refused_before_they_are_made() -> None:
    electrolyser = {"kind": "alkaline_electrolyser", "name": "e", "bus": "mv", "count": 10**9, "min_up_h": 2}
    with pytest.raises(ConfigError, match="more than anybody builds"):
        sites.prepare(body(assets=[electrolyser]), "works")
