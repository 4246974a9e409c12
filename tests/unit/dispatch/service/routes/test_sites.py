"""Sites over HTTP: versions and their tags, all problems at once, batches that are taken whole."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.dispatch.service.served import Api
from tests.unit.dispatch.service.store.parks import body

SITES = "/api/v1/sites"


def wrong() -> dict[str, Any]:
    """Three things wrong, in three places."""
    park = body(labels={"x": 1})
    park["assets"][0]["bus"] = "nowhere"
    park["assets"][1]["history"] = {"file": "x.csv", "column": "y"}
    return park


def pointers(found: list[dict[str, Any]]) -> set[str]:
    return {each["pointer"] for each in found}


def test_put_makes_changes_and_keeps(api: Api) -> None:
    made = api.client.put(f"{SITES}/works", json=body("one"))
    assert made.status_code == 201
    assert made.headers["location"] == f"{SITES}/works"
    tag = made.headers["etag"]
    assert api.client.put(f"{SITES}/works", json=body("one")).json() == made.json()
    assert api.client.get(f"{SITES}/works", headers={"If-None-Match": tag}).status_code == 304
    changed = api.client.put(f"{SITES}/works", json=body("two"), headers={"If-Match": tag})
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    late = api.client.put(f"{SITES}/works", json=body("three"), headers={"If-Match": tag})
    assert (late.status_code, late.headers["etag"]) == (412, changed.headers["etag"])
    assert api.client.put(f"{SITES}/works", json=body("x"), headers={"If-None-Match": "*"}).status_code == 412
    whole = api.client.get(f"{SITES}/works")
    assert whole.json()["body"] == body("two")
    assert whole.headers["etag"] == changed.headers["etag"]
    listed = api.client.get(f"{SITES}/works/versions").json()["items"]
    assert [each["version"] for each in listed] == [1, 2]
    assert api.client.get(f"{SITES}/works/versions/1").json()["body"] == body("one")
    assert api.client.get(f"{SITES}/works/versions/3").status_code == 404


def test_a_deleted_site_leaves_its_versions(api: Api) -> None:
    tag = api.client.put(f"{SITES}/works", json=body()).headers["etag"]
    assert api.client.delete(f"{SITES}/works", headers={"If-Match": '"else"'}).status_code == 412
    assert api.client.delete(f"{SITES}/works", headers={"If-Match": tag}).status_code == 204
    assert api.client.delete(f"{SITES}/works").status_code == 404
    assert [each["deleted"] for each in api.client.get(f"{SITES}/works/versions").json()["items"]] == [False, True]
    assert api.client.put(f"{SITES}/works", json=body()).status_code == 201


def test_every_problem_is_told_with_its_place(api: Api) -> None:
    places = {"/labels/x", "/assets/0/bus", "/assets/1/history/file"}
    refused = api.client.put(f"{SITES}/works", json=wrong())
    assert refused.status_code == 422
    assert pointers(refused.json()["errors"]) == places
    validated = api.client.post(f"{SITES}:validate", json=wrong()).json()
    assert validated["valid"] is False
    assert pointers(validated["problems"]) == places
    fine = api.client.post(f"{SITES}:validate", json=body()).json()
    assert (fine["valid"], fine["problems"]) == (True, [])
    assert api.client.get(SITES).json()["items"] == []


def test_the_tag_that_validation_names_is_that_of_the_site(api: Api) -> None:
    told = api.client.post(f"{SITES}:validate", json=body()).json()["etag"]
    assert api.client.put(f"{SITES}/works", json=body()).headers["etag"] == f'"{told}"'


def test_a_problem_in_a_library_says_so(api: Api) -> None:
    park = body()
    park["assets"].append({"kind": "battery", "name": "b", "bus": "mv", "use": "li_ion_lfp_2030x"})
    problems = api.client.post(f"{SITES}:validate", json=park).json()["problems"]
    (problem,) = [each for each in problems if each["pointer"] == "/assets/3/use"]
    assert "li_ion" in problem["accepted"]
    assert "YAML" not in problem["accepted"]  # whose path would be one on the server


def test_a_batch_is_taken_whole_or_not_at_all(api: Api) -> None:
    batch = [{"site": "a", "body": body()}, {"site": "b", "body": wrong()}, {"site": "a", "body": body()}]
    refused = api.client.post(f"{SITES}:batch", json={"sites": batch})
    assert refused.status_code == 422
    inside = {f"/sites/1/body{place}" for place in ("/labels/x", "/assets/0/bus", "/assets/1/history/file")}
    assert pointers(refused.json()["errors"]) == {*inside, "/sites/2/site"}
    assert api.client.get(SITES).json()["items"] == []
    taken = api.client.post(f"{SITES}:batch", json={"sites": batch, "on_reject": "skip"})
    assert taken.status_code == 200
    found = taken.json()
    assert (found["created"], found["rejected"]) == (1, 2)
    assert [each["outcome"] for each in found["results"]] == ["created", "rejected", "rejected"]
    assert pointers(found["results"][1]["problems"]) == {"/labels/x", "/assets/0/bus", "/assets/1/history/file"}
    again = api.client.post(f"{SITES}:batch", json={"sites": batch[:1]}).json()
    assert (again["same"], again["results"][0]["version"]) == (1, 1)


def test_five_hundred_sites_in_one_go(api: Api) -> None:
    batch = [{"site": f"s{number:03d}", "body": body(str(number % 9))} for number in range(500)]
    done = api.client.post(f"{SITES}:batch", json={"sites": batch}, headers={"Idempotency-Key": "once"})
    assert done.json()["created"] == 500
    again = api.client.post(f"{SITES}:batch", json={"sites": batch}, headers={"Idempotency-Key": "once"})
    assert again.json() == done.json()
    assert again.headers["idempotency-replayed"] == "true"
    names, cursor = [], None
    while True:
        page = api.client.get(SITES, params={"limit": 200, **({"cursor": cursor} if cursor else {})}).json()
        names += [each["site"] for each in page["items"]]
        if (cursor := page["next"]) is None:
            break
    assert names == [each["site"] for each in batch]


def test_sites_by_label(api: Api) -> None:
    for number in range(4):
        labels = {"region": "north" if number % 2 else "south", "odd": str(number)}
        api.client.put(f"{SITES}/s{number}", json=body(labels=labels))
    found = api.client.get(SITES, params={"label": "region:north"}).json()["items"]
    assert [each["site"] for each in found] == ["s1", "s3"]
    found = api.client.get(SITES, params={"label": ["region:north", "odd:3"]}).json()["items"]
    assert [each["site"] for each in found] == ["s3"]
    assert api.client.get(SITES, params={"label": "region"}).status_code == 422


def test_assets_say_what_measurements_may_be_called(api: Api) -> None:
    api.client.put(f"{SITES}/works", json=body())
    found = api.client.get(f"{SITES}/works/assets").json()
    roof = next(each for each in found["assets"] if each["name"] == "roof")
    assert (roof["kind"], roof["buses"], roof["forecast"]) == ("pv", {"bus": "mv"}, ["available_kw"])
    assert {"roof", "roof_curtailed"} <= set(roof["series"])
    assert "net_import_kw" in found["series"]
    assert not any(name.startswith("roof") for name in found["series"])


@pytest.mark.parametrize("path", ["", "/versions", "/versions/1", "/assets", "/series"])
def test_another_tenants_site_is_no_site(api: Api, path: str) -> None:
    api.client.put(f"{SITES}/works", json=body())
    theirs, nobodys = api.other.get(f"{SITES}/works{path}"), api.other.get(f"{SITES}/nobody{path}")
    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.json()["detail"] == nobodys.json()["detail"]
    assert api.other.put(f"{SITES}/works", json=body("theirs")).status_code == 201
    assert api.client.get(f"{SITES}/works").json()["title"] == ""


@pytest.mark.parametrize("name", ["-x", "x" * 101, "a b", "%00", "ü"])
def test_a_name_that_is_none(api: Api, name: str) -> None:
    assert api.client.put(f"{SITES}/{name}", json=body()).status_code in (400, 422)


def test_scopes(api: Api) -> None:
    reader = api.allowed("sites:read")
    assert reader.get(SITES).status_code == 200
    assert reader.put(f"{SITES}/works", json=body()).status_code == 403
    assert api.allowed("measurements:read").get(SITES).status_code == 403
