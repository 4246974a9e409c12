"""Rows of published answers: each is measured here as in the table, and a wrong plan would not reach its bar."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.cases import published
from benchmarks.rows import REGISTER, CannotMeasure
from benchmarks.topics.scheduler import golden

QUICK = [m for m in REGISTER.of("scheduler") if m.function.__module__ == golden.__name__ and not m.slow]


@pytest.mark.parametrize("measurement", QUICK, ids=lambda m: m.name)
@pytest.mark.usefixtures("shared")
def test_a_published_answer_is_met(measurement: object) -> None:
    row = measurement.measure()  # type: ignore[attr-defined]
    assert row.holds, row
    assert row.reference is not None


def test_all_published_cases_are_rows() -> None:
    assert len(QUICK) == 3 + 1 + len(published.UNIT_CASES)


@pytest.mark.usefixtures("shared")
def test_another_dispatch_than_the_published_one_is_an_error() -> None:
    case, schedule = published.units("basic")
    assert golden.dispatch_error(case["expect"], schedule) < 1e-6
    wrong = {unit: [mw + 0.5 for mw in powers] for unit, powers in case["expect"].items()}
    assert golden.dispatch_error(wrong, schedule) == pytest.approx(0.5)


@pytest.mark.usefixtures("shared")
def test_a_month_below_the_threshold_has_no_rebate() -> None:
    assert published.month_bill(1_299_999) == pytest.approx(144_000)
    assert published.month_bill(1_300_000) == pytest.approx(129_600)


def test_without_the_published_files_the_rows_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARKWATT_SHARED", str(tmp_path / "nowhere"))
    with pytest.raises(CannotMeasure, match="PARKWATT_SHARED"):
        published.shared()
    monkeypatch.setenv("PARKWATT_SHARED", str(tmp_path))
    with pytest.raises(CannotMeasure, match="DER-VET"):
        published.year_bill(with_plant=False)
