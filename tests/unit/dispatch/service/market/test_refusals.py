"""What is refused on the way of a bid, and in which words."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import httpx
import pytest

from benchmarks.topics.service import vpp_day
from benchmarks.topics.service.vpp_day import BIDDING, DAY, FLEET, name_of
from dispatch.service.errors import InvalidError
from dispatch.service.routes.bids import _product
from dispatch.service.schemas.bids import BidAsked
from dispatch.service.store import bids, jobs
from tests.unit.dispatch.service.market.lived import MORNING, SITES, TOMORROW, Lived, drafted, pointers


def test_a_settlement_says_what_it_lacks(lived: Lived) -> None:
    path = f"/awards/{lived.award['id']}/settlements"
    for baseline, why in (("guess", "no baseline method"), ("control_group", "control group")):
        refused = lived.post(path, {"baseline": baseline})
        assert pointers(refused) == ["/baseline"]
        assert why in refused.json()["detail"]
        assert refused.json()["errors"][0]["accepted"].startswith(("one of", "another method"))
    start = lived.award["periods"][0]["start"]
    asked = {"baseline": "match_three", "periods": [{"start": start, "activated_kw": 5.0}]}
    refused = lived.post(path, asked)
    assert pointers(refused) == ["/periods/0/activated_kw"]
    assert "not settled by activated" in refused.json()["errors"][0]["message"]


def test_gates_are_kept_by_the_clock(lived: Lived) -> None:
    lived.at(DAY - timedelta(hours=11))  # 13:00 of the day before: closed since noon
    late = drafted(lived)
    assert pointers(late) == ["/product"]
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
    asked = {"flexibility": lived.flexibility["id"], "product": vpp_day.PRODUCT, "side": "up", **MORNING}
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
    morning = DAY + timedelta(hours=10)
    start = morning.isoformat()

    def offered(*steps: tuple[float, float], at: str = start) -> httpx.Response:
        curve = [{"quantity_kw": kw, "price": price} for kw, price in steps]
        return drafted(lived, periods=[{"start": at, "steps": curve}])

    assert offered((100, 0.2), (50, 0.3)).status_code == 201
    assert pointers(offered((100, 0.3), (50, 0.2))) == ["/periods/0/steps"]
    assert pointers(offered((40, 0.3))) == ["/periods/0/steps"]
    assert pointers(offered((100.5, 0.3))) == ["/periods/0/steps/0/quantity_kw"]
    assert pointers(offered((100, 9.0))) == ["/periods/0/steps/0/price"]
    assert pointers(offered((100, 0.2), at=(DAY + timedelta(hours=10, minutes=7)).isoformat())) == ["/periods/0/start"]
    beyond = offered((5000, 0.2))
    assert pointers(beyond) == ["/periods/0"]
    (fault,) = beyond.json()["errors"]
    step = next(one for one in lived.flexibility["envelope"] if datetime.fromisoformat(one["start"]) == morning)
    assert fault["value"] == 5000
    left = float(fault["accepted"].removeprefix("at most ").removesuffix(" kW"))
    assert left == pytest.approx(step["plan_kw"] - step["least_kw"], abs=2)
    both = {"start": MORNING["start"], "periods": [{"start": start, "steps": [{"quantity_kw": 100, "price": 0.2}]}]}
    assert "leave them out beside periods" in drafted(lived, **both).text
    assert "there is no product" in drafted(lived, product="day_ahead").text
    assert pointers(drafted(lived, product="day_ahead")) == ["/product"]
    assert "cannot be bid down" in drafted(lived, side="down").text
    assert pointers(drafted(lived, side="down")) == ["/side"]
    assert pointers(drafted(lived, holding_per_kw_h=0.01)) == ["/holding_per_kw_h"]


def test_capacity_is_not_bid_for_as_no_schedule_here_holds_it_ready() -> None:
    fields = {"flexibility": "flx_" + "0" * 26, "product": "afrr_capacity", "side": "up", "holding_per_kw_h": 0.006}
    with pytest.raises(InvalidError, match="could not be carried out") as told:
        _product(BidAsked.model_validate(fields), date(2026, 3, 30), "EUR")
    (fault,) = told.value.faults
    assert (fault.pointer, fault.accepted) == ("/product", "a product of energy or response")


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
    assert lived.post(f"/bids/{bid['id']}:withdraw").status_code == 200


def test_an_award_of_a_period_that_has_begun_is_refused_with_what_is_still_ahead(lived: Lived) -> None:
    lived.at(BIDDING)
    nine, ten = ((DAY + timedelta(hours=hour)).isoformat() for hour in (9, 10))
    steps = [{"quantity_kw": 100, "price": 1.0}]
    bid = drafted(lived, periods=[{"start": start, "steps": steps} for start in (nine, ten)]).json()
    assert lived.post(f"/bids/{bid['id']}:submit").status_code == 200, bid

    def won(*starts: str, kw: float = 50.0) -> httpx.Response:
        rows = [{"start": start, "quantity_kw": kw, "price": 1.5} for start in starts]
        return lived.post(f"/bids/{bid['id']}/awards", {"periods": rows})

    lived.at(DAY + timedelta(hours=9, minutes=30))
    refused = won(nine, ten)
    assert pointers(refused) == ["/periods/0/start"]
    (fault,) = refused.json()["errors"]
    assert fault["value"] == nine
    assert "has begun: it is 2025-06-26T09:30:00+08:00" in fault["message"]
    assert fault["accepted"] == f"periods of the bid from {ten} to that from {ten}, or 0 kW"
    lived.at(DAY + timedelta(hours=10))
    assert [one["accepted"] for one in won(nine, ten).json()["errors"]] == ["0 kW: none is ahead"] * 2
    lived.at(DAY + timedelta(hours=9, minutes=30))
    late = won(ten).json()
    lived.at(DAY + timedelta(hours=10, minutes=1))  # no worker was free
    lived.vpp.work()
    found = lived.get(f"/awards/{late['id']}").json()
    assert found["state"] == "failed"
    assert "began before the award could be carried out" in found["problem"]["detail"]
    assert lived.get(f"/bids/{bid['id']}").json()["state"] == "submitted"
    assert won(nine, kw=0.0).status_code == 202


def test_a_bid_that_nothing_came_of_ends_with_its_last_period_and_not_with_the_day(lived: Lived) -> None:
    lived.at(BIDDING)
    nine = (DAY + timedelta(hours=9)).isoformat()
    steps = [{"quantity_kw": 100, "price": 1.0}]
    bid = drafted(lived, periods=[{"start": nine, "steps": steps}]).json()
    assert lived.post(f"/bids/{bid['id']}:submit").json()["state"] == "submitted"
    lived.at(DAY + timedelta(hours=9, minutes=59))
    assert lived.get(f"/bids/{bid['id']}").json()["state"] == "submitted"
    lived.at(DAY + timedelta(hours=10, minutes=1))
    assert lived.get(f"/bids/{bid['id']}").json()["state"] == "expired"


def test_flexibility_is_sold_once_and_the_refusal_names_what_is_left(lived: Lived) -> None:
    lived.at(BIDDING)
    first, second = drafted(lived).json(), drafted(lived).json()
    assert lived.post(f"/bids/{first['id']}:submit").json()["state"] == "submitted"
    refused = lived.post(f"/bids/{second['id']}:submit")
    assert refused.status_code == 409
    assert "/periods/0" in [fault["pointer"] for fault in refused.json()["errors"]]
    assert all(fault["accepted"].startswith("at most ") for fault in refused.json()["errors"])
    assert "beside what it has sold" in refused.json()["detail"]
    third = drafted(lived)
    assert "nothing is left to bid" in third.text or third.json()["clipped"]
    assert lived.get(f"/bids/{second['id']}").json()["state"] == "draft"
    assert lived.post(f"/bids/{first['id']}:withdraw").status_code == 200
    assert lived.post(f"/bids/{second['id']}:submit").json()["state"] == "submitted"
    assert lived.post(f"/bids/{second['id']}:withdraw").status_code == 200


def test_a_fleet_cannot_sell_what_another_has_sold_of_its_sites(lived: Lived) -> None:
    lived.at(BIDDING)
    lived.vpp.client.put("/api/v1/fleets/pair", json={"sites": [name_of(0), name_of(1)]})
    forecast = lived.vpp.made("/fleets/pair/forecasts", TOMORROW, "forecast of two")
    pair = lived.vpp.made("/fleets/pair/flexibility", {"forecast": forecast["id"], "blocks": 2}, "flexibility of two")

    def offered() -> httpx.Response:
        asked = {"flexibility": pair["id"], "product": vpp_day.PRODUCT, "side": "up", **MORNING}
        return lived.post("/fleets/pair/bids", asked)

    alone = offered().json()
    whole = drafted(lived).json()
    assert lived.post(f"/bids/{whole['id']}:submit").json()["state"] == "submitted"
    refused = lived.post(f"/bids/{alone['id']}:submit")
    assert refused.status_code == 409
    assert "what other fleets have sold of its sites" in refused.json()["detail"]
    assert all(fault["accepted"].startswith("at most ") for fault in refused.json()["errors"])
    rest = offered()
    assert "nothing is left to bid" in rest.text or rest.json()["clipped"]
    assert lived.post(f"/bids/{whole['id']}:withdraw").status_code == 200
    assert lived.post(f"/bids/{alone['id']}:submit").json()["state"] == "submitted"


def sent_unseen(lived: Lived) -> dict[str, Any]:
    """A bid of every hour's flexibility, which nothing held together: sent by an earlier version."""
    draft = drafted(lived).json()["id"]
    with lived.served.store.write(lived.tenant, "test") as tx:
        row = bids.get(tx, draft)
        steps = [{"quantity_kw": 500.0, "price": 0.5}]
        starts = [(DAY + timedelta(hours=n)).isoformat() for n in range(24)]
        body = {**row.body, "periods": [{"start": start, "steps": steps} for start in starts]}
        names = ("fleet", "flexibility", "product", "side", "portfolio", "left_out_kw", "expires_at", "delivered_by")
        same = {name: getattr(row, name) for name in names}
        made = bids.create(tx, {**same, "day": row.day.isoformat(), "body": body})
        return {"id": bids.submit(tx, made).id, "periods": body["periods"]}


def test_an_impossible_award_is_refused_with_the_reason_and_the_nearest(lived: Lived) -> None:
    lived.at(BIDDING)
    bid = sent_unseen(lived)
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
    lived.at(BIDDING)
    assert lived.post(f"/bids/{bid['id']}:withdraw").status_code == 200


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
    refused = lived.post("/fleets/half/forecasts", ahead)
    assert pointers(refused) == ["/issue_time"]
    assert "lies ahead" in refused.text
    assert lived.vpp.client.delete("/api/v1/sites/unmetered").status_code == 204
    assert lived.get("/fleets/half").json()["sites"] == 1
    made = lived.vpp.made("/fleets/half/forecasts", TOMORROW, "half forecast")
    assert made["left_out"] == [{"site": "unmetered", "reason": "was deleted; the fleet still names it"}]
    accepted = lived.post("/fleets/none/forecasts", TOMORROW).json()
    lived.vpp.work()
    failed = lived.get(f"/fleet-forecasts/{accepted['id']}").json()
    assert "fleet 'none' has no site any more: 'unmetered' deleted" in failed["problem"]["detail"]


def test_sites_on_clocks_that_differ_are_named_and_such_as_show_the_same_are_one_fleet(lived: Lived) -> None:
    lived.at(BIDDING)
    for site, zone in (("taipei", "Asia/Taipei"), ("tokyo", "Asia/Tokyo")):
        park = vpp_day.body(0) | {"name": site, "time_zone": zone}
        assert lived.vpp.client.put(f"/api/v1/sites/{site}", json=park).status_code == 201
    lived.vpp.client.put("/api/v1/fleets/far", json={"sites": [name_of(0), "taipei", "tokyo"]})
    accepted = lived.post("/fleets/far/forecasts", TOMORROW).json()
    lived.vpp.work()
    problem = lived.get(f"/fleet-forecasts/{accepted['id']}").json()["problem"]
    (fault,) = problem["errors"]
    assert (fault["in"], fault["pointer"], fault["value"]) == ("path", "/fleet", "far")
    assert "the day of 'tokyo' has 24 steps from 2025-06-26T00:00+09:00 in Asia/Tokyo" in fault["message"]
    assert f"'{name_of(0)}': 24 steps from 2025-06-26T00:00+08:00 in Asia/Shanghai" in fault["accepted"]
    lived.vpp.client.put("/api/v1/fleets/far", json={"sites": [name_of(0), "taipei"]})
    made = lived.vpp.made("/fleets/far/forecasts", TOMORROW, "far forecast")
    assert [one["site"] for one in made["left_out"]] == ["taipei"]  # it has no meters


def test_a_bid_is_not_withdrawn_while_its_award_is_carried_out(lived: Lived) -> None:
    lived.at(BIDDING)
    bid = drafted(lived).json()
    assert lived.post(f"/bids/{bid['id']}:submit").status_code == 200, bid
    won = [{"start": bid["periods"][0]["start"], "quantity_kw": 50, "price": 1.5}]
    accepted = lived.post(f"/bids/{bid['id']}/awards", {"periods": won}).json()
    refused = lived.post(f"/bids/{bid['id']}:withdraw")
    assert refused.status_code == 409
    assert accepted["id"] in refused.text
    with lived.served.store.write(lived.tenant, "test") as tx:
        jobs.cancel(tx, accepted["job"])
    assert lived.post(f"/bids/{bid['id']}:withdraw").json()["state"] == "withdrawn"


def test_an_award_of_nothing_closes_a_bid_and_leaves_its_flexibility_to_others(lived: Lived) -> None:
    lived.at(BIDDING)
    first, second = drafted(lived).json(), drafted(lived).json()
    assert lived.post(f"/bids/{first['id']}:submit").json()["state"] == "submitted"
    assert lived.post(f"/bids/{second['id']}:submit").status_code == 409
    plans = [one["id"] for one in lived.get(f"/sites/{name_of(0)}/schedules").json()["items"]]
    nothing = {"periods": [{"start": first["periods"][0]["start"], "quantity_kw": 0, "price": 0}]}
    accepted = lived.post(f"/bids/{first['id']}/awards", nothing)
    assert accepted.status_code == 202
    lived.vpp.work()
    award = lived.get(f"/awards/{accepted.json()['id']}").json()
    assert (award["state"], award["feasible"], award["awarded_kwh"], award["missed_kwh"]) == ("done", True, 0.0, 0.0)
    closed = lived.get(f"/bids/{first['id']}").json()
    assert (closed["state"], closed["award"]) == ("awarded", award["id"])
    assert lived.post(f"/bids/{first['id']}:withdraw").status_code == 409
    assert lived.post(f"/bids/{first['id']}/awards", nothing).status_code == 409
    assert lived.post(f"/bids/{second['id']}:submit").json()["state"] == "submitted"
    assert [one["id"] for one in lived.get(f"/sites/{name_of(0)}/schedules").json()["items"]] == plans
    assert lived.get(f"/awards/{award['id']}/series").json()["rows"] == []


def test_a_bid_is_in_the_currency_of_the_sites(lived: Lived) -> None:
    lived.at(BIDDING)
    refused = drafted(lived, product="afrr_capacity", day="2026-03-29")
    assert pointers(refused) == ["/product"]
    assert "CNY" in refused.text
