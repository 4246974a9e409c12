"""A virtual power plant over the API: offered, called, delivered, paid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.topics.service import vpp, vpp_day
from benchmarks.topics.service.vpp_day import AFTER, BIDDING, DAY, FLEET, name_of
from dispatch.errors import SolveError
from dispatch.service import work
from dispatch.service.runner.runner import run_one
from dispatch.service.store import Tx, audit, fleet_results, jobs, metering
from dispatch.service.store.series import many
from dispatch.service.work import award, fleet_day, fleet_plan, reserve
from tests.unit.dispatch.service.market.lived import KINDS, SITES, TOMORROW, Lived, drafted, pointers


def test_set_points_add_up_to_the_award_and_every_site_follows_a_schedule_of_its_own(lived: Lived) -> None:
    assert lived.award["feasible"]
    assert lived.award["state"] == "done"
    given = lived.setpoints["given_kw"].to_numpy().reshape(SITES, -1).sum(axis=0)
    starts = lived.setpoints["start"].to_pylist()[: given.size]
    wanted = {datetime.fromisoformat(one["start"]): one["quantity_kw"] for one in lived.award["periods"]}
    assert sum(wanted.values()) > 100
    assert np.abs(given - [wanted.get(start, 0.0) for start in starts]).max() < 1e-6
    assert set(lived.award["schedules"]) == {name_of(n) for n in range(SITES)}
    for site, schedule in lived.award["schedules"].items():
        shown = lived.get(f"/schedules/{schedule}").json()
        assert (shown["site"], shown["mode"], shown["quality"]) == (site, "award", "optimal")
        assert shown["issue_time"] == shown["created_at"]  # in force from its own moment
        at = min(wanted).isoformat()
        held = lived.get(f"/sites/{site}/setpoints", params={"at": at}).json()["items"]
        assert {one["schedule"] for one in held} == {schedule}
        flows = {one["quantity"]: one["value"] for one in held if one["asset"] == "pcc"}
        net = flows["import_kw"] - flows["export_kw"]
        row = next(r for r in lived.setpoints.to_pylist() if r["site"] == site and r["start"] == min(wanted))
        assert net == pytest.approx(row["net_import_kw"], abs=1e-4)
        assert row["net_import_kw"] == pytest.approx(row["plan_net_import_kw"] - row["given_kw"])


def test_plans_of_a_fleet_are_summed_and_kept_by_site(lived: Lived) -> None:
    assert lived.plan["qualities"] == {"optimal": SITES}
    assert lived.plan["money"]["CNY"] > 0
    rows = lived.get(f"/fleet-plans/{lived.plan['id']}/sites").json()["rows"]
    assert sum(row["money"] for row in rows) == pytest.approx(lived.plan["money"]["CNY"])
    csv = lived.get(f"/fleet-plans/{lived.plan['id']}/series", headers={"Accept": "text/csv"}).text
    assert csv.splitlines()[0].startswith('"site","asset","series"')
    modes = {one["mode"] for one in lived.get("/schedules").json()["items"]}
    assert modes == {"fleet", "award"}
    for kind, found in (("forecasts", lived.vpp.ids["forecast"]), ("flexibility", lived.flexibility["id"])):
        assert found in [one["id"] for one in lived.get(f"/fleets/{FLEET}/{kind}").json()["items"]]
    listed = lived.get(f"/fleets/{FLEET}/plans").json()["items"]
    assert lived.plan["id"] in [one["id"] for one in listed]


def test_flexibility_lies_around_the_plan_and_has_a_page(lived: Lived) -> None:
    for step in lived.flexibility["envelope"]:
        assert step["least_kw"] - 1e-6 <= step["plan_kw"] <= step["most_kw"] + 1e-6
    assert lived.flexibility["most_up_kw"] > 100
    path = f"/flexibility/{lived.flexibility['id']}"
    assert "<html" in lived.get(f"{path}/page").text
    blocks = lived.get(f"{path}/blocks").json()["rows"]
    assert {row["way"] for row in blocks} == {"up", "down"}
    assert "known_sites" not in lived.flexibility["files"]
    assert lived.get(f"{path}/known_sites").status_code == 422


def test_deliveries_are_counted_while_they_come(lived: Lived) -> None:
    whole = lived.vpp.delivery()
    assert whole["delivered_kwh"] == pytest.approx(lived.award["awarded_kwh"], rel=1e-6)
    assert whole["deficiency_kwh"] == pytest.approx(0.0, abs=1e-6)
    assert whole["silent"] == []
    start = datetime.fromisoformat(lived.award["periods"][0]["start"])
    own = next(r for r in lived.setpoints.to_pylist() if r["site"] == name_of(0) and r["start"] == start)
    end, value = start + timedelta(hours=1), own["net_import_kw"] + 150
    row = {"site": name_of(0), "series": "net_import_kw", "time": end.isoformat(), "value": value}
    lived.at(AFTER + timedelta(hours=1))
    assert lived.post("/measurements", {"rows": [row]}).json()["restated"] == 1
    less = lived.vpp.delivery()
    assert less["deficiency_kwh"] == pytest.approx(150.0)
    assert less["periods"][0]["delivered_kw"] == pytest.approx(less["periods"][0]["award_kw"] - 150)


def test_before_any_meter_speaks_nothing_is_known_to_be_delivered(
    lived: Lived, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metering, "read_sites", lambda tx, _, *more: many.read_sites(tx, [], *more))
    found = lived.vpp.delivery()
    assert [one["sites_metered"] for one in found["periods"]] == [0, 0]
    assert [one["delivered_kw"] for one in found["periods"]] == [None, None]
    assert found["silent"] == [name_of(n) for n in range(SITES)]
    lived.at(DAY + timedelta(hours=18, minutes=30))  # nobody can have told of a period that is not over
    assert lived.vpp.delivery()["silent"] == []
    assert (found["awarded_kwh"], found["delivered_kwh"], found["deficiency_kwh"]) == (0.0, 0.0, 0.0)


def test_two_awards_of_the_same_hours_count_what_meters_show_once(lived: Lived) -> None:
    shown_kwh, first = lived.settlement["delivered_kwh"], lived.vpp.ids["award"]
    lived.at(BIDDING + timedelta(minutes=10))
    start = lived.award["periods"][0]["start"]
    steps = [{"quantity_kw": 100.0, "price": 0.5}]
    asked = {"flexibility": lived.flexibility["id"], "product": vpp_day.PRODUCT, "side": "up"}
    bid = lived.post(f"/fleets/{FLEET}/bids", {**asked, "periods": [{"start": start, "steps": steps}]})
    assert bid.status_code == 201, bid.text
    lived.vpp.ids["bid"] = bid.json()["id"]
    lived.post(f"/bids/{bid.json()['id']}:submit")
    assert lived.vpp.award(bid.json(), share=1.0)["feasible"]
    lived.at(AFTER + timedelta(hours=1))
    second, made = lived.vpp.ids["award"], {}
    for each in (first, second):
        lived.vpp.ids["award"] = each
        made[each] = lived.vpp.settle()
    whole = made[first]["delivered_kwh"] + made[second]["delivered_kwh"]
    assert made[second]["delivered_kwh"] > 0
    assert whole == pytest.approx(shown_kwh)
    assert second in made[first]["notes"][-1]
    delivery = {each: lived.get(f"/awards/{each}/delivery").json() for each in (first, second)}
    # Meters show the first award alone: both lack by what each asked, 100 kWh in all.
    assert sum(one["delivered_kwh"] for one in delivery.values()) == pytest.approx(lived.award["awarded_kwh"])
    assert delivery[second]["delivered_kwh"] < 100


def test_an_award_asks_nothing_of_plant_that_is_not_there_any_more(lived: Lived) -> None:
    lived.at(BIDDING + timedelta(minutes=10))
    start = (DAY + timedelta(hours=10)).isoformat()
    bid = drafted(lived, periods=[{"start": start, "steps": [{"quantity_kw": 250.0, "price": 0.5}]}]).json()["id"]
    lived.post(f"/bids/{bid}:submit")
    without_battery, retitled = vpp_day.body(0), {**vpp_day.body(2), "title": "Another"}
    without_battery["assets"] = [one for one in without_battery["assets"] if one["kind"] != "battery"]
    for n, changed in ((0, without_battery), (2, retitled)):
        assert lived.vpp.client.put(f"/api/v1/sites/{name_of(n)}", json=changed).status_code == 200
    assert lived.vpp.client.delete(f"/api/v1/sites/{name_of(1)}").status_code == 204
    lived.vpp.ids["bid"] = bid
    won = {"periods": [{"start": start, "quantity_kw": 150, "price": 1}]}
    made = lived.vpp.made(f"/bids/{bid}/awards", won, "award")
    assert {one["site"]: one["reason"] for one in made["left_out"]} == {
        name_of(0): "was offered as version 1; in version 2 its plant is another",
        name_of(1): "was deleted since it was offered",
    }
    assert set(made["schedules"]) == {name_of(2)}
    rows = lived.get(f"/awards/{made['id']}/setpoints").json()["rows"]
    assert {row["site"] for row in rows} == {name_of(2)}
    assert sum(row["given_kw"] for row in rows) == pytest.approx(150)


def test_awards_that_two_workers_carry_out_at_once_know_of_each_other(
    lived: Lived, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived.at(BIDDING + timedelta(minutes=10))
    start, accepted = (DAY + timedelta(hours=10)).isoformat(), []
    for _ in range(2):
        curve = [{"start": start, "steps": [{"quantity_kw": 100.0, "price": 0.5}]}]
        bid = drafted(lived, periods=curve).json()["id"]
        lived.post(f"/bids/{bid}:submit")
        won = {"periods": [{"start": start, "quantity_kw": 100.0, "price": 0.5}]}
        accepted.append(lived.post(f"/bids/{bid}/awards", won).json())
    run, begun = award.run, []

    def beside(asked: award.Asked, progress: Callable[[str], None]) -> award.Outcome:
        begun.append(asked)
        if len(begun) == 1:
            assert run_one(lived.served.store, KINDS) is not None  # another worker takes the other award
        return run(asked, progress)

    monkeypatch.setattr(award, "run", beside)
    assert run_one(lived.served.store, work.find()) is not None
    assert len(begun) == 2
    made = [lived.get(one["href"].removeprefix("/api/v1")).json() for one in accepted]
    assert [one["feasible"] for one in made] == [True, True]
    at = (DAY + timedelta(hours=10)).astimezone(UTC)
    drawn = 0.0
    for n in range(SITES):
        held = lived.get(f"/sites/{name_of(n)}/setpoints", params={"at": at.isoformat()}).json()["items"]
        flows = {one["quantity"]: one["value"] for one in held if one["asset"] == "pcc"}
        drawn += flows["import_kw"] - flows["export_kw"]
    rows = lived.get(f"/awards/{made[1]['id']}/setpoints").json()["rows"]
    rows = [row for row in rows if datetime.fromisoformat(row["start"]) == at]
    assert drawn == pytest.approx(sum(row["plan_net_import_kw"] for row in rows) - 200, abs=1e-3)


def test_a_settlement_adds_up_to_the_cent(lived: Lived) -> None:
    made = lived.settlement
    cents = round(100 * made["revenue"])
    assert cents > 0
    assert sum(round(100 * value) for value in made["sites"].values()) == cents
    assert sum(round(100 * value) for value in made["lines"].values()) == cents
    assert "ten_of_ten_unadjusted" in made["notes"][0]
    path = f"/settlements/{made['id']}"
    rows = lived.get(f"{path}/invoice").json()["rows"]
    assert sum(round(100 * row["revenue"]) for row in rows) == cents
    arrow = lived.get(f"{path}/split", headers={"Accept": vpp_day.ARROW})
    assert pa.types.is_decimal(pa.ipc.open_stream(arrow.content).read_all()["revenue"].type)
    assert "Whose revenue it is" in lived.get(f"{path}/page").text
    again = lived.get("/settlements").json()["items"]
    assert made["id"] in [one["id"] for one in again]
    assert lived.get(f"/awards/{made['award']}/settlements").json()["items"] == again


def test_an_award_that_is_settled_again_counts_once(lived: Lived) -> None:
    lived.at(AFTER + timedelta(hours=2))
    first, again = lived.settlement["id"], lived.vpp.settle()
    assert again["supersedes"] == first
    assert lived.get(f"/settlements/{first}").json()["superseded_by"] == again["id"]

    def done(**query: bool) -> list[str]:
        return [one["id"] for one in lived.get("/settlements", params=query).json()["items"] if one["state"] == "done"]

    assert done() == [again["id"]]
    assert done(superseded=True) == [again["id"], first]


def test_a_site_without_readings_leaves_its_part_open_until_they_come(
    lived: Lived, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived.at(AFTER + timedelta(hours=2))
    silent = name_of(1)
    parts = [row["given_kw"] for row in lived.setpoints.to_pylist() if row["site"] == silent]
    own_kwh = sum(parts[hour] for hour in (18, 19))

    def read_sites(tx: Tx, sites: Sequence[str], *more: Any) -> pa.Table:
        return many.read_sites(tx, [site for site in sites if site != silent], *more)

    with monkeypatch.context() as patched:
        patched.setattr(metering, "read_sites", read_sites)
        made = lived.vpp.settle()
    assert made["provisional"]
    assert [(one["site"], one["lacks"]) for one in made["missing"]] == [(silent, "readings")]
    (gap,) = made["missing"]
    assert datetime.fromisoformat(gap["start"]) == DAY + timedelta(hours=18)
    assert datetime.fromisoformat(gap["end"]) == DAY + timedelta(hours=20)
    assert made["open_kwh"] == pytest.approx(own_kwh)
    assert made["awarded_kwh"] == pytest.approx(lived.award["awarded_kwh"] - own_kwh)
    assert set(made["sites"]) == {name_of(0), name_of(2)}
    assert silent in made["notes"][-1]
    rows = lived.get(f"/settlements/{made['id']}/sites").json()["rows"]
    assert [row["delivered_kw"] for row in rows if row["site"] == silent] == [None, None]
    again = lived.vpp.settle()
    assert (again["provisional"], again["missing"], again["open_kwh"]) == (False, [], 0.0)
    assert again["supersedes"] == made["id"]
    assert again["revenue"] == lived.settlement["revenue"]


def test_a_profile_is_met_or_the_nearest_is_named(lived: Lived) -> None:
    lived.at(BIDDING)
    plan = [step["plan_kw"] for step in lived.flexibility["envelope"]]
    path = f"/fleets/{FLEET}/flexibility:evaluate"
    asked = {"flexibility": lived.flexibility["id"], "profile_kw": plan}
    met = lived.vpp.made(path, asked, "evaluation")
    assert met["feasible"]
    shares = lived.get(f"/evaluations/{met['id']}/shares").json()["rows"]
    assert sum(row["kw"] for row in shares[::24]) == pytest.approx(plan[0], abs=1e-4)
    beyond = lived.vpp.made(path, asked | {"profile_kw": [kw + 5000 for kw in plan]}, "evaluation")
    assert beyond["state"] == "infeasible"
    assert not beyond["feasible"]
    assert "the profile asks for" in beyond["certificate"][0]
    assert beyond["missed"][0]["nearest_kw"] < beyond["missed"][0]["asked_kw"]
    assert all(step["missed_kwh"] > 1e-6 for step in beyond["missed"])
    short = lived.post(path, asked | {"profile_kw": plan[1:]})
    assert pointers(short) == ["/profile_kw"]
    assert short.json()["errors"][0]["accepted"] == "24, one for each step"


def test_sites_under_a_shared_limit_are_planned_together(lived: Lived) -> None:
    lived.at(BIDDING)
    limit = {"kind": "power_limit", "name": "feeder", "import_kw": 1400}
    names = [name_of(n) for n in range(SITES)]
    lived.vpp.client.put("/api/v1/fleets/together", json={"sites": names, "shared": [limit]})
    forecast = lived.vpp.made("/fleets/together/forecasts", TOMORROW, "own forecast")
    foreign = lived.post("/fleets/together/plans", {"forecast": lived.vpp.ids["forecast"]})
    assert pointers(foreign) == ["/forecast"]
    made = lived.vpp.made("/fleets/together/plans", {"forecast": forecast["id"]}, "shared plan")
    assert made["coordinated"]
    assert any("feeder, net import: at its limit" in note for note in made["notes"])
    used = lived.get(f"/fleet-plans/{made['id']}/shared").json()["rows"]
    assert max(row["used"] for row in used) <= 1400 + 1e-3


def test_products_say_when_their_gate_closes(lived: Lived) -> None:
    lived.at(BIDDING)
    found = lived.get(f"/products/{vpp_day.PRODUCT}").json()["items"][0]
    assert found["price_unit"] == "CNY/kWh"
    assert found["next_gate"]["open_now"]
    assert datetime.fromisoformat(found["next_gate"]["closes"]) == DAY - timedelta(hours=12)
    page = lived.get("/products", params={"limit": 5}).json()
    more = lived.get("/products", params={"limit": 1000, "cursor": page["next"]}).json()
    refused = {one["name"]: one["refused"] for one in (*page["items"], *more["items"])}
    assert "hold nothing back" in refused["fcr"]
    assert refused[vpp_day.PRODUCT] is None
    names = [one["name"] for one in (*page["items"], *more["items"])]
    assert names == sorted(names)
    assert vpp_day.PRODUCT in names
    assert lived.get("/products/none").status_code == 404


@pytest.mark.parametrize("is_forecast", [False, True])
def test_a_plan_arrives_without_forecaster_and_solver(
    lived: Lived, monkeypatch: pytest.MonkeyPatch, is_forecast: bool
) -> None:
    lived.at(BIDDING)
    monkeypatch.setattr(reserve, "answer", lambda function, *given: function(*given))
    asked = {"forecast": lived.vpp.ids["forecast"]} if is_forecast else TOMORROW
    accepted = lived.post(f"/fleets/{FLEET}/plans", asked).json()
    with lived.served.store.write(lived.tenant, "test") as tx:
        job = jobs.get(tx, accepted["job"])
        made = fleet_plan.floor(fleet_plan.prepare(tx, job), "the solver died")
        assert made is not None
        result = fleet_plan.commit(tx, job, made)
        found = fleet_results.get(tx, "fleet_plan", accepted["id"])
        jobs.cancel(tx, job.id)
    assert set(found.summary["qualities"]) <= {"rule_based", "safe_state", "last_good"}
    assert set(result["schedules"]) == {name_of(n) for n in range(SITES)}
    assert "the solver died" in found.summary["notes"][0]


def test_where_not_even_rules_answer_the_sites_say_so(lived: Lived, monkeypatch: pytest.MonkeyPatch) -> None:
    lived.at(BIDDING)
    with lived.served.store.read(lived.tenant) as tx:
        day = fleet_day.prepare(tx, {"fleet": FLEET, "forecast": lived.vpp.ids["forecast"]})

    def hangs(*_: object) -> None:
        raise SolveError("stopped after its 30 s")

    monkeypatch.setattr(reserve, "answer", hangs)
    assert fleet_plan.floor(day, "the solver died") is None


def test_all_of_it_stands_in_the_audit_trail(lived: Lived) -> None:
    with lived.served.store.read(lived.tenant) as tx:
        assert audit.verify(tx).broken_at is None
        actions = {row.action for row in audit.listed(tx, limit=1000)}
    assert {
        "fleet.put", "fleet_plan.submit", "result.write", "bid.create", "bid.submit", "bid.award",
        "schedules.made",
    } <= actions  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_five_hundred_sites_go_the_whole_way() -> None:
    with vpp.on_a_server(vpp.SITES) as fleet:
        done = vpp.live(fleet)
    assert done.off_kw < 1e-6
    assert done.without == 0
    assert done.lost_cents == 0
    assert 0.5 < done.delivered < 1.5
