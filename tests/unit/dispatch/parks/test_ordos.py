"""Reference park B: four fifths direct, the rest green, each step proved, no more exported than agreed."""

from __future__ import annotations

import numpy as np
import pytest

from dispatch.accounts.matching import matched
from dispatch.assets.direct_line import DirectLine
from tests.unit.dispatch.parks.known import answer, page_of, plan_of, report_of, require_sound

LHV = 33.33


def test_the_park_is_planned_and_serves_everybody() -> None:
    require_sound("ordos")


def test_four_fifths_are_direct_and_the_rest_is_green() -> None:
    plan = plan_of("ordos")
    assert [short.max() for short in plan.schedule.wish_short_kwh.values()] == pytest.approx([0, 0], abs=1e-3)
    hours, schedule = plan.horizon.hours, plan.schedule
    supply, bought = (float(v @ hours) for v in (schedule.per_step("supply_kw"), schedule.asset("pcc", "import_kw")))
    assert 1 - bought / supply >= 0.8
    assert schedule.asset("pcc", "green_0_kw") == pytest.approx(schedule.asset("pcc", "import_kw"), abs=1e-3)


def test_every_step_is_proved_from_its_own_supply() -> None:
    plan = plan_of("ordos")
    found, schedule = matched(plan.site, plan.schedule), plan.schedule
    own = schedule.asset("wind", "own_use_kw") + schedule.asset("pv", "own_use_kw")
    charge, discharge = (schedule.asset("battery", f"{way}_kw") for way in ("charge", "discharge"))
    used = own + schedule.asset("pcc", "import_kw") + discharge - charge
    assert found.use_kw == pytest.approx(used, abs=1e-2)
    consumed = sum(
        plan.schedule.inputs.series[name, "demand_kw"][0] for name in ("factory", "offices")
    ) + schedule.asset("electrolyser", "power_kw")
    assert found.use_kw == pytest.approx(consumed, abs=0.5)
    # Where the battery rests, a step's direct use is its own generation, to the kW.
    resting = np.abs(charge) + np.abs(discharge) < 1e-6
    assert resting.any()
    assert found.direct_kw[resting] == pytest.approx(own[resting], abs=1e-3)
    # All that is not proved is what the battery held at the start.
    assert found.rest_kw.max() < 1e-3
    start = 0.5 * 40_000 * 0.9193
    assert float(found.stored_kw @ found.horizon.hours) <= start + 1


def test_no_line_exports_more_than_its_connection_and_its_share() -> None:
    plan = plan_of("ordos")
    assert plan.schedule.asset("pcc", "export_kw").max() < 1e-6
    for line in (a for a in plan.site.assets if isinstance(a, DirectLine)):
        sold, offered = (
            plan.schedule.asset(line.name, "sold_kw"),
            plan.schedule.inputs.series[line.name, "available_kw"][0],
        )
        assert sold.max() <= line.export_kw + 1e-6
        year = line.to_date_export_kwh + 0.25 * sold.sum(), line.to_date_available_kwh + 0.25 * offered.sum()
        assert year[0] <= line.export_share_max * year[1] + 1e-3
        assert plan.schedule.asset(line.name, "short_kwh") == pytest.approx([0, 0, 0], abs=1e-3)


def test_hydrogen_is_delivered_through_the_tank() -> None:
    schedule, hours = plan_of("ordos").schedule, plan_of("ordos").horizon.hours
    delivered = float(schedule.asset("trucks", "delivered_kw") @ hours) / LHV
    assert 700 - 1e-3 <= delivered <= 1200 + 1e-3
    made = float(schedule.asset("electrolyser", "hydrogen_kw") @ hours) / LHV
    gained = float(schedule.asset("tank", "stored_kwh")[-1]) / LHV - 400
    assert made == pytest.approx(delivered + gained, abs=0.1)


def test_the_report_answers_what_its_operator_asks() -> None:
    plan = plan_of("ordos")
    found = matched(plan.site, plan.schedule)
    facts = dict(answer("ordos", "Origin").facts)
    assert facts["direct share"] == f"{100 * found.direct_share:.1f} %"
    assert facts["direct and contracted, step by step"] == f"{100 * found.green_share:.1f} %"
    (picture,) = answer("ordos", "Origin").pictures
    stacked = np.sum([line.values for line in picture.stacked], axis=0)
    assert stacked == pytest.approx(found.use_kw, abs=1e-2)
    assert picture.ratio is not None
    assert picture.ratio.values == pytest.approx(100 * found.step_share, abs=1e-3)
    assert ("direct share of at least 80% per day", "kept", True) in report_of("ordos").wishes
    assert "What this park is asked for" in page_of("ordos")
