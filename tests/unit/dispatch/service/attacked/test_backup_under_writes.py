"""A backup that is made while clients write: one moment of it all, whole, and with all that was acknowledged before."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dispatch.service.store import Store, audit, health, series, upkeep
from dispatch.service.store.backup import back_up, check_backup, restore
from tests.unit.dispatch.service.attacked.writing import SITES, put_sites, writing
from tests.unit.dispatch.service.served import client, served
from tests.unit.dispatch.service.store.parks import START


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_backup_under_writes_is_of_one_moment(
    kind: str, tmp_path: Path, empty_database: Callable[[str], str]
) -> None:
    with served(tmp_path / "data", database=empty_database(kind)) as server:
        tenant = server.tenant()
        key = server.key(tenant)
        with client(server, key) as asks:
            put_sites(asks)
        with writing(server.url, key) as told:
            time.sleep(0.7)
            for number in range(2):
                before = dict(told.taken)
                back_up(server.store, tmp_path / f"backup{number}")
                after = dict(told.taken)
                upkeep.compact(server.store, everything=True)  # parts are replaced under the next one
                assert len(after) > len(before) > 0
                _look_at(tmp_path, number, tenant, before)
        assert told.lost == []
        assert health.check(server.store).problems == ()


def _look_at(folder: Path, number: int, tenant: str, before: dict[tuple[str, int], float]) -> None:
    assert check_backup(folder / f"backup{number}").problems == ()
    url, data = f"sqlite:///{folder}/restored{number}.db", folder / f"restored{number}"
    restore(folder / f"backup{number}", url, data)
    store = Store.open(url, data, migrate=False)
    try:
        assert health.check(store).problems == ()
        with store.read(tenant) as tx:
            assert audit.verify(tx).broken_at is None
            for site in SITES:
                rows = series.read(tx, site, None, START, START.replace(year=2027))
                values = rows["value"].to_pylist()
                known = [value for (of, _), value in sorted(before.items()) if of == site]
                assert values[: len(known)] == known  # nothing that was acknowledged before is missing
                assert values == [float(each) for each in range(len(values))]  # and no hole where writes went on
    finally:
        store.close()
