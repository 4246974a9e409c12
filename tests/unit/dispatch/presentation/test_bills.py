"""The plan's bill line by line, and what pictures mark."""

from __future__ import annotations

from typing import Any

import pytest

from dispatch.plan import Plan
from dispatch.presentation.bills import bills
from dispatch.presentation.page import report_data
from dispatch.presentation.switched_off import switched_off
from dispatch.report import render
from tests.parks import battery, given, grid, hours, load, park
from tests.unit.dispatch.planned import planned

PERIODS = [("valley", 0.1, "00:00-02:00"), ("peak", 0.3, "02:00-24:00")]


def two_periods() -> dict[str, Any]:
    """.1 and then .3 per kWh, 10 per kW of the month."""
    components: list[dict[str, Any]] = [
        {"name": n, "basis": "energy", "price_per_kwh": p, "calendar": {"hours": [h]}, "source": "test"}
        for n, p, h in PERIODS
    ]
    components.append({"name": "demand", "basis": "demand", "price_per_kw_month": 10, "source": "test"})
    return {"name": "two", "currency": "EUR", "components": components}


def day(**fields: Any) -> Plan:
    """50, 60, 70 and 80 kW for an hour each, where the month has reached 75 kW."""
    site = park(load(), grid(tariff=two_periods(), month_to_date_peak_kw=75, **fields))
    return planned(site, given(site, hours(4), {("load", "demand_kw"): [50.0, 60, 70, 80]}))


def test_a_bill_has_energy_and_money_by_period_and_by_component() -> None:
    (bill,) = bills(day().schedule)
    assert bill.connection == "pcc"
    told = {line.component: (line.quantity, line.unit, line.price, line.money) for line in bill.lines}
    assert told == {
        "valley": (pytest.approx(110), "kWh", 0.1, 11.0),
        "peak": (pytest.approx(150), "kWh", 0.3, 45.0),
        # 80 kW are billed, of which 75 would be without this plan.
        "demand": (pytest.approx(80), "kW", 10.0, 50.0),
    }
    assert bill.total == pytest.approx(106)


def test_the_bill_adds_up_to_what_the_plan_says_the_connection_costs() -> None:
    sold = [
        {"name": "dr", "start": "2024-03-01T02:00Z", "end": "2024-03-01T03:00Z", "baseline_kw": 80, "committed_kw": 10}
    ]
    plan = day(demand_response=[sold[0] | {"price_per_kwh": 2, "penalty_per_kwh": 3}])
    (bill,) = bills(plan.schedule)
    assert bill.lines[-1].component == "green power and demand response"
    assert bill.lines[-1].money == pytest.approx(-2 * 10)
    assert sum(line.money for line in bill.lines) == pytest.approx(bill.total)
    assert bill.total == pytest.approx(float(plan.schedule.money[0]))


def test_the_page_shows_the_bill_line_by_line() -> None:
    page = render(report_data(day()))
    assert "Bill of pcc, line by line" in page
    assert '<th scope="row">valley</th><td>110 kWh</td><td>0.1000</td><td>11.00</td>' in page
    assert '<th scope="row">demand</th><td>80.0 kW</td><td>10.00</td><td>50.00</td>' in page
    assert '<th scope="row">in all</th><td></td><td></td><td>106.00</td>' in page


OFF = [{"start": "2024-03-01T01:00Z", "end": "2024-03-01T03:00Z"}]


def test_hours_without_a_connection_are_marked_in_the_pictures() -> None:
    page = render(report_data(day(planned_outages=OFF)))
    assert '"spans":[["pcc off as planned; the park is an island",1,3]]' in page
    assert "Marked in red: 01:00–03:00: pcc off as planned; the park is an island." in page
    assert '"spans":[]' in render(report_data(day()))


@pytest.mark.parametrize(
    ("long", "end", "told"),
    [(24, "03-02T06:00Z", "22:00–24:00"), (30, "03-02T06:00Z", "1 Mar 22:00–2 Mar 06:00"),
     (30, "03-02T00:00Z", "1 Mar 22:00–24:00")],
)  # fmt: skip
def test_a_span_ends_on_its_day_and_a_day_at_24(long: int, end: str, told: str) -> None:
    off = [{"start": "2024-03-01T22:00Z", "end": f"2024-{end}"}]
    site = park(load(), battery(energy_kwh=1000, discharge_kw=500), grid(planned_outages=off))
    plan = planned(site, given(site, hours(long), {("load", "demand_kw"): 10.0}))
    assert f"Marked in red: {told}: pcc off as planned; the park is an island." in render(report_data(plan))


def test_with_another_connection_on_the_park_is_no_island() -> None:
    other = grid(name="tie", planned_outages=[{"start": "2024-03-01T02:00Z", "end": "2024-03-01T04:00Z"}])
    site = park(load(), grid(planned_outages=OFF), other)
    told = [(span.text, span.first, span.last) for span in switched_off(site, hours(5))]
    assert told == [
        ("pcc off as planned", 1, 1),
        ("pcc and tie off as planned; the park is an island", 2, 2),
        ("tie off as planned", 3, 3),
    ]
    assert list(switched_off(park(load()), hours(5))) == []
