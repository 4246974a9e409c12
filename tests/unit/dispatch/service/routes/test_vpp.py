"""A virtual power plant over the API: offered, called, delivered, paid; and all that is refused on the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest

from benchmarks.topics.service import vpp_day
from benchmarks.topics.service.vpp_day import AFTER, BIDDING, DAY, FLEET, Vpp, clock_at, name_of
from dispatch.service import work
from dispatch.service.runner.runner import run_one
from dispatch.service.store import audit, fleet_results, jobs
from dispatch.service.store.jobs import Job
from dispatch.service.work import fleet_plan
from tests.unit.dispatch.service.served import Served, client, served

SITES = 3
KINDS = work.find()
TOMORROW = {"day": DAY.date().isoformat(), "known_at": "end"}


@dataclass
class Lived:
    """The two days of a small fleet, lived once for all tests here."""

    served: Served
    tenant: str
    vpp: Vpp
    other: httpx.Client
    plan: dict[str, Any]
    flexibility: dict[str, Any]
    bid: dict[str, Any]
    award: dict[str, Any]
    setpoints: pa.Table
    settlement: dict[str, Any]

    def at(self, moment: datetime) -> None:
        self.served.store.clock = clock_at(moment)

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.vpp.client.get(f"/api/v1{path}", **more)

    def post(self, path: str, json: Any = None, **more: Any) -> httpx.Response:
        return self.vpp.client.post(f"/api/v1{path}", json=json, **more)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    with served(tmp_path_factory.mktemp("vpp")) as found:
        tenant, other = found.tenant(), found.tenant()

        def done() -> None:
            while run_one(found.store, KINDS) is not None:
                continue

        with client(found, found.key(tenant)) as own, client(found, found.key(other)) as stranger:
            vpp = Vpp(own, found.store, done, SITES)
            vpp.register()
            vpp.measure()
            vpp.forecast()
            plan, flexible = vpp.plan(), vpp.flexibility()
            bid = vpp.bid()
            award = vpp.award(bid)
            setpoints = vpp.setpoints()
            vpp.deliver(setpoints)
            settlement = vpp.settle()
            yield Lived(found, tenant, vpp, stranger, plan, flexible, bid, award, setpoints, settlement)


def pointers(answer: httpx.Response, status: int = 422) -> list[str]:
    assert answer.status_code == status, answer.text
    return [one["pointer"] for one in answer.json().get("errors", [])]


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
    listed = lived.get(f"/fleets/{FLEET}/plans").json()["items"]
    assert [one["id"] for one in listed] == [lived.plan["id"]]


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
    start = datetime.fromisoformat(lived.award["periods"][0]["start"])
    own = next(r for r in lived.setpoints.to_pylist() if r["site"] == name_of(0) and r["start"] == start)
    end, value = start + timedelta(hours=1), own["net_import_kw"] + 150
    row = {"site": name_of(0), "series": "net_import_kw", "time": end.isoformat(), "value": value}
    lived.at(AFTER + timedelta(hours=1))
    assert lived.post("/measurements", {"rows": [row]}).json()["restated"] == 1
    less = lived.vpp.delivery()
    assert less["deficiency_kwh"] == pytest.approx(150.0)
    assert less["periods"][0]["delivered_kw"] == pytest.approx(less["periods"][0]["award_kw"] - 150)


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
    assert [one["id"] for one in again] == [made["id"]]
    assert lived.get(f"/awards/{made['award']}/settlements").json()["items"][0]["revenue"] == made["revenue"]


def test_a_settlement_says_what_it_lacks(lived: Lived) -> None:
    path = f"/awards/{lived.award['id']}/settlements"
    assert "no baseline method" in lived.post(path, {"baseline": "guess"}).json()["detail"]
    assert "control group" in lived.post(path, {"baseline": "control_group"}).json()["detail"]
    start = lived.award["periods"][0]["start"]
    asked = {"baseline": "match_three", "periods": [{"start": start, "activated_kw": 5.0}]}
    accepted = lived.post(path, asked).json()
    lived.vpp.work()
    failed = lived.get(accepted["href"].removeprefix("/api/v1")).json()
    assert failed["state"] == "failed"
    assert "not settled by activated" in failed["problem"]["errors"][0]["message"]
    assert lived.get(f"/settlements/{failed['id']}/invoice").status_code == 409


def drafted(lived: Lived, **more: Any) -> httpx.Response:
    asked = {"flexibility": lived.flexibility["id"], "product": vpp_day.PRODUCT, "side": "up", **more}
    return lived.post(f"/fleets/{FLEET}/bids", asked)


def test_gates_are_kept_by_the_clock(lived: Lived) -> None:
    lived.at(DAY - timedelta(hours=11))  # 13:00 of the day before: closed since noon
    late = drafted(lived)
    assert pointers(late) == ["/gate"]
    assert "closed" in late.text
    lived.at(DAY - timedelta(days=3))
    assert "not open yet" in drafted(lived).text
    lived.at(BIDDING)
    made = drafted(lived).json()
    assert made["state"] == "draft"
    assert datetime.fromisoformat(made["expires_at"]) == DAY - timedelta(hours=12)
    lived.at(DAY - timedelta(hours=11))
    assert lived.get(f"/bids/{made['id']}").json()["state"] == "expired"
    assert lived.post(f"/bids/{made['id']}:submit").status_code == 409
    assert lived.post(f"/bids/{made['id']}:withdraw").status_code == 409


def test_a_bid_is_drawn_up_sent_and_withdrawn_once(lived: Lived) -> None:
    lived.at(BIDDING)
    asked = {"flexibility": lived.flexibility["id"], "product": vpp_day.PRODUCT, "side": "up"}
    first, second = (lived.post(f"/fleets/{FLEET}/bids", asked, headers={"Idempotency-Key": "bid-1"}) for _ in range(2))
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    assert second.headers["Idempotency-Replayed"] == "true"
    bid = first.json()["id"]
    assert lived.post(f"/bids/{bid}:submit").json()["state"] == "submitted"
    assert lived.post(f"/bids/{bid}:submit").status_code == 409
    assert lived.post(f"/bids/{bid}:withdraw").json()["state"] == "withdrawn"
    won = [{"start": lived.award["periods"][0]["start"], "quantity_kw": 100.0, "price": 1.0}]
    refused = lived.post(f"/bids/{bid}/awards", {"periods": won})
    assert refused.status_code == 409
    assert "withdrawn" in refused.text
    page = lived.get(f"/fleets/{FLEET}/bids", params={"limit": 1}).json()
    assert page["items"][0]["id"] == bid
    rest = lived.get(f"/fleets/{FLEET}/bids", params={"limit": 1, "cursor": page["next"]}).json()
    assert rest["items"][0]["id"] < bid
    assert lived.get("/bids", params={"cursor": page["next"]}).status_code == 422


def test_curves_of_ones_own_are_held_against_the_product(lived: Lived) -> None:
    lived.at(BIDDING)
    start = (DAY + timedelta(hours=18)).isoformat()

    def offered(*steps: tuple[float, float], at: str = start) -> httpx.Response:
        curve = [{"quantity_kw": kw, "price": price} for kw, price in steps]
        return drafted(lived, periods=[{"start": at, "steps": curve}])

    assert offered((100, 0.2), (50, 0.3)).status_code == 201
    assert pointers(offered((100, 0.3), (50, 0.2))) == ["/periods/0/steps"]
    assert pointers(offered((40, 0.3))) == ["/periods/0/steps"]
    assert pointers(offered((100.5, 0.3))) == ["/periods/0/steps/0/quantity_kw"]
    assert pointers(offered((100, 9.0))) == ["/periods/0/steps/0/price"]
    assert pointers(offered((100, 0.2), at=(DAY + timedelta(hours=18, minutes=7)).isoformat())) == ["/periods/0/start"]
    assert "there is no product" in drafted(lived, product="day_ahead").text
    assert "cannot be bid down" in drafted(lived, side="down").text


def test_an_award_that_was_not_bid_is_refused_at_once(lived: Lived) -> None:
    lived.at(BIDDING)
    bid = drafted(lived).json()
    lived.post(f"/bids/{bid['id']}:submit")
    period = bid["periods"][0]
    most = sum(step["quantity_kw"] for step in period["steps"])
    for change, place in (
        ({"quantity_kw": most + 50}, "/periods/0/quantity_kw"),
        ({"price": 0.0}, "/periods/0/price"),
        ({"start": (DAY + timedelta(days=3)).isoformat()}, "/periods/0/start"),
    ):
        won = {"start": period["start"], "quantity_kw": 100.0, "price": 1.5} | change
        assert pointers(lived.post(f"/bids/{bid['id']}/awards", {"periods": [won]})) == [place]


def test_an_impossible_award_is_refused_with_the_reason_and_the_nearest(lived: Lived) -> None:
    lived.at(BIDDING)
    bid = drafted(lived).json()
    lived.post(f"/bids/{bid['id']}:submit")
    won = [
        {"start": p["start"], "quantity_kw": sum(s["quantity_kw"] for s in p["steps"]), "price": 1.5}
        for p in bid["periods"]
    ]
    accepted = lived.post(f"/bids/{bid['id']}/awards", {"periods": won}).json()
    assert lived.post(f"/bids/{bid['id']}/awards", {"periods": won}).status_code == 409
    before = lived.get("/schedules").json()["items"][0]["id"]
    lived.vpp.work()
    found = lived.get(f"/awards/{accepted['id']}").json()
    assert found["state"] == "infeasible"
    assert found["missed_kwh"] > 1
    assert "the award asks for only" in found["certificate"][0]["text"]
    gap = found["certificate"][0]["asked_kwh"] - found["certificate"][0]["limit_kwh"]
    assert 0.9 * gap < found["missed_kwh"] <= gap + 1e-3  # a plan may give up a store's level at the end of the day
    assert all(0 <= one["nearest_kw"] <= one["awarded_kw"] for one in found["nearest"])
    assert any(one["nearest_kw"] < one["awarded_kw"] for one in found["nearest"])
    assert found["schedules"] == {}
    assert lived.get("/schedules").json()["items"][0]["id"] == before
    assert lived.get(f"/bids/{bid['id']}").json()["state"] == "submitted"
    assert lived.get(f"/awards/{found['id']}/delivery").status_code == 409
    lived.at(DAY + timedelta(days=2))
    assert lived.get(f"/bids/{bid['id']}").json()["state"] == "expired"


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
    accepted = lived.post(path, asked | {"profile_kw": plan[1:]}).json()
    lived.vpp.work()
    short = lived.get(accepted["href"].removeprefix("/api/v1")).json()
    assert "accepted: 24" in short["problem"]["detail"]


def test_fleets_are_held_against_their_sites(lived: Lived) -> None:
    def put(body: dict[str, Any], **more: Any) -> httpx.Response:
        return lived.vpp.client.put("/api/v1/fleets/other", json=body, **more)

    both = [name_of(0), name_of(1)]
    assert pointers(put({"sites": ["nobody", name_of(0)]})) == ["/sites/0"]
    assert "one of them" in put({"sites": both, "where": {"feeder": "F1"}}).text
    assert "named twice" in put({"sites": [name_of(0)] * 2}).text
    limit = {"kind": "power_limit", "name": "feeder", "by": "feeder", "import_kw": {"F9": 100}}
    assert pointers(put({"sites": both, "shared": [limit]}))[0].startswith("/shared/0")
    filed = {**limit, "import_kw": {"file": "limits.csv", "column": "kw"}}
    assert pointers(put({"sites": both, "shared": [filed]})) == ["/shared/0/import_kw/file"]
    made = put({"where": {"feeder": "F1"}, "title": "all"})
    assert made.status_code == 201
    assert made.json()["sites"] == SITES
    tag = made.headers["ETag"]
    assert put({"sites": both}, headers={"If-Match": '"other"'}).status_code == 412
    assert put({"sites": both}, headers={"If-Match": tag}).json()["version"] == 2
    assert [one["id"] for one in lived.get("/fleets").json()["items"]] == ["other", FLEET]
    assert lived.vpp.client.delete("/api/v1/fleets/other").status_code == 204
    assert lived.get("/fleets/other").status_code == 404
    assert put({"sites": both}).json()["version"] == 3


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


def test_other_tenants_see_nothing_of_it(lived: Lived) -> None:
    paths = [
        f"/fleets/{FLEET}", f"/fleets/{FLEET}/plans", f"/fleet-plans/{lived.plan['id']}", f"/bids/{lived.bid['id']}",
        f"/fleet-forecasts/{lived.vpp.ids['forecast']}/inputs", f"/flexibility/{lived.flexibility['id']}/page",
        f"/awards/{lived.award['id']}/setpoints", f"/awards/{lived.award['id']}/delivery",
        f"/settlements/{lived.settlement['id']}/invoice",
    ]  # fmt: skip
    for path in paths:
        assert lived.get(path).status_code == 200
        assert lived.other.get(f"/api/v1{path}").status_code == 404
    for path in ("/fleets", "/bids", "/awards", "/settlements"):
        assert lived.other.get(f"/api/v1{path}").json() == {"items": [], "next": None}
    assert lived.other.post(f"/api/v1/bids/{lived.bid['id']}:withdraw").status_code == 404


def test_products_say_when_their_gate_closes(lived: Lived) -> None:
    lived.at(BIDDING)
    found = lived.get(f"/products/{vpp_day.PRODUCT}").json()["items"][0]
    assert found["price_unit"] == "CNY/kWh"
    assert found["next_gate"]["open_now"]
    assert datetime.fromisoformat(found["next_gate"]["closes"]) == DAY - timedelta(hours=12)
    page = lived.get("/products", params={"limit": 5}).json()
    more = lived.get("/products", params={"limit": 1000, "cursor": page["next"]}).json()
    names = [one["name"] for one in (*page["items"], *more["items"])]
    assert names == sorted(names)
    assert vpp_day.PRODUCT in names
    assert lived.get("/products/none").status_code == 404


def test_a_plan_arrives_without_forecaster_and_solver(lived: Lived) -> None:
    lived.at(BIDDING)
    accepted = lived.post(f"/fleets/{FLEET}/plans", TOMORROW).json()
    with lived.served.store.write(lived.tenant, "test") as tx:
        job: Job = jobs.get(tx, accepted["job"])
        asked = fleet_plan.prepare(tx, job)
        made = fleet_plan.floor(asked, "the solver died")
        assert made is not None
        result = fleet_plan.commit(tx, job, made)
        found = fleet_results.get(tx, "fleet_plan", accepted["id"])
        jobs.cancel(tx, job.id)
    assert set(found.summary["qualities"]) <= {"rule_based", "safe_state", "last_good"}
    assert set(result["schedules"]) == {name_of(n) for n in range(SITES)}
    assert "the solver died" in found.summary["notes"][0]


def test_sites_that_lack_measurements_are_named_and_left_out(lived: Lived) -> None:
    lived.at(BIDDING)
    park = vpp_day.body(7) | {"name": "new"}
    assert lived.vpp.client.put("/api/v1/sites/unmetered", json=park).status_code == 201
    lived.vpp.client.put("/api/v1/fleets/half", json={"sites": [name_of(0), "unmetered"]})
    made = lived.vpp.made("/fleets/half/forecasts", TOMORROW, "half forecast")
    assert [one["site"] for one in made["left_out"]] == ["unmetered"]
    lived.vpp.client.put("/api/v1/fleets/none", json={"sites": ["unmetered"]})
    accepted = lived.post("/fleets/none/flexibility", TOMORROW).json()
    lived.vpp.work()
    failed = lived.get(f"/flexibility/{accepted['id']}").json()
    assert "of no site enough is known" in failed["problem"]["detail"]
    ahead = {"day": DAY.date().isoformat(), "issue_time": (BIDDING + timedelta(hours=1)).isoformat()}
    accepted = lived.post("/fleets/half/forecasts", ahead).json()
    lived.vpp.work()
    assert "lies ahead" in lived.get(f"/fleet-forecasts/{accepted['id']}").json()["problem"]["detail"]


def test_all_of_it_stands_in_the_audit_trail(lived: Lived) -> None:
    with lived.served.store.read(lived.tenant) as tx:
        assert audit.verify(tx).broken_at is None
        actions = {row.action for row in audit.listed(tx, limit=1000)}
    assert {
        "fleet.put", "fleet_plan.submit", "result.write", "bid.create", "bid.submit", "bid.award", "bid.withdraw",
        "schedules.made",
    } <= actions  # fmt: skip
