"""A plan goes on from what the one before leaves: contents, and the peak of a month that is not over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.unit.dispatch.small_park import measured, park, write
from tests.unit.dispatch.typed import Run, refused, run

__all__ = ["run"]  # fixture


@pytest.fixture
def peaked(tmp_path: Path) -> Path:
    """The small park, whose connection is billed by the month's peak and whose store may end empty."""
    content = park()
    store, pcc = content["assets"][1], content["assets"][2]
    store["end_fill_min"] = 0.1
    pcc["tariff"]["components"].append(
        {"name": "demand", "basis": "demand", "price_per_kw_month": 9.0, "source": "test"}
    )
    write(tmp_path, content)
    measured("2024-03-31").to_csv(tmp_path / "measured.csv", index=False)
    return tmp_path


def left(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((folder / "state.json").read_text("utf-8"))
    return told


def test_a_day_goes_on_where_the_day_before_ended(run: Run, peaked: Path) -> None:
    """29 March, then 30 March; the day of 23 hours that follows ends the month."""
    for day, after in (("29", None), ("30", "29"), ("31", "30")):
        more = [] if after is None else ["--after", f"out-{after}"]
        assert run("plan", peaked, "--day", f"2024-03-{day}", "--out", f"out-{day}", *more).status == 0
    first, second, third = (left(peaked / f"out-{day}") for day in ("29", "30", "31"))
    assert [one["at"] for one in (first, second, third)] == [
        "2024-03-30T00:00:00+01:00", "2024-03-31T00:00:00+01:00", "2024-04-01T00:00:00+02:00",
    ]  # fmt: skip
    tables = [pq.read_table(peaked / f"out-{day}" / "schedule.parquet") for day in ("29", "30", "31")]
    ends = [table["store.stored_kwh"][-1].as_py() / 100 for table in tables]
    assert [one["state"]["store"]["start_fill"] for one in (first, second, third)] == pytest.approx(ends)
    peaks = [max(table["pcc.import_kw"].to_pylist()) for table in tables]
    told = [one["state"]["pcc"]["month_to_date_peak_kw:demand"] for one in (first, second, third)]
    assert told == pytest.approx([peaks[0], max(peaks[:2]), 0.0]), "a month that is over is over"


def test_what_was_measured_in_the_morning_may_be_written_over_it(run: Run, peaked: Path) -> None:
    """90 of 100 kWh: with one-way losses of 8.07 % and 50 kW at most the first hour ends between 35.6 and 95."""
    told = {"at": "2024-03-29T00:00:00+01:00", "state": {"store": {"start_fill": 0.9}}}
    (peaked / "mine.json").write_text(json.dumps(told), encoding="utf-8")
    assert run("plan", peaked, "--day", "2024-03-29", "--out", "out", "--after", "mine.json").status == 0
    table = pq.read_table(peaked / "out" / "schedule.parquet")
    charge, give, held = (table[f"store.{n}"][0].as_py() for n in ("charge_kw", "discharge_kw", "stored_kwh"))
    assert held == pytest.approx(90 + 0.9193 * charge - give / 0.9193, abs=1e-3)
    inputs = json.loads((peaked / "out" / "certificate.json").read_text("utf-8"))["inputs_sha256"]
    assert len(inputs["after"]) == 64


@pytest.mark.parametrize(
    ("told", "parts"),
    [
        (
            {"at": "2024-03-28T00:00:00+01:00", "state": {}},
            ("is the state at 2024-03-28 00:00",),
        ),
        ({"at": "2024-03-29T00:00:00+01:00", "state": {"stroe": {}}}, ("no asset 'stroe'", "hall, pcc, store")),
        ({"at": "2024-03-29T00:00:00", "state": {}}, ("'at' needs an offset",)),
        ({"at": "2024-03-29T00:00:00+01:00", "state": {"store": {"start_fill": "half"}}}, ("numbers by name",)),
        ({"state": {}}, ("is no state", "a plan's folder")),
    ],
)
def test_a_state_that_does_not_fit_is_refused(
    run: Run, peaked: Path, told: dict[str, Any], parts: tuple[str, ...]
) -> None:
    (peaked / "mine.json").write_text(json.dumps(told), encoding="utf-8")
    refused(run("plan", peaked, "--day", "2024-03-29", "--after", "mine.json"), "mine.json", *parts)
    refused(run("explain", peaked, "--day", "2024-03-29", "--after", "mine.json"), "mine.json", *parts)


def test_a_state_that_is_not_there_is_named(run: Run, peaked: Path) -> None:
    refused(run("plan", peaked, "--day", "2024-03-29", "--after", "nowhere"), "nowhere: No such file")
