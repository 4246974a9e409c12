"""Independent plans of many sites: those of each site by itself, whoever is planned with it, and audited."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import cvxpy as cp
import numpy as np
import pyarrow.compute as pc
import pytest

from benchmarks.topics.fleet.sites import fleet_sites, horizon
from dispatch.assets.battery import Battery
from dispatch.audit import audit
from dispatch.errors import ContractError
from dispatch.fields.out_of_service import OutOfService
from dispatch.fleet import checked
from dispatch.fleet.independent import Chunk, Planned, _Planners, plan_chunk
from dispatch.fleet.joined import Joined
from dispatch.fleet.members import Member, references
from dispatch.fleet.planner import Planner
from dispatch.fleet.values import Values
from dispatch.part import Part
from dispatch.problem import Problem
from dispatch.schedule import Schedule, Solved
from dispatch.signals import Array
from dispatch.solve import solve
from dispatch.solver.highs import Limits
from tests.parks import battery, grid, hours, load, park, tariff, unit
from tests.unit.dispatch.assets import templates
from tests.unit.dispatch.fleet.alike import differing


def planned(members: list[Member], steps: int = 96, **options: Any) -> Planned:
    return plan_chunk(Chunk(horizon(steps), tuple(members), references(members), **options))


def series(plan: Planned, site: str, asset: str, name: str) -> Array:
    table = plan.schedule
    wanted = zip(("site", "asset", "series"), (site, asset, name), strict=True)
    for column, value in wanted:
        table = table.filter(pc.field(column) == value)
    return np.asarray(table["value"].to_numpy())


def row(plan: Planned, site: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = plan.summary.filter(pc.field("site") == site).to_pylist()
    return found[0]


def alone(member: Member, steps: int = 96) -> Schedule:
    day = horizon(steps)
    return solve(Problem(member.site, member.inputs(day)))


def agrees(plan: Planned, site: str, schedule: Schedule) -> None:
    """Money, carbon and objective are those of a plan made alone."""
    own = row(plan, site)
    assert own["objective"] == pytest.approx(schedule.proof.objective, rel=1e-7)
    assert own["money"] == pytest.approx(schedule.money[0], rel=1e-6, abs=1e-6)
    assert own["co2_kg"] == pytest.approx(schedule.co2_kg[0], rel=1e-6, abs=1e-6)


def test_each_site_gets_the_plan_that_it_gets_alone() -> None:
    members = [*fleet_sites(3, genset=False, steps=44), *_renamed(fleet_sites(2, seed=3, steps=44), 5)]
    plan = planned(members, 44)
    assert plan.summary["site"].to_pylist() == [m.name for m in members]
    assert set(plan.summary["quality"].to_pylist()) == {"optimal"}
    for member in members:
        agrees(plan, member.name, alone(member, 44))
    first = members[0].name
    schedule = alone(members[0], 44)
    assert series(plan, first, "ac", "local_price_per_kwh") == pytest.approx(schedule.price_per_kwh[0, 0], abs=1e-9)
    served = series(plan, first, "load", "served_kw")
    assert served == pytest.approx(members[0].series["load", "demand_kw"][0], abs=1e-6)


def _renamed(members: list[Member], by: int) -> list[Member]:
    return [replace(m, site=m.site.model_copy(update={"name": f"site_{by + n:05d}"})) for n, m in enumerate(members)]


def test_a_plan_depends_neither_on_the_order_nor_on_who_is_planned_with_it() -> None:
    members = [*fleet_sites(6, genset=False, steps=48), *_renamed(fleet_sites(2, seed=3, steps=48), 6)]
    known = references(members)
    whole = plan_chunk(Chunk(horizon(48), tuple(members), known))
    back = plan_chunk(Chunk(horizon(48), tuple(reversed(members)), known))
    part = plan_chunk(Chunk(horizon(48), (members[7], members[3]), known))
    for name in ("site_00003", "site_00007"):
        tables = [p.schedule.filter(pc.field("site") == name) for p in (whole, back, part)]
        assert tables[0]["value"].to_pylist() == tables[1]["value"].to_pylist() == tables[2]["value"].to_pylist()
        rows = [row(p, name) for p in (whole, back, part)]
        assert rows[0] == rows[1] == rows[2]
    again = pickle.loads(
        pickle.dumps(plan_chunk(pickle.loads(pickle.dumps(Chunk(horizon(48), tuple(members), known)))))
    )
    assert again.schedule.equals(whole.schedule)
    assert again.summary.equals(whole.summary)


def test_a_site_that_lacks_an_input_fails_alone_and_says_what() -> None:
    members = fleet_sites(4, genset=False, steps=24)
    members[0] = Member(members[0].site, {("load", "demand_kw"): np.ones((1, 24))})
    members[2] = Member(members[2].site, {**members[2].series, ("load", "demand_kw"): np.full((1, 24), np.nan)})
    plan = planned(members, 24)
    assert plan.summary["quality"].to_pylist() == ["none", "optimal", "none", "optimal"]
    assert "needs a series 'available_kw'" in row(plan, "site_00000")["reason"]
    assert "missing values" in row(plan, "site_00002")["reason"]
    assert set(plan.schedule["site"].to_pylist()) == {"site_00001", "site_00003"}
    assert np.isnan(row(plan, "site_00000")["money"])


def test_a_site_that_no_plan_can_serve_in_full_goes_down_the_ladder() -> None:
    members = fleet_sites(3, genset=False, steps=24)
    site = members[1].site
    bound = [a.model_copy(update={"start_fill": 0.05}) if a.kind == "battery" else a for a in site.assets]
    members[1] = replace(members[1], site=site.model_copy(update={"assets": tuple(bound)}))
    hopeless = _outvoted(fleet_sites(4, genset=False, steps=24)[3])
    plan = planned([*members, hopeless], 24)
    assert row(plan, "site_00000")["quality"] == "optimal"
    assert row(plan, "site_00001")["quality"] in ("optimal", "relaxed")
    last = row(plan, hopeless.name)
    assert last["quality"] in ("rule_based", "safe_state", "relaxed")
    assert last["reason"] != ""


def _outvoted(member: Member) -> Member:
    """A site whose genset must run at more than anything can take."""
    stuck = unit("stuck", bus="ac", min_kw=1e4, max_kw=1e4, must_run=True, on_before_h=5.0, power_before_kw=1e4)
    site = member.site
    document = site.model_dump(mode="json", exclude_unset=True)
    document["assets"] = [*document["assets"], stuck]
    return replace(member, site=type(site).model_validate(document))


def test_flows_that_exclude_each_other_are_taken_apart() -> None:
    # Paid for taking power, a lossy store would charge and discharge at once.
    day = hours(6)
    lossy = battery(charge_efficiency=0.8, discharge_efficiency=0.8, start_fill=0.9)
    sites = [park(load(), grid(import_kw=200, tariff=tariff(price)), lossy, name=f"s{n}")
             for n, price in enumerate((0.2, -0.3, 0.1))]  # fmt: skip
    members = [Member(site, {("load", "demand_kw"): np.full((1, 6), 20.0)}) for site in sites]
    plan = plan_chunk(Chunk(day, tuple(members), references(members)))
    both = np.minimum(series(plan, "s1", "battery", "charge_kw"), series(plan, "s1", "battery", "discharge_kw"))
    assert both.max() < 1e-3
    for member in members:
        schedule = solve(Problem(member.site, member.inputs(day)))
        assert row(plan, member.name)["objective"] == pytest.approx(schedule.proof.objective, rel=1e-6)


@pytest.mark.parametrize("kind", ["grid_connection", "heat_pump", "thermal_store", "chp", "ev_fleet", "direct_line",
                                  "pem_electrolyser", "reserve_product", "outage", "swap_station"])  # fmt: skip
def test_parks_of_every_sort_are_planned_as_alone(kind: str) -> None:
    case = templates.of(kind)[0]
    members = differing(case)[:2]
    plan = plan_chunk(Chunk(case.horizon, tuple(members), references(members)))
    for member in members:
        schedule = solve(Problem(member.site, member.inputs(case.horizon)))
        own = row(plan, member.name)
        assert own["objective"] == pytest.approx(schedule.proof.objective, rel=2e-4, abs=1e-6)
        assert own["quality"] == schedule.proof.quality


def _batch(steps: int = 24) -> tuple[Problem, Joined, dict[str, Solved], checked.Sums]:
    members, day = fleet_sites(4, genset=False, steps=steps), horizon(steps)
    planner = Planner(members[0], day, Limits())
    joined = Joined.of(members, day)
    stack = planner.template.joined(joined)
    answers = [planner.hot.continuous(stack.matrices(n))[0] for n in range(4)]
    values = Values(planner.problem, joined)
    values.take(np.array([answer.x for answer in answers]))
    kinds = values.kinds()
    money = values.by_site(kinds, "cost_step") + values.by_site(kinds, "cost_period")
    terms = (values.by_site(kinds, name) for name in ("co2_step_kg", "penalty_step"))
    return planner.problem, joined, kinds, checked.Sums(money, *terms, np.array([a.objective for a in answers]))


def test_the_audit_of_a_batch_passes_what_is_right_and_is_that_of_each_site() -> None:
    problem, joined, kinds, sums = _batch()
    assert checked.violations(problem, joined, kinds, sums) == {}
    schedule = alone(fleet_sites(4, genset=False, steps=24)[3], 24)
    assert audit(schedule).passed
    assert sums.money[3] == pytest.approx(schedule.money[0], rel=1e-9)


@pytest.mark.parametrize(
    ("kind", "series_name", "by"),
    [
        ("battery", "charge_kw", 5.0),
        ("battery", "stored_kwh", 3.0),
        ("grid_connection", "import_kw", -2.0),
        ("load", "served_kw", -1.0),
        ("pv", "power_kw", 4.0),
    ],
)
def test_a_value_that_was_changed_is_found_in_its_site(kind: str, series_name: str, by: float) -> None:
    problem, joined, kinds, sums = _batch()
    values = {name: np.array(v) for name, v in kinds[kind].series.items()}
    values[series_name][2, 7] += by
    kinds[kind] = replace(kinds[kind], series=values)
    found = checked.violations(problem, joined, kinds, sums)
    assert list(found) == ["site_00002"]


def test_money_that_the_solver_does_not_confirm_is_found_in_its_site() -> None:
    problem, joined, kinds, sums = _batch()
    wrong = replace(sums, objective=sums.objective + np.array([0, 1.0, 0, 0]))
    found = checked.violations(problem, joined, kinds, wrong)
    assert list(found) == ["site_00001"]
    assert "objective differs from its parts" in str(found["site_00001"][0])
    cost = kinds["battery"].cost_step.copy()
    cost[3] += 0.1
    kinds["battery"] = replace(kinds["battery"], cost_step=cost)
    assert "site_00003" in checked.violations(problem, joined, kinds, sums)


def test_a_site_known_to_fail_says_why_and_nothing_else_is_tried() -> None:
    members = fleet_sites(2, genset=False, steps=12)
    members[0] = Member(members[0].site, {}, failure="its history ends in March")
    plan = planned(members, 12)
    assert row(plan, "site_00000")["quality"] == "none"
    assert row(plan, "site_00000")["reason"] == "its history ends in March"
    assert row(plan, "site_00001")["quality"] == "optimal"


def test_what_has_no_template_is_planned_site_by_site_and_a_bug_is_not_taken_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = templates.of("swap_station")[0]
    members = differing(case)[:2]
    plan = plan_chunk(Chunk(case.horizon, tuple(members), references(members)))
    assert set(plan.summary["quality"].to_pylist()) == {"optimal"}
    made = Battery.part

    def broken(*arguments: Any) -> Part:
        part = made(*arguments)
        return replace(part, cost_step=-cp.square(part.series["charge_kw"]))

    monkeypatch.setattr(Battery, "part", broken)
    with pytest.raises(ContractError, match="cost_step is not convex"):
        planned(fleet_sites(2, genset=False, steps=10), 10)


def test_a_planner_is_lent_to_one_at_a_time_and_kept_when_it_is_given_back() -> None:
    members, limits = fleet_sites(2, genset=False, steps=8), Limits()
    planners = _Planners(1)
    asked = (members[0], horizon(8), limits)
    with planners.lent(*asked) as one, planners.lent(*asked) as other:
        assert one is not other
    with planners.lent(*asked) as again:
        assert again is one, "the last one that was given back"
    with pytest.raises(ZeroDivisionError), planners.lent(*asked):
        raise ZeroDivisionError
    with planners.lent(*asked) as new:
        assert new is not one, "what failed is not kept"
    with planners.lent(members[1], *asked[1:]):
        pass
    with planners.lent(*asked) as later:
        assert later is not new, "only one is kept"


def _with_spans(member: Member, asset: str, *spans: tuple[str, str]) -> Member:
    out = tuple(OutOfService.model_validate({"start": f"2024-05-16T{a}", "end": f"2024-05-16T{b}"}) for a, b in spans)
    assets = tuple(a.model_copy(update={"out_of_service": out}) if a.name == asset else a for a in member.site.assets)
    return replace(member, site=member.site.model_copy(update={"assets": assets}))


def test_sites_that_share_a_problem_each_have_their_own_time_out_of_service() -> None:
    members = fleet_sites(3, genset=False, steps=44)
    store = next(a.name for a in members[0].site.assets if isinstance(a, Battery))
    members[0] = _with_spans(members[0], store, ("00:00", "03:00"))
    members[1] = _with_spans(members[1], store, ("09:30", "10:00"))
    plan = planned(members, 44)
    assert set(plan.summary["quality"].to_pylist()) == {"optimal"}
    for member, out in zip(members, (slice(0, 12), slice(38, 40), slice(0, 0)), strict=True):
        agrees(plan, member.name, alone(member, 44))
        moved = series(plan, member.name, store, "charge_kw") + series(plan, member.name, store, "discharge_kw")
        assert moved[out] == pytest.approx(0, abs=1e-6)
        assert moved.max() > 1
