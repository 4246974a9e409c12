"""What holds for every table of the store, whoever adds one; times, JSON and ids."""

from __future__ import annotations

import itertools
import re
import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import BigInteger, DateTime, Float, LargeBinary, String

from dispatch.config import outside
from dispatch.fields.frozen import Frozen
from dispatch.service.store import metadata, new_id
from dispatch.service.store.database import load_tables
from dispatch.service.store.ids import ID_PATTERN
from dispatch.service.store.metadata import canonical, microseconds, moment_of
from dispatch.site import Site

# Above tenants: secrets that sign tokens and cursors of all.
ABOVE = {"signing_secrets"}


def test_every_table_begins_its_key_with_the_tenant() -> None:
    load_tables()
    first = {name: next(iter(table.primary_key.columns)).name for name, table in metadata.tables.items()}
    assert {name for name, column in first.items() if column != "tenant"} == ABOVE


def test_references_stay_within_the_tenant() -> None:
    load_tables()
    keys = [key for table in metadata.tables.values() for key in table.foreign_key_constraints]
    assert keys
    for key in keys:
        assert key.column_keys[0] == "tenant"
        assert key.elements[0].column.name == "tenant"


def test_no_column_keeps_a_time_that_the_databases_read_differently() -> None:
    load_tables()
    kinds = {type(column.type) for table in metadata.tables.values() for column in table.columns}
    assert not {kind for kind in kinds if issubclass(kind, DateTime)}
    assert {BigInteger, Float, LargeBinary, String} & kinds


def test_every_place_that_a_parks_file_can_name_is_refused_over_http() -> None:
    """Fields of all models inside of a park whose names say that something lies elsewhere."""
    seen: set[type] = set()
    named: set[str] = set()

    def look(declared: object) -> None:
        for inner in getattr(declared, "__args__", ()) or ():
            look(inner)
        if isinstance(declared, type) and issubclass(declared, Frozen) and declared not in seen:
            seen.add(declared)
            for name, field in declared.model_fields.items():
                if re.search(r"(?:^|_)(?:file|folder|path|url|address|directory)$", name):
                    named.add(name)
                look(field.annotation)
                for extra in field.metadata:
                    look(extra)

    look(Site)
    for each in Site.model_fields["assets"].annotation.__args__:  # type: ignore[union-attr]
        look(each)
    from dispatch.assets import kinds

    for kind in kinds().values():
        look(kind)
    assert named >= {"file", "folder", "url"}
    assert named <= set(outside.PLACES)


def test_ids_sort_by_time_and_are_never_the_same() -> None:
    made: list[list[str]] = [[] for _ in range(4)]

    def work(mine: list[str]) -> None:
        mine.extend(new_id("x") for _ in range(2000))

    threads = [threading.Thread(target=work, args=(mine,)) for mine in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(mine == sorted(mine) for mine in made)
    assert len(set(itertools.chain(*made))) == 8000
    assert re.fullmatch(rf"x_{ID_PATTERN}", made[0][0])


@given(st.datetimes(timezones=st.just(UTC)), st.integers(-23 * 60, 23 * 60))
def test_a_moment_comes_back_as_it_was(moment: datetime, minutes: int) -> None:
    assert moment_of(microseconds(moment)) == moment
    try:
        elsewhere = moment.astimezone(timezone(timedelta(minutes=minutes)))
    except OverflowError:
        return
    assert microseconds(elsewhere) == microseconds(moment)


def test_a_time_without_an_offset_is_none() -> None:
    with pytest.raises(ValueError, match="no offset"):
        microseconds(datetime(2026, 1, 1))  # noqa: DTZ001 - what is refused


def test_json_has_one_text() -> None:
    assert canonical({"b": [1, 1.5, None], "a": "ü\x00"}) == '{"a":"\\u00fc\\u0000","b":[1,1.5,null]}'
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical(float("nan"))
