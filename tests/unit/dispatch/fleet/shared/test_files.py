"""Fleets' files: those that ship, and what is wrong with others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from dispatch.config.documents import CONFIGS
from dispatch.errors import ConfigError, DataError
from dispatch.fleet.shared.files import SharedFleet, load_fleet
from dispatch.fleet.shared.kinds.park import Park
from dispatch.fleet.shared.owners import by_prices, by_shapley, game
from dispatch.fleet.shared.plan import plan_shared
from dispatch.fleet.shared.space import moved
from dispatch.solver.highs import Limits
from tests.unit.dispatch.small_park import park

SHIPPED = sorted(path.stem for path in (CONFIGS / "fleets").glob("*.yaml"))


def limits(fleet: SharedFleet) -> Limits:
    return Limits(gap=fleet.file.gap)


@pytest.mark.parametrize("name", SHIPPED)
def test_fleets_that_ship_are_planned_and_pass(name: str) -> None:
    fleet = load_fleet(name)
    plan = plan_shared(fleet.members, fleet.shared, fleet.horizon, limits=limits(fleet))
    assert plan.passed
    assert plan.solution.gap <= fleet.file.gap
    assert plan.words()


def test_three_owners_pay_the_whole_bill_and_nobody_is_worse_off() -> None:
    fleet = load_fleet("three_owners")
    plan = plan_shared(fleet.members, fleet.shared, fleet.horizon, limits=limits(fleet))
    pcc = next(thing for thing in fleet.shared if isinstance(thing, Park))
    worth = game(fleet.members, fleet.shared, pcc, fleet.horizon, plan=plan, limits=limits(fleet))
    prices, values = by_prices(plan, pcc, worth), by_shapley(plan, pcc, worth)
    for one in (prices, values):
        assert one.total.sum() == pytest.approx(plan.solution.objective, abs=1e-6)
        assert (one.saved > -0.01).all()
    # The prices of a linear program lie in the core of its game (Owen 1975); Shapley's value need not.
    assert prices.leaving[1] < 0.01
    assert values.leaving[1] > 1


def test_moving_work_saves_what_the_two_plans_differ_by() -> None:
    fleet = load_fleet("three_zones")
    plan = plan_shared(fleet.members, fleet.shared, fleet.horizon, limits=limits(fleet))
    found = moved(fleet.members, fleet.shared, plan, limits=limits(fleet))
    assert found.saved > 1000
    assert found.gap < 1e-5
    money_and_carbon = found.money_alone - found.money + 0.08 * (found.co2_alone_kg - found.co2_kg)
    assert found.saved == pytest.approx(money_and_carbon, abs=0.01)
    at = dict(zip(found.paths, found.kwh, strict=True))
    assert at["south", "north"] > 0
    leaving = plan.solution.effects[:, plan.fleet.scope.entries["work_leaving_kw"]].sum(axis=1)
    assert leaving[plan.fleet.scope.names.index("north")] == pytest.approx(-at["south", "north"] - at["east", "north"])
    assert found.table()["origin"][0] == "south"
    assert any("kg more CO2" in line for line in found.words())


def written(folder: Path, **changes: Any) -> Path:
    """A fleet of two small parks."""
    for name in ("one", "two"):
        own = park(name=name)
        own["assets"][0].pop("history")
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(own, sort_keys=False), encoding="utf-8")
    hours = "\n".join(f"2024-06-18T{h:02d}:00,{10 + h}" for h in range(24))
    (folder / "day.csv").write_text(f"start,hall_mw\n{hours}\n", encoding="utf-8")
    known = {"asset": "hall", "quantity": "demand_kw", "power_kw": {"file": "day.csv", "column": "hall_mw"}}
    raw = {
        "name": "pair",
        "time_zone": "Europe/Berlin",
        "day": "2024-06-18",
        "step_minutes": 60,
        "sites": [{"park": f"{n}.yaml", "labels": {"feeder": n}, "known": [known]} for n in ("one", "two")],
        "shared": [{"kind": "power_limit", "name": "feeder", "import_kw": 100}],
    }
    path = folder / "fleet.yaml"
    path.write_text(yaml.safe_dump(raw | changes, sort_keys=False), encoding="utf-8")
    return path


def test_a_fleet_is_read_with_what_is_known(tmp_path: Path) -> None:
    fleet = load_fleet(written(tmp_path))
    np.testing.assert_allclose(fleet.members[0].series["hall", "demand_kw"][0], 10 + np.arange(24))
    assert fleet.members[1].labels == {"feeder": "two"}
    assert fleet.horizon.steps == 24


def test_a_day_that_the_file_does_not_cover(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="demand_kw of 'hall' at 'one' is unknown at 2024-06-19"):
        load_fleet(written(tmp_path, day="2024-06-19"))


KNOWN = {"asset": "hall", "quantity": "demand_kw", "power_kw": 5}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"day": "2024-02-31"}, "day"),
        ({"days": 0}, "days"),
        ({"nothing": 1}, "nothing"),
        ({"sites": [{"park": "three.yaml"}]}, "sites[0].park in three.yaml"),
        ({"sites": [{"park": "one.yaml"}]}, "sites[0].known (line 6): says nothing of hall.demand_kw"),
        ({"sites": [{"park": "one.yaml", "known": [KNOWN]}] * 2}, "'one' is sites[0] too"),
        (
            {"sites": [{"park": "one.yaml", "known": [KNOWN, KNOWN | {"asset": "store"}]}]},
            "'one' has nothing to be known of store.demand_kw",
        ),
        ({"step_minutes": 7}, "step_minutes"),
        ({"shared": [{"kind": "power_limit", "name": "x", "import_kw": 1, "sites": []}]}, "sites (line"),
        (
            {"shared": [{"kind": "power_limit", "name": "x", "import_kw": 1, "sites": ["one", "one"]}]},
            "'one' is named twice",
        ),
        ({"shared": [{"kind": "power_limits", "name": "x"}]}, "did you mean 'power_limit'?"),
        (
            {"shared": [{"kind": "power_limit", "name": "x", "import_kw": 1, "sites": ["thre"]}]},
            "there is no site 'thre'",
        ),
        (
            {
                "shared": [
                    {"kind": "demand_meter", "name": "x", "connection": {"kind": "grid_connection", "tariff": "qing"}}
                ]
            },
            "shared[0].connection.tariff",
        ),
    ],
)
def test_mistakes_have_their_place(tmp_path: Path, changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_fleet(written(tmp_path, **changes))
    assert text in str(caught.value)


def test_a_fleet_that_there_is_not() -> None:
    with pytest.raises(ConfigError, match="did you mean 'three_owners'"):
        load_fleet("three_owner")
