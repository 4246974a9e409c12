"""Lines of a tariff that mean something, and clear words for those that do not; days that are not what they seem."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from pydantic import ValidationError

from dispatch.config.park import load_site
from dispatch.errors import ConfigError
from dispatch.tariff import Calendar, Component
from dispatch.tariff.bill import Clock
from dispatch.tariff.components import Event
from tests.parks import hours
from tests.unit.dispatch import small_park
from tests.unit.dispatch.tariff.billing import demand, energy, money_of, month, tariff, terms, tier

EVENT = {"start": "2024-07-10T16:00Z", "end": "2024-07-10T17:00Z"}
BLOCKS = [{"up_to_kwh": 10, "price_per_kwh": 0.1}, {"price_per_kwh": 0.2}]


def line(basis: str, **fields: Any) -> dict[str, Any]:
    return {"name": "x", "basis": basis, "source": "test"} | fields


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (line("tier"), "'tier' has blocks"),
        (line("tier", blocks=BLOCKS, price_per_kwh=1), "'tier' has blocks and no price_per_kwh"),
        (line("energy", price_per_kwh=1, per="day"), "'energy' has price_per_kwh and no per"),
        (line("energy", price_per_kwh=1, ratchet={"fraction": 0.5}), "'energy' has price_per_kwh and no ratchet"),
        (line("coincident", price_per_kw_month=1), "'coincident' has price_per_kw_month and events"),
        (line("demand", price_per_kw_month=1, events=[EVENT]), "'demand' has price_per_kw_month and no events"),
        (line("capacity", price_per_kva_month=1, direction="export"), "a capacity component has direction 'import'"),
        (line("tier", blocks=BLOCKS[:1]), "the last has none"),
        (line("tier", blocks=[BLOCKS[1], BLOCKS[1]]), "every block but the last has up_to_kwh"),
        (line("tier", blocks=[BLOCKS[0], BLOCKS[0], BLOCKS[1]]), r"up_to_kwh must grow .* \(found 10, 10\)"),
        (line("demand", price_per_kw_month=1, ratchet={"fraction": 0}), "greater than 0"),
        (line("coincident", price_per_kw_month=1, events=[EVENT | {"end": EVENT["start"]}]), "must be after start"),
        (line("energy", price_per_kwh=1, valid_from="2024-02-01", valid_to="2024-01-01"), "is before valid_from"),
    ],
)
def test_a_line_that_means_nothing_is_refused(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        Component.model_validate(fields)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"components": [demand(1.0), demand(2.0)]}, "two components are called 'demand'"),
        ({"holidays": ["2024-02-04"], "workdays": ["2024-02-04"]}, "2024-02-04 is in holidays and in workdays"),
    ],
)
def test_a_tariff_that_contradicts_itself_is_refused(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        tariff(*fields.pop("components", []), **fields)


@pytest.mark.parametrize("text", ["15-06/30-09", "06-15", "summer", "02-30/03-01", "06-15/13-01"])
def test_a_season_that_is_none_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValidationError, match="is no season like '06-15/09-30'"):
        Calendar(seasons=(text,))


@pytest.mark.parametrize(
    ("day", "summer", "winter"),
    [("2024-06-14", 0, 0), ("2024-06-15", 1, 0), ("2024-09-30", 1, 0), ("2024-11-01", 0, 1), ("2024-03-31", 0, 1)],
)
def test_seasons_begin_and_end_on_their_days_and_may_pass_the_new_year(day: str, summer: float, winter: float) -> None:
    for season, held in (("06-15/09-30", summer), ("11-01/03-31", winter)):
        made = tariff(energy(0.0), energy(1.0, name="season", calendar={"seasons": [season]}))
        assert made.prices(hours(1, f"{day}T12:00"))[0][0] == held
        assert money_of(made, hours(1, f"{day}T12:00"), 1.0) == held


def test_a_weekend_day_worked_for_a_holiday_elsewhere_is_a_weekday() -> None:
    made = tariff(
        energy(0.0), energy(1.0, name="work", calendar={"weekdays": [1, 2, 3, 4, 5]}), workdays=["2024-02-04"]
    )
    for day, held in (("2024-02-03", 0), ("2024-02-04", 1), ("2024-02-05", 1), ("2024-02-11", 0)):
        assert made.prices(hours(1, f"{day}T12:00"))[0][0] == held, day
        assert money_of(made, hours(1, f"{day}T12:00"), 1.0) == held, day


CALENDARS = st.fixed_dictionaries(
    {},
    optional={
        "months": st.lists(st.integers(1, 12), min_size=1, max_size=4),
        "weekdays": st.lists(st.integers(1, 7), min_size=1, max_size=4),
        "hours": st.sampled_from([["00:00-06:30"], ["07:15-09:00", "22:00-24:00"], ["12:00-12:45"]]),
        "seasons": st.sampled_from([["02-20/03-10"], ["10-20/01-15", "03-30/04-02"]]),
        "holidays": st.sampled_from(["any", "only", "never"]),
    },
)


@settings(max_examples=40)
@drawn(
    CALENDARS,
    st.sampled_from(["2024-03-30T00:00", "2024-10-26T05:00", "2024-12-30T11:00"]),
    st.sampled_from([{}, {"valid_from": "2024-03-31", "valid_to": "2025-01-01"}]),
)
def test_prices_and_bill_read_a_calendar_alike(calendar: dict[str, Any], start: str, fields: dict[str, str]) -> None:
    """Two readings of the same calendar, one by the changes of a step, one minute by minute."""
    component = energy(1.0, name="it", calendar=calendar, **fields)
    made = tariff(energy(0.0), component, holidays=["2024-03-31", "2025-01-01"], workdays=["2024-03-30", "2024-10-26"])
    horizon = hours(72, start, "Europe/Berlin", step_h=0.75)
    by_minute = Clock(horizon, made.days).share(made.components[1])
    assert made.prices(horizon)[0] == pytest.approx(by_minute)


def test_a_bill_has_a_line_for_each_component_and_month() -> None:
    made = tariff(energy(0.1), tier((1000.0, 0.2), (None, 0.3)), demand(5.0))
    steps = hours(24 * 60, "2024-03-01T00:00")
    lines = made.bill(steps, np.full(steps.steps, 10.0), np.zeros(steps.steps))
    assert [(x.component, x.period) for x in lines] == [
        *(("energy", m) for m in ("2024-03", "2024-04")),
        *(("blocks", m) for m in ("2024-03", "2024-03", "2024-04", "2024-04")),
        *(("demand", m) for m in ("2024-03", "2024-04")),
    ]
    for each in lines:
        assert each.money == pytest.approx(each.quantity * each.price)
    assert [x.quantity for x in lines[:4]] == pytest.approx([7440, 6960, 1000, 6440])
    assert {x.unit for x in lines} == {"kWh", "kW"}


def test_an_energy_price_that_changes_has_its_mean_on_the_bill() -> None:
    price = [{"datetime": f"2024-03-01T0{h}:00Z", "value": v} for h, v in enumerate((0.1, 0.4))]
    (line_,) = tariff(energy(price)).bill(hours(2), np.array([10.0, 30.0]), np.zeros(2))
    assert (line_.quantity, line_.price, line_.money) == pytest.approx((40, 13 / 40, 13))


@settings(max_examples=25)
@drawn(st.integers(0, 2**32 - 1))
def test_more_use_never_lowers_a_bill_without_rebates_or_negative_prices(seed: int) -> None:
    r = np.random.default_rng(seed)
    made = tariff(energy(0.1), tier((500.0, 0.3), (None, 0.1)), demand(5.0, ratchet={"fraction": 0.7, "months": 2}))
    use, more = r.uniform(0, 50, 31 * 24), r.uniform(0, 10, 31 * 24)
    assert money_of(made, month(), use + more) >= money_of(made, month(), use)


@pytest.mark.parametrize(
    ("fields", "path", "text"),
    [
        ({"basis": "teir"}, "components[0].basis", "did you mean 'tier'"),
        ({"blocks": [{"up_to_kwh": "5 kW", "price_per_kwh": 1}]}, "blocks[0].up_to_kwh", "kWh, MWh"),
        ({"calendar": {"seasons": ["summer"]}}, "calendar.seasons[0]", "06-15/09-30"),
        ({"per": "week"}, "components[0].per", "month, day"),
        ({"blocks": [{"up_to_kwh": 5, "price_per_kwh": 1}]}, "components[0]", "the last has none"),
    ],
)
def test_a_mistake_in_a_park_is_told_with_its_place(
    tmp_path: Path, fields: dict[str, Any], path: str, text: str
) -> None:
    content = small_park.park()
    content["assets"][2]["tariff"] = terms(tier((10.0, 0.1), (None, 0.2)) | fields)
    with pytest.raises(ConfigError) as raised:
        load_site(small_park.write(tmp_path, content))
    told = [str(p) for p in raised.value.problems if path in p.path and text in str(p)]
    assert told, str(raised.value)


def test_peaks_by_name_are_told_with_their_place(tmp_path: Path) -> None:
    content = small_park.park()
    content["assets"][2] |= {"month_to_date_peak_kw": {"demand": "much"}, "past_peaks_kw": [1, -2]}
    with pytest.raises(ConfigError) as raised:
        load_site(small_park.write(tmp_path, content))
    paths = {p.path for p in raised.value.problems}
    assert paths == {"assets[2].month_to_date_peak_kw.demand", "assets[2].past_peaks_kw[1]"}


@pytest.mark.parametrize(("day", "month", "lasts_h"), [(31, 3, 3.0), (27, 10, 5.0), (1, 3, 4.0)])
def test_an_event_of_one_zone_lasts_its_hours_and_not_those_of_the_clock(day: int, month: int, lasts_h: float) -> None:
    """00:00 to 04:00 in Berlin, on a short, a long and an ordinary day."""
    berlin = ZoneInfo("Europe/Berlin")
    event = Event(start=datetime(2024, month, day, 0, tzinfo=berlin), end=datetime(2024, month, day, 4, tzinfo=berlin))
    assert event.lasts_h == lasts_h
    named = Component.model_validate(line("coincident", price_per_kw_month=1, of_events="mean", events=[event]))
    assert named.event_hours((2024, month), berlin) == lasts_h
