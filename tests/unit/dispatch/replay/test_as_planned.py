"""A plan whose forecast was right is carried out as it stands; one that was not gives way where it hurts least."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dispatch.asset import Inputs
from dispatch.audit import audit
from dispatch.config.park import load_site
from dispatch.problem import Problem
from dispatch.replay.pieces import without_end
from dispatch.replay.plant import decisions, obeyed
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.site import Site
from dispatch.solve import solve
from dispatch.solver.highs import Limits
from tests.parks import battery, given, grid, hours, load, park, tariff
from tests.unit.dispatch.assets.hydrogen_parks import cell, priced, sale
from tests.unit.dispatch.assets.hydrogen_parks import site as hydrogen_park

FOLLOWED = ("above_min_kw", "producing", "hydrogen_kw", "charge_kw", "discharge_kw", "delivered_kg_per_h", "sold_kw",
            "own_use_kw", "input_kw")  # fmt: skip


def executed(site: Site, planned: Schedule, inputs: Inputs) -> Schedule:
    """What comes of a plan when these inputs come."""
    problem = Problem(without_end(site), inputs)
    return rule_based(problem, obeyed(problem, decisions(Problem(site, planned.inputs), planned)))


def apart(planned: Schedule, done: Schedule) -> dict[str, float]:
    """By series, how far what was done is from what was planned [kW, kg/h or modules], where that is anything."""
    found = {
        f"{kind}/{name}": float(np.abs(solved.series[name] - done.kinds[kind].series[name]).max())
        for kind, solved in planned.kinds.items()
        for name in FOLLOWED
        if name in solved.series
    }
    return {name: most for name, most in found.items() if most > 0.5}


@pytest.fixture(scope="module")
def ammonia() -> tuple[Site, Inputs, Schedule]:
    """Off-grid ammonia on a day with wind for about all of it, then for half, and its plan."""
    site = load_site("chifeng")
    wind = 26000 + 14000 * np.sin(np.arange(24) / 24 * 2 * np.pi)
    series = {("wind", "available_kw"): wind, ("pv", "available_kw"): 0.0, ("site", "demand_kw"): 800.0}
    inputs = given(site, hours(24, "2024-03-01T00:00", "Asia/Shanghai"), series)
    return site, inputs, solve(Problem(site, inputs), Limits(gap=1e-3))


def test_an_ammonia_plant_does_what_was_planned_where_the_forecast_was_right(
    ammonia: tuple[Site, Inputs, Schedule],
) -> None:
    site, inputs, planned = ammonia
    assert planned.asset("electrolyser", "producing").max() == 5, "several modules share the draw"
    assert planned.asset("hydrogen_tank", "charge_kw").max() > 0, "and hydrogen is lifted into the tank"
    done = executed(site, planned, inputs)
    assert apart(planned, done) == {}
    assert audit(done).violations == ()


def test_where_wind_lacks_stores_and_electrolysers_give_way_before_the_synthesis_and_no_fuel_is_burnt(
    ammonia: tuple[Site, Inputs, Schedule],
) -> None:
    site, inputs, planned = ammonia
    less = {k: v * 0.9 if k == ("wind", "available_kw") else v for k, v in inputs.series.items()}
    done = executed(site, planned, Inputs(inputs.horizon, 1, less, inputs.state))
    assert audit(done).violations == ()
    assert done.asset("haber_bosch", "hydrogen_kw") == pytest.approx(planned.asset("haber_bosch", "hydrogen_kw"), abs=1)
    assert done.asset("backup", "power_kw").sum() <= planned.asset("backup", "power_kw").sum() + 1
    assert done.asset("electrolyser", "power_kw").sum() < planned.asset("electrolyser", "power_kw").sum() - 1000
    assert done.asset("hydrogen_tank", "stored_kwh")[-1] < planned.asset("hydrogen_tank", "stored_kwh")[-1] - 1000


def line(**fields: Any) -> dict[str, Any]:
    base = {"kind": "direct_line", "name": "wind", "bus": "main", "technology": "wind", "rated_kw": 100.0}
    shares = {"own_use_share_min": 0.0, "supply_share_min": 0.0, "export_share_max": 1.0}
    return base | shares | {"export_kw": 100.0, "export_price_per_kwh": 0.3, "loads": ["load"]} | fields


def test_what_a_line_of_its_own_is_to_sell_is_sold_and_not_stored() -> None:
    """Stored at .9 each way it would save .2 later: less than the .3 that it is sold at."""
    site = park(load(), grid(tariff=tariff(0.2)), battery(start_fill=0.0), line())
    series = {("load", "demand_kw"): 50.0, ("wind", "available_kw"): np.array([80.0, 80.0, 50.0, 20.0])}
    inputs = given(site, hours(4), series)
    planned = solve(Problem(site, inputs))
    assert planned.asset("wind", "sold_kw").sum() > 50
    assert apart(planned, executed(site, planned, inputs)) == {}
    less = given(site, hours(4), series | {("wind", "available_kw"): np.array([60.0, 100.0, 50.0, 20.0])})
    done = executed(site, planned, less)
    own = planned.asset("wind", "own_use_kw")[0]
    assert done.asset("wind", "own_use_kw")[0] == pytest.approx(min(own, 60.0)), "the site has its own first"
    assert audit(done).violations == ()


def test_modules_that_share_a_draw_still_share_it() -> None:
    """Two of them at half load each make more of it than one at full load: the curve is concave."""
    curve = [{"load": 0.5, "kg_per_mwh": 20}, {"load": 1.0, "kg_per_mwh": 18}]
    site = hydrogen_park(priced([0.1, 0.3]), cell(count=3, min_load=0.2, curve=curve), sale(min_kg_per_day=20 * 24))
    inputs = given(site, hours(2), {})
    planned = solve(Problem(site, inputs))
    assert planned.asset("cell", "producing").max() >= 2
    done = executed(site, planned, inputs)
    assert done.asset("cell", "power_kw") == pytest.approx(planned.asset("cell", "power_kw"), abs=0.1)
    assert done.asset("cell", "hydrogen_kw") == pytest.approx(planned.asset("cell", "hydrogen_kw"), abs=0.1)
