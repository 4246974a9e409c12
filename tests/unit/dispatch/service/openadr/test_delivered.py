from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dispatch.service.openadr.delivered import UnreadableError, measurements
from dispatch.service.openadr.published import event, exchange

START = datetime(2026, 3, 1, 7, tzinfo=UTC)
ASSETS = {"store": 200.0, "oven": None}


def report(kind: str, values: list[Any], resource: str = "oven", period: Any = "", **descriptor: str) -> dict[str, Any]:
    given = {"start": "2026-03-01T07:00:00Z", "duration": "PT30M"} if period == "" else period
    described = [{"payloadType": kind, **descriptor}] if descriptor else []
    intervals = [{"id": 0, "payloads": [{"type": kind, "values": values}]}]
    return {
        "payloadDescriptors": described,
        "resources": [{"resourceName": resource, "intervalPeriod": given, "intervals": intervals}],
    }


def found(body: dict[str, Any]) -> list[tuple[str, timedelta, float]]:
    return [(one.series, one.time - START, one.value) for one in measurements(body, ASSETS, START)]


HALF = timedelta(minutes=30)


@pytest.mark.parametrize(
    ("body", "series", "value"),
    [
        (report("USAGE", [10]), "oven", 20.0),
        (report("USAGE", [1], units="MWH"), "oven", 2000.0),
        (report("DEMAND", [7]), "oven", 7.0),
        (report("DEMAND", [7], units="MW", readingType="MEAN"), "oven", 7000.0),
        (report("USAGE", [10], "AGGREGATED_REPORT"), "net_import_kw", 20.0),
        (report("STORAGE_CHARGE_LEVEL", [0.25], "store", units="PERCENT"), "store.stored_kwh", 50.0),
    ],
)
def test_payloads_are_series_of_the_site(body: dict[str, Any], series: str, value: float) -> None:
    assert found(body) == [(series, HALF, value)]


def test_several_values_share_their_interval() -> None:
    quarter = timedelta(minutes=15)
    assert found(report("USAGE", [1, 2])) == [("oven", quarter, 4.0), ("oven", HALF, 8.0)]


@pytest.mark.parametrize("kind", ["USAGE_FORECAST", "BASELINE", "OPERATING_STATE", "ANYTHING"])
def test_what_is_no_measurement_is_left_with_the_report(kind: str) -> None:
    assert found(report(kind, ["NORMAL"])) == []
    assert found(report("DEMAND", [7], readingType="FORECAST")) == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (report("USAGE", [10], "turbine"), "/resources/0/resourceName"),
        (report("USAGE", [10], units="KW"), "/resources/0/intervals/0/payloads/0"),
        (report("DEMAND", [10], units="KWH"), "/resources/0/intervals/0/payloads/0"),
        (report("USAGE", ["much"]), "/resources/0/intervals/0/payloads/0/values/0"),
        (report("USAGE", [True]), "/resources/0/intervals/0/payloads/0/values/0"),
        (report("USAGE", [1], period=None), "/resources/0/intervals"),
        (report("USAGE", [1], period={"start": "2026-03-01T07:00:00Z"}), "/resources/0/intervals/0/payloads/0"),
        (report("STORAGE_CHARGE_LEVEL", [25], "store"), "/resources/0/intervals/0/payloads/0"),
        (report("STORAGE_CHARGE_LEVEL", [0.5], "oven"), "/resources/0/intervals/0/payloads/0"),
    ],
)
def test_what_would_be_a_guess_is_refused_with_its_place(body: dict[str, Any], pointer: str) -> None:
    with pytest.raises(UnreadableError) as refused:
        found(body)
    assert refused.value.pointer == pointer


def test_steps_of_a_plan_are_intervals_even_where_they_differ() -> None:
    edges = [START, START + HALF / 2, START + HALF, START + 2 * HALF]
    made = event("prg", "plan", ["works"], edges, {"PRICE": [0.1, 0.2, 0.3]}, currency="EUR", priority=1)
    assert [one["intervalPeriod"]["duration"] for one in made["intervals"]] == ["PT15M", "PT15M", "PT30M"]
    assert made["payloadDescriptors"][0]["currency"] == "EUR"
    alike = event("prg", "plan", [], edges[:3], {"DISPATCH_SETPOINT": [1, 2]})
    assert alike["intervalPeriod"] == {"start": "2026-03-01T07:00:00.000Z", "duration": "PT15M"}
    with pytest.raises(ValueError, match="HAPPINESS"):
        event("prg", "plan", [], edges, {"HAPPINESS": [1, 2, 3]})


def test_what_is_given_is_never_a_negative_set_point() -> None:
    assert exchange([5, 0]) == {"DISPATCH_SETPOINT": [5, 0]}
    assert exchange([5, -3]) == {"DISPATCH_SETPOINT": [5, 0], "EXPORT_CAPACITY_LIMIT": [0, 3]}
