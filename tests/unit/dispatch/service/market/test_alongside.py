"""Other awards of the same sites are found whatever fleet they are of, but capacity and the award itself."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pytest

from dispatch.service.store import fleet_results, schedules
from dispatch.service.store.schedules import Promise
from dispatch.service.store.transaction import Tx
from dispatch.service.work import alongside
from dispatch.signals import Horizon

DAY = date(2026, 7, 1)
MIDNIGHT = datetime(2026, 6, 30, 16, tzinfo=UTC)  # in Shanghai
STEPS = Horizon.local_day(DAY, "Asia/Shanghai", 60)


def result(name: str, day: date, product: str = "hainan_demand_response", side: str = "up") -> Any:
    zone = "+08:00" if product.startswith("hainan") else "+02:00"
    rows = [{"start": f"{day}T00:00:00{zone}", "quantity_kw": 300.0, "price": 1.0}]
    award = {"product": product, "day": day.isoformat(), "side": side, "periods": rows}
    return SimpleNamespace(id=name, request={"award": award})


KEPT = {
    one.id: one
    for one in (
        result("other_fleet", DAY, side="down"),
        result("week_before", DAY - timedelta(days=7)),
        result("capacity", DAY, "fcr"),
    )
}


def promise(award: str) -> Promise:
    return Promise(f"sch_{award}", award, MIDNIGHT, MIDNIGHT + timedelta(hours=1), MIDNIGHT, "")


@pytest.fixture(autouse=True)
def _store(monkeypatch: pytest.MonkeyPatch) -> None:
    promised = {"b": [promise(name) for name in ("own", *KEPT)], "c": []}
    monkeypatch.setattr(schedules, "promises_of", lambda *_: promised)
    monkeypatch.setattr(fleet_results, "get", lambda _tx, _kind, name: KEPT[name])
    given = np.zeros((2, 24))
    given[:, 0] = [100.0, 200.0]  # of a site that is not ours, and of b
    table = pa.table({
        "site": ["a"] * 24 + ["b"] * 24,
        "start": np.tile(STEPS.edges[:-1].astype("datetime64[s]"), 2),
        "end": np.tile(STEPS.edges[1:].astype("datetime64[s]"), 2),
        "given_kw": given.ravel(),
    })  # fmt: skip
    monkeypatch.setattr(fleet_results, "read_table", lambda *_: table)


def test_awards_of_other_fleets_count_by_site() -> None:
    tx = cast(Tx, None)
    found = alongside.awards_of(tx, ("b", "c"), MIDNIGHT, MIDNIGHT + timedelta(days=1), "own")
    assert [one.result.id for one in found] == ["other_fleet", "week_before"]
    assert alongside.days(found, DAY) == (DAY - timedelta(days=7),)
    (other,) = alongside.others(tx, found, ("b", "c"), DAY, STEPS)
    assert other.award == "other_fleet"
    assert other.up_kw[:, :2].tolist() == [[-200.0, 0.0], [0.0, 0.0]]  # it asks for more, not less
    assert other.awarded_kw[:, :2].tolist() == [[300.0, 0.0], [0.0, 0.0]]
