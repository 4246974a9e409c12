"""Awards of which something is not known: settled for what is, with the rest named."""

from __future__ import annotations

import re
from datetime import date, timedelta

import numpy as np
import pytest

from dispatch.errors import DataError
from dispatch.markets.awards import Award, AwardPeriod
from dispatch.markets.baselines.methods import method
from dispatch.markets.calendar import periods
from dispatch.markets.catalogue import product
from dispatch.markets.portfolio import Metered, Prices, Settled, asked, baselines, settle_awards
from dispatch.markets.statement import Statement
from dispatch.signals import Array, Horizon

FIRST = date(2026, 7, 1)
DAY = FIRST + timedelta(days=20)
ONE = product("guangdong_demand_response", FIRST)
STEPS = Horizon.local_day(FIRST, "Asia/Shanghai", 60, days=30)
AT = [k for k, t in enumerate(STEPS.local_start) if t.date() == DAY and 15 <= t.hour < 17]
STARTS = tuple(periods(ONE, DAY).local_start[15:17])
AWARD = Award(
    product=ONE.name, day=DAY, side="up",
    periods=tuple(AwardPeriod(start=start, quantity_kw=6000.0, price=500.0) for start in STARTS),
)  # fmt: skip


def meters(*gives_kw: float) -> Metered:
    """Sites of 10 MW, each of which gives so much in both periods."""
    kw = np.full((len(gives_kw), STEPS.steps), 10000.0)
    kw[:, AT] -= np.array(gives_kw)[:, None]
    return Metered(tuple("abc"[: len(gives_kw)]), STEPS, kw)


def settled(metered: Metered, parts_kw: tuple[float, ...]) -> Settled:
    points = np.tile(np.array(parts_kw)[:, None], STEPS.steps)
    base = baselines(method("ten_of_ten_unadjusted"), metered, asked(ONE, [AWARD]), whole=False)
    return settle_awards(ONE, [AWARD], metered, base, points, whole=False)


def test_a_site_without_readings_is_named_and_the_others_are_paid() -> None:
    metered = meters(4000.0, 1500.0, 500.0)
    metered.net_import_kw[2, AT[0]] = np.nan
    made = settled(metered, (4000.0, 1500.0, 500.0))
    # At 0.5 a kWh: 5 500 of 5 500 in the first hour, 6 000 of 6 000 in the second.
    assert made.settlement.cents == 100 * (5500 + 6000) // 2
    assert made.settlement.terms.award_kw.tolist() == [5500, 6000]
    (gap,) = made.gaps
    start = STARTS[0]
    assert (gap.site, gap.lacks, gap.awarded_kwh) == ("c", "readings", 500.0)
    assert made.open_kwh == 500.0
    assert "500 kWh of the award count neither as delivered nor as short" in made.notes[-1]
    assert f"'c' from {start.isoformat(timespec='minutes')}" in made.notes[-1]
    assert made.split("delivered").total.tolist() == [100 * 4000, 100 * 1500, 100 * 250]
    plain = Statement(made, made.split("shapley")).plain()
    assert plain["provisional"]
    assert plain["missing"] == [
        {"site": "c", "start": "2026-07-21T07:00:00Z", "end": "2026-07-21T08:00:00Z", "lacks": "readings",
         "awarded_kwh": 500.0},
    ]  # fmt: skip


def test_what_a_missing_site_was_to_give_is_neither_delivered_nor_short() -> None:
    metered = meters(4000.0, 0.0)
    metered.net_import_kw[1, AT] = np.nan
    made = settled(metered, (4000.0, 2000.0))
    # 4 000 kW of its own 4 000 are a whole delivery; counted as 4 000 of 6 000 they would have been 2 000 short.
    assert made.settlement.checked.short_kw.tolist() == [0, 0]
    assert made.settlement.cents == 100 * 4000
    assert [(gap.site, gap.awarded_kwh) for gap in made.gaps] == [("b", 4000.0)]  # two hours, told as one gap
    split = made.split("delivered")
    assert (split.sites, split.total.tolist()) == (("a",), [400000])


def test_the_page_tells_each_site_its_own_and_that_it_is_provisional() -> None:
    metered = meters(4000.0, 2000.0)
    metered.net_import_kw[0, AT] = np.nan
    made = settled(metered, (4000.0, 2000.0))
    page = Statement(made, made.split("delivered")).page()
    assert "Provisional revenue" in page
    assert "1 of 2 sites" in page
    # Of b, not of the site that stands first: asked for and given 2 MW for two hours, at 0.5 a kWh.
    row = page[page.index("Whose revenue it is") :]
    cells = re.findall(r"<t[dh][^>]*>([^<]*)</t[dh]>", row)[4:8]
    assert [cell.replace("\u202f", "") for cell in cells] == ["b", "4000", "4000", "2000.00"]
    assert "not known of them is in none of these: 8000 kWh" in page
    assert "of the part that is known" in page


def test_a_site_without_days_for_a_baseline_is_told_apart() -> None:
    metered = meters(4000.0, 2000.0)
    metered.net_import_kw[1, : 15 * 24] = np.nan  # joined on the 16th
    made = settled(metered, (4000.0, 2000.0))
    assert [(gap.site, gap.lacks) for gap in made.gaps] == [("b", "baseline")]
    assert made.settlement.cents == 100 * 4000


def test_a_period_in_which_the_known_sites_only_help_is_left_open() -> None:
    metered = meters(-1000.0, 7000.0)
    metered.net_import_kw[1, AT[0]] = np.nan
    made = settled(metered, (-1000.0, 7000.0))
    assert [(gap.site, gap.lacks, gap.awarded_kwh) for gap in made.gaps] == [
        ("a", "others", -1000.0), ("b", "readings", 7000.0),
    ]  # fmt: skip
    assert made.settlement.cents == 100 * 3000
    assert made.open_kwh == 6000


def test_where_nothing_is_known_nothing_is_settled() -> None:
    metered = meters(4000.0, 2000.0)
    metered.net_import_kw[:, AT] = np.nan
    with pytest.raises(DataError, match=r"reading of 'a' .* 4 in all; accepted: both of one site or more"):
        settled(metered, (4000.0, 2000.0))


def test_readings_are_not_asked_for_where_capacity_was_not_called() -> None:
    day = date(2026, 3, 30)
    fcr = product("fcr", day)
    rows = tuple(AwardPeriod(start=t, quantity_kw=2000, price=60) for t in periods(fcr, day).local_start)
    one = Award(product="fcr", day=day, side="up", periods=rows)
    steps = Horizon.local_day(day, "Europe/Berlin", 15)
    unknown: Array = np.full((1, 96), np.nan)
    made = settle_awards(fcr, [one], Metered(("a",), steps, unknown), unknown, prices=Prices(available=np.ones(6)))
    assert made.settlement.cents == 100 * 6 * 2 * 60
    assert made.gaps == ()
