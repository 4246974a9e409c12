from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

from forecasting.archive import MEASURED_NS, Archive, Known, Rows
from forecasting.clock import HOUR_NS, MINUTE_NS
from forecasting.errors import ForecastError, LookAheadError

END = pd.date_range("2023-01-01T01:00Z", periods=48, freq="1h")
NOON = pd.Timestamp("2023-01-01T12:00Z")


def held() -> Archive:
    archive = Archive.empty()
    for name in ("pv", "load"):
        archive = archive.with_measurements("park", name, END, np.arange(48.0), pd.Timedelta("30min"))
    for site in ("sky", "other_sky"):
        for hour in (0, 6, 12):
            issue = END[0].floor("D") + pd.Timedelta(hours=hour)
            for member in (0, 1, 2):
                valid = pd.date_range(issue, periods=24 - member, freq="1h")
                wind = np.full(len(valid), hour + 0.1 * member)
                archive = archive.with_forecast(site, "wind", issue, issue + pd.Timedelta("3h"), valid, wind, member)
    return archive


def known() -> Known:
    return held().as_of(NOON)


def test_an_earlier_view_sees_what_was_known_earlier_and_a_later_one_is_refused() -> None:
    earlier = known().as_of("2023-01-01T02:30Z")
    assert earlier.measurements("park", "pv").value.tolist() == [0, 1]
    assert earlier.runs("sky", "wind") == ()
    with pytest.raises(LookAheadError, match=r"2023-01-01T12:01Z was asked for; only what was known at .*T12:00Z"):
        known().as_of(NOON + pd.Timedelta("1min"))
    with pytest.raises(LookAheadError):
        earlier.as_of(NOON)


def test_measurements_at_given_ends_are_nan_where_not_known_and_refused_where_they_cannot_be() -> None:
    found = known().measurements("park", "pv", at=pd.DatetimeIndex([NOON, "2023-01-01T03:00Z", "2022-12-31T03:00Z"]))
    np.testing.assert_array_equal(found.value, [np.nan, 2, np.nan])  # noon is known half an hour later
    assert found.available_ns[1] == pd.Timestamp("2023-01-01T03:30Z").value
    assert found.available_ns[0] > NOON.value
    assert np.isnan(known().measurements("park", "nothing", at=END[:3]).value).all()
    with pytest.raises(LookAheadError, match=r"park/pv: the measurement at 2023-01-03T00:00Z was asked for"):
        known().measurements("park", "pv", at=END)


def test_an_ensemble_has_its_members_side_by_side() -> None:
    assert known().members("sky", "wind") == (0, 1, 2)
    found = known().ensemble("sky", "wind")
    assert found is not None
    assert found.issue_ns == pd.Timestamp("2023-01-01T06:00Z").value  # that of noon is available at 15:00
    assert found.value.shape == (3, 24)
    np.testing.assert_array_equal(found.value[:, 0], [6.0, 6.1, 6.2])
    np.testing.assert_array_equal(np.isnan(found.value).sum(axis=1), [0, 1, 2])
    first = known().ensemble("sky", "wind", "2023-01-01T00:00Z")
    assert first is not None
    assert first.value[0, 0] == 0
    assert known().ensemble("sky", "rain") is None


def test_a_run_of_later_or_of_no_time_is_refused() -> None:
    with pytest.raises(LookAheadError, match=r"sky/wind: the run of 2023-01-01T18:00Z"):
        known().ensemble("sky", "wind", "2023-01-01T18:00Z")
    with pytest.raises(ForecastError, match=r"no run of 2023-01-01T12:00Z is known; the last known is of .*T06:00Z"):
        known().ensemble("sky", "wind", NOON)


def test_a_re_issued_value_counts_with_its_latest() -> None:
    issue = END[0].floor("D")
    valid = pd.date_range(issue, periods=2, freq="1h")
    archive = held().with_forecast("sky", "wind", issue, issue + pd.Timedelta("5h"), valid[:1], [9.0])
    before, after = (archive.as_of(f"2023-01-01T0{h}:00Z").ensemble("sky", "wind") for h in (4, 5))
    assert before is not None
    assert after is not None
    assert (before.value[0, 0], after.value[0, 0], after.value[0, 1]) == (0.0, 9.0, 0.0)


def test_withheld_sites_and_variables_are_not_there() -> None:
    assert known().without(sites="sky").sites() == ("other_sky", "park")
    assert known().without(variables=["pv", "wind"]).series_names() == ("park/load",)
    assert known().without(sites=["park"], variables=["pv"]).variables("park") == ("load",)
    with pytest.raises(ForecastError, match="name sites, variables or both"):
        known().without()


def test_runs_and_hours_can_be_withheld_and_views_add_up() -> None:
    six = pd.Timestamp("2023-01-01T06:00Z").value
    view = known().with_runs_before(six, sites="sky")
    assert [len(view.runs(s, "wind")) for s in ("sky", "other_sky")] == [1, 2]
    assert len(view.measurements("park", "pv").value) == 11
    gap = view.without_measured(END[2].value, END[5].value, variables="pv")
    assert gap.measurements("park", "pv").value.tolist() == [0, 1, 2, *range(6, 11)]
    assert len(gap.measurements("park", "load").value) == 11
    assert len(gap.runs("sky", "wind")) == 1
    again = pickle.loads(pickle.dumps(gap))
    assert again.measurements("park", "pv").value.tolist() == gap.measurements("park", "pv").value.tolist()
    assert again.time_ns == gap.time_ns


def test_all_rows_of_issued_runs_come_at_once() -> None:
    rows = known().issued("sky", "wind")
    assert len(rows) == 48
    assert (np.diff(rows.issue_ns) >= 0).all()
    assert len(known().issued("sky", "wind", None)) == 2 * (24 + 23 + 22)
    assert len(known().issued("sky", "rain")) == 0


DAYS = pd.date_range("2023-01-01T01:00Z", periods=240, freq="1h").as_unit("ns")
LAST = DAYS[-1]


def received(available_ns: np.ndarray, value: np.ndarray | None = None) -> Archive:
    """Ten days of hours, with the moment each was received."""
    count = len(DAYS)
    no_issue, no_member = np.full(count, MEASURED_NS), np.zeros(count, dtype=np.int32)
    value = np.arange(float(count)) if value is None else value
    return Archive.of_rows({("park", "load"): Rows(no_issue, DAYS.asi8, available_ns, no_member, value).sorted()})


def test_a_history_in_one_piece_counts_as_known_in_the_age_of_its_newest_value() -> None:
    moment = LAST.value + 2 * HOUR_NS
    known = received(np.full(240, moment)).as_of(LAST + pd.Timedelta("3h"))
    found = known.measurements("park", "load")
    old = LAST - pd.Timedelta("1D") - pd.Timedelta("1h") > DAYS
    np.testing.assert_array_equal(found.available_ns[old], DAYS.asi8[old] + 3 * HOUR_NS)
    np.testing.assert_array_equal(found.available_ns[~old], np.maximum(moment, DAYS.asi8[~old] + 3 * HOUR_NS))
    part = known.measurements("park", "load", within_ns=(DAYS[10].value, DAYS[20].value))
    np.testing.assert_array_equal(part.available_ns, DAYS.asi8[10:21] + 3 * HOUR_NS)
    before = known.as_of(LAST + pd.Timedelta("1h"))
    assert not len(before.measurements("park", "load").value)
    assert before.series_names() == ()


def test_an_hour_without_a_value_is_not_the_newest() -> None:
    value = np.where(np.arange(240) < 230, 1.0, np.nan)
    found = received(np.full(240, LAST.value), value).as_of(LAST).measurements("park", "load")
    assert found.available_ns[0] == DAYS[0].value + 10 * HOUR_NS


def test_what_comes_in_its_own_rhythm_keeps_its_times() -> None:
    late = DAYS.asi8 + 36 * HOUR_NS
    midnight = DAYS.ceil("1D").as_unit("ns").asi8 + HOUR_NS
    for available in (late, midnight, DAYS.asi8 - 20 * HOUR_NS):
        for hour in range(24):
            known = received(available).as_of(LAST - pd.Timedelta(hours=hour))
            seen = available <= known.time_ns
            np.testing.assert_array_equal(known.measurements("park", "load").available_ns, available[seen])


def test_where_the_gap_of_an_outage_was_filled_all_counts_as_known_in_the_age_of_the_newest_value() -> None:
    available = DAYS.asi8 + 15 * MINUTE_NS
    available[100:160] = DAYS[160].value
    found = received(available).as_of(LAST + pd.Timedelta("1h")).measurements("park", "load")
    within_a_day = np.arange(135, 160)  # of what was due: as received
    rest = np.delete(np.arange(240), within_a_day)
    np.testing.assert_array_equal(found.available_ns[within_a_day], available[within_a_day])
    np.testing.assert_array_equal(found.available_ns[rest], DAYS.asi8[rest] + HOUR_NS)


def test_what_was_received_late_anyway_is_not_made_later_and_stays_known() -> None:
    available = DAYS.asi8 + 15 * MINUTE_NS
    now = LAST + pd.Timedelta("3D")
    available[:100] = now.value - MINUTE_NS
    silent = received(available).as_of(now).late(3 * 24 * HOUR_NS, sites="park")
    found = silent.measurements("park", "load")
    assert len(found.value) == 240 - 1  # a quarter of an hour later than asked: the last value is not yet known
    np.testing.assert_array_equal(found.available_ns[:100], DAYS.asi8[:100] + 73 * HOUR_NS)
