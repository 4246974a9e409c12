"""Meters of a fleet in intervals of their own, told in one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pytest

from dispatch.errors import DataError
from dispatch.markets.portfolio import Metered
from dispatch.service.store import metering
from dispatch.service.store.transaction import Tx

DAY = datetime(2026, 3, 2, tzinfo=UTC)
Row = tuple[str, str, datetime, float | None, datetime]


def rows(
    site: str,
    minutes: int,
    values: Iterable[float | None],
    *,
    start: datetime = DAY,
    source: str = "",
    received: int = 0,
) -> list[Row]:
    step = timedelta(minutes=minutes)
    came = DAY + timedelta(days=2, seconds=received)
    return [(site, source, start + (n + 1) * step, value, came) for n, value in enumerate(values)]


def metered(monkeypatch: pytest.MonkeyPatch, given: list[Row], days: int = 1, **more: Any) -> Metered:
    columns = list(zip(*sorted(given, key=lambda row: row[:3]), strict=True)) or [()] * 5
    stamp = pa.timestamp("us", "UTC")
    types = {"site": pa.string(), "source": pa.string(), "time": stamp, "value": pa.float64(), "received": stamp}
    table = pa.table({name: pa.array(list(own), t) for (name, t), own in zip(types.items(), columns, strict=True)})
    monkeypatch.setattr(metering, "read_sites", lambda *_: table)
    first = DAY - timedelta(days=days - 1)
    names = tuple(dict.fromkeys(row[0] for row in given))
    return metering.metered(cast(Tx, None), names, first, DAY + timedelta(days=1), "UTC", **more)


def test_quarter_hours_beside_hours_count_as_their_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    # Of five sites that are metered by the hour and one by the quarter, whose hours hold 100, 100, 100 and 500 kW.
    quarters = rows("fine", 15, [100.0, 100.0, 100.0, 500.0] * 24)
    found = metered(monkeypatch, [row for n in range(5) for row in rows(f"s{n}", 60, [float(n)] * 24)] + quarters)
    assert found.steps.steps == 24
    assert found.net_import_kw[5].tolist() == [200.0] * 24
    assert found.net_import_kw[:5].tolist() == [[float(n)] * 24 for n in range(5)]


def test_few_hours_beside_many_quarters_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    given = rows("fine", 15, [10.0, 20.0, 30.0, None] + [40.0] * 92) + rows("coarse", 60, [7.0] * 24)
    found = metered(monkeypatch, given)
    assert np.isnan(found.net_import_kw[0, 0])  # of one quarter nobody knows
    assert found.net_import_kw[0, 1:].tolist() == [40.0] * 23
    assert found.net_import_kw[1].tolist() == [7.0] * 24


def test_a_meter_that_changes_its_interval_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    # Ten days by the hour and one by the quarter; the first of the new ones comes at two o'clock in the afternoon.
    old = rows("s", 60, [50.0] * (9 * 24 + 14), start=DAY - timedelta(days=9))
    new = rows("s", 15, [10.0, 20.0, 30.0, 40.0] * 10, start=DAY + timedelta(hours=14))
    by_hour = metered(monkeypatch, old + new, days=10).net_import_kw[0]
    assert by_hour.size == 240
    assert by_hour.tolist() == [50.0] * 230 + [25.0] * 10
    by_quarter = metered(monkeypatch, old + new, days=10, longest_s=900)
    assert by_quarter.net_import_kw[0, -40:].tolist() == [10.0, 20.0, 30.0, 40.0] * 10
    assert np.isnan(by_quarter.net_import_kw[0, :-40]).all()


def test_what_is_left_of_quarters_is_no_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = [row for n, row in enumerate(rows("fine", 15, [1.0] * 96)) if not 40 <= n < 60 or n % 4 == 3]
    found = metered(monkeypatch, lost + rows("coarse", 60, [7.0] * 24))
    assert np.flatnonzero(np.isnan(found.net_import_kw[0])).tolist() == [10, 11, 12, 13, 14]


def test_sources_are_not_mixed_within_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    given = rows("s", 15, [0.0, 0.0, 0.0, 40.0] * 24, source="scada") + rows(
        "s", 60, [11.0] * 12, source="bill", received=9
    )
    found = metered(monkeypatch, given + rows("other", 60, [7.0] * 24))
    assert found.net_import_kw[0].tolist() == [11.0] * 12 + [10.0] * 12


def test_a_few_values_of_another_source_leave_the_steps_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    given = rows("s", 60, [11.0] * 24) + rows("s", 15, [1.0, 2.0, 3.0, 6.0], source="openadr", received=9)
    found = metered(monkeypatch, given)
    assert found.net_import_kw[0].tolist() == [3.0] + [11.0] * 23
    lost = rows("t", 60, [5.0] * 24 * 40, start=DAY - timedelta(days=39))
    lost = [row for row in lost if row[2].day != 20 or row[2].hour % 2 == 0]  # every other hour of some days
    assert metered(monkeypatch, lost, days=40).steps.steps == 40 * 24


def test_longer_intervals_than_are_wanted_are_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    given = rows("fine", 15, [1.0] * 96) + rows("coarse", 60, [7.0] * 24)
    found = metered(monkeypatch, given, longest_s=900)
    assert found.net_import_kw[0].tolist() == [1.0] * 96
    assert np.isnan(found.net_import_kw[1]).all()
    with pytest.raises(DataError, match="in intervals of 3600 s; accepted: 900 s or shorter"):
        metered(monkeypatch, rows("coarse", 60, [7.0] * 24), longest_s=900)


def test_meters_that_say_too_little_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for given in ([], rows("s", 60, [1.0])):
        with pytest.raises(DataError, match="of no site twice"):
            metered(monkeypatch, given)
        unknown = metered(monkeypatch, [*given, *rows("s", 60, [1.0])][:1], unknown_s=900)
        assert unknown.steps.steps == 96
        assert np.isnan(unknown.net_import_kw).all()
    with pytest.raises(DataError, match="have 3420 s"):
        metered(monkeypatch, rows("s", 57, [1.0] * 20))


def test_a_meter_of_an_odd_rhythm_is_unknown_and_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = rows("odd", 7, [9.0] * 200)
    found = metered(monkeypatch, odd + rows("s", 60, [7.0] * 24))
    assert np.isnan(found.net_import_kw[0]).all()
    assert found.net_import_kw[1].tolist() == [7.0] * 24
    with pytest.raises(DataError, match="have 420 s; accepted: such as divide a day"):
        metered(monkeypatch, odd)
