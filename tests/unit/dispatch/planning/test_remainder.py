"""What the rest of the month will bring: by hand on days whose peaks are known, blind to what comes later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dispatch.errors import DataError
from dispatch.plan import plan
from dispatch.planning.outlook import measured_steps
from dispatch.planning.remainder import Remainder, Rest
from dispatch.presentation.findings import findings
from dispatch.replay.journal import Journal
from dispatch.replay.methods import _DayAhead
from dispatch.signals import Array, Horizon
from dispatch.site import Site
from forecasting.archive import Archive
from tests.parks import battery, grid, load, park, tariff
from tests.unit.dispatch.replay.days import case

ZONE = "Europe/Berlin"
DAY = date(2024, 5, 15)
BLOCKS = [{"up_to_kwh": 5000, "price_per_kwh": 0.1}, {"price_per_kwh": 0.3}]


def silent(*more: dict[str, Any], days: int = 14, **fields: Any) -> Site:
    """A park that says nothing of its month."""
    place = {"time_zone": ZONE, "latitude_deg": 52.5, "longitude_deg": 13.4}
    planning = {"scenarios": 0, "step_minutes": 60, "rest_of_month_days": days}
    connection = grid(import_kw=500, tariff=tariff(0.2, demand=5.0)) | fields
    return park(load(), connection, *more, planning=planning, **place)


def horizon(day: date = DAY, days: int = 1) -> Horizon:
    return Horizon.local_day(day, ZONE, 60, days)


def noon_before(at: Horizon) -> int:
    return round((at.start - timedelta(hours=12)).timestamp())


def peaks(until: date = DAY) -> Callable[[str, Horizon, int], Array]:
    """40 kW, and for one hour of each day 100 kW and one more for every day of the month; known until a day."""

    def measured(name: str, at: Horizon, moment_s: int) -> Array:
        day = at.local_start[0].date()
        out = np.full(at.steps, 40.0 if day < until else np.nan)
        out[18] = 100.0 + day.day if day < until else np.nan
        return out

    return measured


def test_a_peak_is_the_level_of_the_highest_of_the_days_left_and_energy_the_mean() -> None:
    at = horizon()
    found = Remainder(silent(), peaks()).expected(at, noon_before(at))
    # 1 to 14 May before noon of the 14th: until the 13th. 16 days are left after the 15th.
    known = np.array([100.0 + day for day in range(1, 14)] + [130.0])  # and 30 April
    assert found.state["pcc"] == {"expected_peak_kw:demand": pytest.approx(np.quantile(known, 16 / 17), abs=1e-3)}
    (note,) = found.notes
    assert "pcc: a peak of 117 kW (demand)" in note
    assert "of the 16 days" in note
    assert "14 measured days up to 2024-05-13" in note
    assert "quantile at 94%" in note


def test_energy_is_counted_as_the_component_counts_it() -> None:
    tier = {"name": "blocks", "basis": "tier", "blocks": BLOCKS, "source": "test"}
    night = tier | {"name": "night", "calendar": {"hours": ["00:00-06:00"]}}
    named = {"name": "test", "currency": "EUR", "components": [tier, night]}
    at = horizon()
    found = Remainder(silent(tariff=named), peaks()).expected(at, noon_before(at)).state["pcc"]
    mean = 23 * 40 + np.mean([100.0 + day for day in range(1, 14)] + [130.0])
    assert found == {
        "expected_day_kwh:blocks": pytest.approx(mean, abs=1e-2),
        "expected_day_kwh:night": pytest.approx(6 * 40, abs=1e-2),
    }


def test_the_peak_is_that_of_a_plan_and_not_of_the_rules() -> None:
    """A store that shaves 30 kW for its hour does so in the days before, too."""
    at = horizon()
    store = battery(energy_kwh=60, charge_kw=30, discharge_kw=30, charge_efficiency=1.0, discharge_efficiency=1.0)
    plain = Remainder(silent(), peaks()).expected(at, noon_before(at)).state["pcc"]["expected_peak_kw:demand"]
    shaved = Remainder(silent(store), peaks()).expected(at, noon_before(at)).state["pcc"]["expected_peak_kw:demand"]
    assert plain - shaved == pytest.approx(30, abs=0.1)


def test_what_the_file_says_is_not_expected_again() -> None:
    at = horizon()
    for site in (silent(expected_peak_kw=80), silent(expected_peak_kw=0), silent(days=0), park(load())):
        assert Remainder(site, peaks()).expected(at, noon_before(at)) == Rest()


def test_nothing_is_expected_of_a_month_that_is_over_or_of_days_that_nobody_measured() -> None:
    last = horizon(date(2024, 5, 31))
    assert Remainder(silent(), peaks(date(2024, 6, 1))).expected(last, noon_before(last)) == Rest()
    over = horizon(date(2024, 5, 31), days=2)
    found = Remainder(silent(), peaks(date(2024, 6, 1))).expected(over, noon_before(over))
    assert "of the 29 days" in found.notes[0]
    at = horizon()
    assert Remainder(silent(), peaks(date(2024, 5, 1))).expected(at, noon_before(at)).state == {}


def test_days_on_which_the_clock_changes_or_that_have_no_plan_are_left_out() -> None:
    at = horizon(date(2024, 4, 4))

    def unpriced(name: str, of: Horizon, moment_s: int) -> Array:
        if of.local_start[0].date() == date(2024, 3, 30):
            raise DataError("price of 'pcc' is unknown")
        return peaks()(name, of, moment_s)

    assert "13 measured days" in Remainder(silent(), peaks()).expected(at, noon_before(at)).notes[0]  # not 31 March
    assert "12 measured days" in Remainder(silent(), unpriced).expected(at, noon_before(at)).notes[0]
    tight = Remainder(silent(import_kw=120), peaks()).expected(horizon(), noon_before(horizon()))
    assert "14 measured days" in tight.notes[0]  # demand may be shed


def test_each_past_day_is_planned_once() -> None:
    asked: list[date] = []

    def counted(name: str, of: Horizon, moment_s: int) -> Array:
        asked.append(of.local_start[0].date())
        return peaks(date(2024, 6, 1))(name, of, moment_s)

    past = Remainder(silent(), counted)
    for day in (15, 16, 17):
        at = horizon(date(2024, 5, day))
        past.expected(at, noon_before(at))
    assert len(asked) == len(set(asked)) == 14 + 2


def test_a_day_that_was_asked_for_before_it_was_known_is_asked_for_again() -> None:
    """Else a replay that goes on from a day would expect other things than one that did not stop."""
    site, at = silent(), horizon(date(2024, 5, 16))
    early, late = noon_before(at) - 86_400, noon_before(at)

    def known_late(name: str, of: Horizon, moment_s: int) -> Array:
        return peaks(date(2024, 5, 12) if moment_s < late else DAY)(name, of, moment_s)

    going_on, fresh = Remainder(site, known_late), Remainder(site, known_late)
    assert "up to 2024-05-11" in going_on.expected(at, early).notes[0]
    assert going_on.expected(at, late) == fresh.expected(at, late)
    assert "up to 2024-05-14" in going_on.expected(at, late).notes[0]


def test_the_compiled_day_does_not_depend_on_which_came_first() -> None:
    """Were the day on which the clock changes the first, it would be the only one of its length."""
    at = horizon(date(2024, 4, 15))  # 31 March is the first of the fourteen
    assert "13 measured days" in Remainder(silent(), peaks()).expected(at, noon_before(at)).notes[0]


def archive(step_s: int, values: Array, first: str = "2024-05-14T22:00") -> Archive:
    end = pd.date_range(pd.Timestamp(first, tz="UTC"), periods=values.size + 1, freq=pd.Timedelta(seconds=step_s))[1:]
    return Archive.empty().with_measurements("test", "load", end, values)


@pytest.mark.parametrize(("step_s", "factor"), [(900, 4), (3600, 1), (7200, 0.5)])
def test_measurements_of_any_step_become_the_means_of_the_plans_steps(step_s: int, factor: float) -> None:
    at = horizon()
    values = np.arange(round(24 * factor), dtype=float)
    late = round((at.start + timedelta(days=3)).timestamp())
    found = measured_steps(archive(step_s, values), "test", "load", at, late)
    wanted = values.reshape(24, -1).mean(axis=1) if factor >= 1 else np.repeat(values, 2)
    np.testing.assert_allclose(found, wanted)


def test_a_day_that_is_not_known_as_a_whole_is_not_known() -> None:
    at, values = horizon(), np.arange(24.0)
    late = round((at.start + timedelta(days=3)).timestamp())
    for known in (
        measured_steps(archive(3600, values), "test", "load", at, round((at.start + timedelta(hours=20)).timestamp())),
        measured_steps(archive(3600, values[:23]), "test", "load", at, late),
        measured_steps(archive(3600, values, first="2024-05-14T23:00"), "test", "load", at, late),
        measured_steps(archive(3600, np.where(values == 7, np.nan, values)), "test", "load", at, late),
        measured_steps(archive(3600, values[:1]), "test", "load", at, late),
    ):
        assert not np.isfinite(known).all()


def history(beyond: float = 1.0, days: int = 20) -> Archive:
    """Load of the days before and after the plan is issued; what comes after is multiplied by ``beyond``."""
    issued = pd.Timestamp(horizon().start - timedelta(hours=12))
    end = pd.date_range(issued - pd.Timedelta(days=days), issued + pd.Timedelta(days=3), freq="1h")
    random = np.random.default_rng(5)
    demand = 60 + 30 * np.sin(np.arange(end.size) / 24 * 2 * np.pi) + random.normal(0, 5, end.size)
    later = np.where(end + pd.Timedelta(minutes=15) > issued, beyond, 1.0)
    return Archive.empty().with_measurements("test", "load", end, np.maximum(demand, 0) * later)


def test_a_plan_expects_the_rest_of_its_month_says_so_and_sees_nothing_of_it() -> None:
    at = horizon()
    issue = datetime.fromtimestamp(noon_before(at), UTC)
    came = {"load": np.full(24, 70.0)}
    found = plan(silent(battery()), at, history(), issue, actual=came)
    expected = found.certificate["expected_of_the_month"]
    assert isinstance(expected, dict)
    assert set(expected) == {"pcc"}
    assert 60 < expected["pcc"]["expected_peak_kw:demand"] < 110
    assert [note for note in found.notes if note.startswith("pcc: a peak of")]
    assert not [f for f in findings(found) if "no peak of the month given" in f.text]
    assert found.audit.passed
    assert len(found.outcomes) == 5
    other = plan(silent(battery()), at, history(beyond=3.0), issue)
    assert other.certificate["expected_of_the_month"] == expected
    nothing = plan(silent(battery(), days=0), at, history(), issue, actual=came)
    assert nothing.certificate["expected_of_the_month"] == {}
    assert [f for f in findings(nothing) if "no peak of the month given" in f.text]
    # What the month is billed for anyway is not paid by this day.
    assert found.schedule.money[0] < nothing.schedule.money[0] - 5.0 * 50
    assert found.outcomes[-1].bill < nothing.outcomes[-1].bill - 5.0 * 50  # nor by the day that is known


def test_a_replay_expects_it_with_what_is_known_at_the_moment(tmp_path: Path) -> None:
    of = case(tmp_path, ("day_ahead",))
    method = _DayAhead(of, Journal(), "day_ahead")
    first = of.days[0][1]
    moment = of.start_s - 12 * 3600
    rest = method.remainder.expected(of.window(first, 24), moment)
    # The window begins on the last day of March, and ends in April.
    assert rest.state["pcc"]["expected_peak_kw:demand"] > 0
    own = partial(measured_steps, of.archive, of.site.name)
    assert Remainder(of.site, own).expected(of.window(first, 24), moment) == rest


def by_night(**store: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Energy at 0.1 in the first six hours and at 0.5 after, demand at 5 a kW; a store of 100 kWh."""
    hours = {"night": (["00:00-06:00"], 0.1), "day": (["06:00-24:00"], 0.5)}
    prices = [
        {"name": name, "basis": "energy", "price_per_kwh": price, "calendar": {"hours": of}, "source": "test"}
        for name, (of, price) in hours.items()
    ]
    demand = {"name": "demand", "basis": "demand", "price_per_kw_month": 5.0, "source": "test"}
    # Prices without money, whose energy is counted.
    counted = {"name": "counted", "basis": "tier", "blocks": [{"price_per_kwh": 0.0}], "source": "test"}
    named = {"name": "test", "currency": "EUR", "components": [*prices, demand, counted]}
    given = {"energy_kwh": 100, "charge_kw": 100, "discharge_kw": 100, "charge_efficiency": 1.0}
    return battery(**(given | {"discharge_efficiency": 1.0, "start_fill": 0.0} | store)), {"tariff": named}


def flat(name: str, at: Horizon, moment_s: int) -> Array:
    return np.full(at.steps, 40.0)


def test_a_peak_that_serves_all_days_of_a_month_is_expected_and_not_one_that_a_day_pays_alone() -> None:
    """One kW more at night moves 6 kWh a day from 0.5 to 0.1: 2.4 a day, less than 5, and 17 days' worth is more."""
    store, fields = by_night()
    site = silent(store, **fields)
    at = horizon()
    found = Remainder(site, flat).expected(at, noon_before(at))
    assert found.state["pcc"]["expected_peak_kw:demand"] == pytest.approx(40 + 100 / 6, abs=0.01)
    assert "if each day bears 25% of the demand charge" in found.notes[0]
    # 30 May: one day is left after it, and two days earn 4.8.
    late = horizon(date(2024, 5, 30))
    found = Remainder(site, flat).expected(late, noon_before(late))
    assert found.state["pcc"]["expected_peak_kw:demand"] == pytest.approx(40, abs=0.01)
    assert "bears 100% of" in found.notes[0]


def test_a_level_that_suits_most_days_is_found_where_few_would_have_a_higher_one() -> None:
    """In one cheap hour a kW moves a kWh from 0.5 to 0.1, as far as the day needs it: twelve days 100 kWh, two 400.

    17 days at 0.4 are 6.8 a kW up to 100 kW, and above it 17/14 · 2 · 0.4, less than one: of 5 a kW the best is 100.
    """
    hours = {"night": (["00:00-01:00"], 0.1), "day": (["01:00-24:00"], 0.5)}
    prices = [
        {"name": name, "basis": "energy", "price_per_kwh": price, "calendar": {"hours": of}, "source": "test"}
        for name, (of, price) in hours.items()
    ]
    demand = {"name": "demand", "basis": "demand", "price_per_kw_month": 5.0, "source": "test"}
    named = {"name": "test", "currency": "EUR", "components": [*prices, demand]}
    store, _ = by_night(energy_kwh=500, charge_kw=500, discharge_kw=500)

    def needs(name: str, at: Horizon, moment_s: int) -> Array:
        need_kwh = 400.0 if at.local_start[0].date().day in (5, 11) else 100.0
        return np.where(np.arange(24) == 0, 0.0, need_kwh / 23)

    at = horizon()
    found = Remainder(silent(store, tariff=named), needs).expected(at, noon_before(at)).state["pcc"]
    between = (400 - 400 / 23) / 16  # plans of two shares are mixed in sixteenths
    assert found["expected_peak_kw:demand"] == pytest.approx(100, abs=between)


def test_what_is_paid_for_anyway_is_used_by_the_days_that_are_expected() -> None:
    """Half of what is charged is lost: 100 kWh saved take 200 kWh, where the meter has seen enough of a peak."""
    store, fields = by_night(charge_efficiency=0.5, energy_kwh=100)
    site = silent(store, **fields)
    late = horizon(date(2024, 5, 30))
    idle = Remainder(site, flat).expected(late, noon_before(late))
    assert idle.state["pcc"]["expected_day_kwh:counted"] == pytest.approx(24 * 40, abs=0.1)
    seen = {"pcc": {"month_to_date_peak_kw": 40 + 200 / 6}}
    used = Remainder(site, flat).expected(late, noon_before(late), seen)
    assert used.state["pcc"]["expected_day_kwh:counted"] == pytest.approx(24 * 40 + 100, abs=0.1)
    written = silent(store, month_to_date_peak_kw=40 + 200 / 6, **fields)
    assert Remainder(written, flat).expected(late, noon_before(late)).state == used.state


def test_a_peak_that_the_file_expects_is_used_by_the_days_too() -> None:
    store, fields = by_night(charge_efficiency=0.5)
    late = horizon(date(2024, 5, 30))
    site = silent(store, expected_peak_kw=40 + 200 / 6, **fields)
    found = Remainder(site, flat).expected(late, noon_before(late))
    assert found.state["pcc"] == {"expected_day_kwh:counted": pytest.approx(24 * 40 + 100, abs=0.1)}


def test_the_energy_of_a_rebate_is_counted_though_a_day_does_not_reach_it() -> None:
    rebate = {"kwh_per_kva_month": 260, "factor": 0.9}
    demand = {"name": "demand", "basis": "demand", "price_per_kw_month": 5.0, "rebate": rebate, "source": "test"}
    energy = {"name": "energy", "basis": "energy", "price_per_kwh": 0.1, "source": "test"}
    site = silent(tariff={"name": "test", "currency": "EUR", "components": [energy, demand]}, contracted_kva=500)
    found = Remainder(site, flat).expected(horizon(), noon_before(horizon())).state["pcc"]
    assert found == {
        "expected_peak_kw:demand": pytest.approx(40, abs=0.01),
        "expected_day_kwh:demand": pytest.approx(24 * 40, abs=0.01),
    }


@pytest.mark.parametrize(
    ("before_kwh", "expected_kw"),
    [(130_000 - 2 * 24 * 40, 40 + 100 / 6), (130_000 - 2 * 24 * 40 - 1, 40), (200_000, 40 + 100 / 6), (0, 40)],
)
def test_demand_is_as_cheap_as_the_months_energy_makes_it(before_kwh: float, expected_kw: float) -> None:
    """30 May: a kW earns 2.4 on each of two days; it costs 5, or 4.5 from 260 kWh/kVA on: 130 000 kWh of 500 kVA."""
    store, fields = by_night()
    (*prices, demand, counted) = fields["tariff"]["components"]
    demand = demand | {"rebate": {"kwh_per_kva_month": 260, "factor": 0.9}}
    rebated = fields["tariff"] | {"components": [*prices, demand, counted]}
    site = silent(store, tariff=rebated, contracted_kva=500, month_to_date_kwh=before_kwh)
    late = horizon(date(2024, 5, 30))
    found = Remainder(site, flat).expected(late, noon_before(late)).state["pcc"]
    assert found["expected_peak_kw:demand"] == pytest.approx(expected_kw, abs=0.01)
    # The file says what the day after takes, so that only the horizon's energy is looked at.
    said = silent(store, tariff=rebated, contracted_kva=500, month_to_date_kwh=before_kwh, expected_day_kwh=24 * 40)
    found = Remainder(said, flat).expected(late, noon_before(late)).state["pcc"]
    assert found == {"expected_peak_kw:demand": pytest.approx(expected_kw, abs=0.01)}
