"""What is owed over longer than a window is counted over the path, not anew in each window that is executed."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.replay import Case
from dispatch.replay.ledger import ledger
from dispatch.replay.pieces import Piece, buses, join, schedule
from dispatch.replay.plant import Plant
from dispatch.replay.windows import with_ends
from dispatch.signals import Array
from dispatch.site import Site
from dispatch.solve import solve
from tests.parks import battery, given, grid, hours, load, park
from tests.unit.dispatch.assets.hydrogen_parks import cell, priced, sale
from tests.unit.dispatch.assets.hydrogen_parks import site as hydrogen_park

CELL = cell(electric_kw=2000)  # more than any test delivers


def case_of(site: Site, steps: int, actual: dict[str, Array]) -> Case:
    """A case of which nothing is forecast."""
    return Case(site, hours(steps), actual, archive=cast(Any, None))


def by_the_hour(case: Case, decided: dict[str, dict[str, Array]]) -> Piece:
    """Decisions carried out hour by hour, as a plan that is made anew every hour is."""
    plant = Plant(case)
    return join(
        [
            plant.run(h, 1, {kind: {n: v[:, h:] for n, v in by.items()} for kind, by in decided.items()})
            for h in range(case.span.steps)
        ]
    )


@pytest.mark.parametrize("over", ["day", "horizon"])
def test_a_delivery_that_is_made_late_but_made_is_no_shortfall(over: str) -> None:
    """240 kg a day by 15 an hour in the last sixteen: nothing is short, though each hour before was by itself."""
    site = hydrogen_park(priced(0.1), CELL, sale(min_kg_per_day=240, over=over, shortfall_cost_per_t=9000))
    case, rate = case_of(site, 24, {}), np.zeros((1, 24))
    rate[:, 8:] = 15.0
    piece = by_the_hour(case, {"product_offtake": {"delivered_kg_per_h": rate}})
    done = schedule(case, piece, {}, buses(case))
    assert done.asset("sale", "delivered_kg_per_h") == pytest.approx(rate[0])
    assert audit(done).violations == ()
    (day,) = ledger(case, piece, buses(case), {}).days
    assert (day.penalty, day.violations) == (pytest.approx(0, abs=1e-6), 0)


def test_what_one_day_owes_the_next_makes_up_for() -> None:
    site = hydrogen_park(priced(0.1), CELL, sale(min_kg_per_day=240, over="horizon", shortfall_cost_per_t=9000))
    case, rate = case_of(site, 48, {}), np.zeros((1, 48))
    rate[:, 24:] = 18.0  # 432 of 480 kg
    piece = by_the_hour(case, {"product_offtake": {"delivered_kg_per_h": rate}})
    found = ledger(case, piece, buses(case), {})
    assert found.violations == ()
    assert [day.penalty for day in found.days] == pytest.approx([240 * 9, (48 - 240) * 9])


def test_a_shortfall_by_the_day_is_what_the_day_lacks() -> None:
    site = hydrogen_park(priced(0.1), CELL, sale(min_kg_per_day=240, shortfall_cost_per_t=9000))
    case = case_of(site, 24, {})
    piece = by_the_hour(case, {"product_offtake": {"delivered_kg_per_h": np.full((1, 24), 8.0)}})
    (day,) = ledger(case, piece, buses(case), {}).days
    assert day.penalty == pytest.approx((240 - 192) * 9)


def test_a_store_outside_its_band_is_charged_in_the_path_as_in_its_windows() -> None:
    """It starts below its band, and no power is there to bring it back."""
    store = battery(start_fill=0.05, min_fill=0.2, band_penalty_per_kwh=3.0)
    site = park(load(), store)
    case = case_of(site, 3, {"load": np.zeros(3)})
    piece = by_the_hour(case, {"battery": {}})
    done = schedule(case, piece, {}, buses(case))
    outside = done.asset("battery", "outside_band_kwh")
    assert outside.sum() > 0
    assert audit(done).violations == ()
    (day,) = ledger(case, piece, buses(case), {}).days
    assert day.penalty == pytest.approx(3 * outside.sum())


def test_what_is_owed_over_the_horizon_is_planned_by_the_day_so_that_no_window_puts_it_off() -> None:
    """Selling at once or later brings the same: planned over each window, it would wait for every window's end."""
    site = hydrogen_park(priced(0.1), CELL, sale(min_kg_per_day=240, over="horizon"))
    case = case_of(site, 24, {})
    planned = with_ends(case, {})
    assert next(a for a in planned.assets if a.name == "sale").over == "day"
    assert next(a for a in with_ends(case, {}, by_window=False).assets if a.name == "sale").over == "horizon"
    late = {"sale": {"delivered_today_kg": 100.0}}
    inputs = given(planned, hours(12, "2024-03-01T20:00"), {}, state=late)
    today = solve(Problem(planned, inputs)).asset("sale", "delivered_kg_per_h")[:4].sum()
    assert today == pytest.approx(140, abs=1e-3)


def test_what_a_direct_line_could_have_given_is_curtailed_of_its_day() -> None:
    """Of 100 kW 30 kW are used and 20 kW sold on the first day; on the second all 30 kW are used."""
    farm = {"kind": "direct_line", "name": "farm", "bus": "main", "technology": "wind", "rated_kw": 100,
            "loads": ["load"], "export_kw": 20}  # fmt: skip
    site = park(load(), farm, grid())
    actual = {"load": np.full(48, 30.0), "farm": np.repeat([100.0, 30.0], 24)}
    case = case_of(site, 48, actual)
    days = ledger(case, by_the_hour(case, {}), buses(case), {}).days
    assert [day.curtailed_kwh for day in days] == pytest.approx([50 * 24, 0])
