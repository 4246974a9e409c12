"""Pages: who may see them, that they are a tenant's own, that texts stay texts, and what a browser says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pyarrow as pa
import pytest

from dispatch.service.http.scopes import SCOPES
from dispatch.service.store import claims, files, jobs, keys, overrides, schedules, sites, workers
from dispatch.service.store.arrow import ARROW_STREAM, to_bytes
from tests.unit.dispatch.service.served import Api, served, two_tenants

HOSTILE = "<script>alert(1)</script>\"'&"
REPORT = b'<!doctype html><link rel="icon" href="data:,"><title>R</title><p>the report'
PAGES = ("/", "/jobs", "/audit", "/sites/works", "/jobs/{job}", "/reports/{report}", "/plans/{schedule}/report")
PARK: dict[str, Any] = {
    "name": "works", "time_zone": "UTC", "currency": "CNY", "buses": [{"name": "mv", "carrier": "electricity"}],
    "assets": [{"kind": "grid_connection", "name": "pcc", "bus": "mv", "import_kw": 100, "export_kw": 0,
                "tariff": "beijing_two_part_2024"}],
}  # fmt: skip


@contextmanager
def browsing(api: Api, key: str = "") -> Iterator[httpx.Client]:
    """A client that keeps cookies, signed in where a key is given."""
    with httpx.Client(base_url=api.served.url, verify=False) as client:
        if key:
            client.post("/login", data={"key": key})
        yield client


def arrow(columns: dict[str, Any]) -> bytes:
    """A table as the plans' files are kept; columns with a point are what an asset is told."""
    fields = []
    for name, values in columns.items():
        asset, _, quantity = name.partition(".")
        told = {"asset": asset, "quantity": quantity} if quantity else None
        fields.append(pa.field(name, values.type, metadata=told))
    return to_bytes(pa.Table.from_arrays(list(columns.values()), schema=pa.schema(fields)))


@pytest.fixture
def filled(api: Api) -> dict[str, str]:
    """A site with a plan and a report, a job that failed, names that attack."""
    with api.store.write(api.tenant, HOSTILE) as tx:
        sites.put(tx, "works", sites.prepare(PARK, "works"))
        report = files.put(tx, REPORT, "text/html; charset=utf-8", "r.html")
        start = tx.now.replace(minute=0, second=0, microsecond=0)
        made = schedules.create(tx, {
            "site": "works", "site_version": 1, "mode": "day_ahead", "request": {}, "issued": tx.now, "start": start,
            "end": start + timedelta(hours=24), "steps": 24,
        })  # fmt: skip
        starts = pa.array([start + timedelta(hours=k) for k in range(24)], pa.timestamp("s", tz="UTC"))
        ends = pa.array([start + timedelta(hours=k + 1) for k in range(24)], pa.timestamp("s", tz="UTC"))
        power = pa.array([float(k) for k in range(24)])
        tables = {
            "setpoints_file": arrow({"start": starts, "end": ends, "pcc.import_kw": power}),
            "table_file": arrow({"start": starts, "step_h": pa.array([1.0] * 24), "pcc.import_kw": power}),
        }
        kept = {name: files.put(tx, data, ARROW_STREAM, name).id for name, data in tables.items()}
        overrides.create(tx, {"site": "works", "asset": "pcc", "quantity": "import_kw", "kind": "value", "value": 77.0,
                              "start": start, "until": start + timedelta(hours=5), "reason": HOSTILE})  # fmt: skip
        schedules.finish(tx, made, {
            **kept, "quality": "safe_state", "money": 1234.5, "currency": "CNY", "co2_kg": 12000.0,
            "result": {"certificate": {}}, "report_file": report.id,
        })  # fmt: skip
        job = jobs.submit(tx, "schedule", {}, subject=HOSTILE)
        schedules.name_job(tx, made, job.id)
    with api.store.admin() as connection:
        claimed = claims.claim(connection, "runner " + HOSTILE, datetime.now(UTC), 60, api.tenant)
        assert claimed is not None
        claims.fail(connection, claimed, datetime.now(UTC), {"title": "T", "detail": "why " + HOSTILE})
    return {"job": job.id, "report": report.id, "schedule": made}


def test_nobody_sees_a_page_without_signing_in(api: Api, filled: dict[str, str]) -> None:
    for path in PAGES:
        answer = api.anonymous.get(path.format(**filled))
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    with browsing(api) as client:
        client.cookies.set("parkwatt_session", "pw_key_nothing")
        assert client.get("/").status_code == 303


@pytest.mark.parametrize("typed", ["whole", "whole as the secret", "parts"])
def test_a_key_opens_a_session_that_only_reads(api: Api, typed: str) -> None:
    key = api.served.key(api.tenant)
    name, secret = key[3:33], key[34:]
    form = {"whole": {"key": key}, "whole as the secret": {"secret": key}, "parts": {"key": name, "secret": secret}}
    answer = api.anonymous.post("/login", data=form[typed])
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/", "Max-Age=3600"} <= set(cookie.split("; "))
    token = cookie.split("=", 1)[1].split(";")[0]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 3600
    assert set(claims["scope"].split()) == {scope for scope in SCOPES if scope.endswith(":read")}
    assert secret not in token


def test_what_is_wrong_is_said_in_the_same_words(api: Api) -> None:
    key = api.served.key(api.tenant)
    typed = [key[:-2] + "AA", "pw_key_" + "0" * 26 + key[33:], HOSTILE, ""]
    answers = [api.anonymous.post("/login", data={"key": each}) for each in typed]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1


def test_another_site_cannot_sign_a_visitor_in(api: Api) -> None:
    form, cross = {"key": api.served.key(api.tenant)}, {"Sec-Fetch-Site": "cross-site"}
    answer = api.anonymous.post("/login", data=form, headers=cross)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_pages_show_what_there_is_and_texts_stay_texts(api: Api, filled: dict[str, str]) -> None:
    with browsing(api, api.served.key(api.tenant)) as client:
        found = {path: client.get(path.format(**filled)) for path in PAGES}
    assert {answer.status_code for answer in found.values()} == {200}
    for path, answer in found.items():
        assert "default-src 'none'" in answer.headers["content-security-policy"] or "report" in path
        assert answer.headers["cache-control"] == "no-store"
        assert "<script" not in answer.text
        assert not re.search(r"(src|href)=\"(https?:)?//|style=", answer.text)
    assert "safe state" in found["/"].text
    assert "1\u202f234.50 CNY" in found["/"].text
    assert "12.0 t" in found["/"].text
    assert f'href="/plans/{filled["schedule"]}/report"' in found["/"].text
    assert "why &lt;script&gt;" in found["/jobs"].text
    assert "&lt;script&gt;" in found["/jobs/{job}"].text
    assert "&lt;script&gt;" in found["/audit"].text
    site = found["/sites/works"].text
    assert "Plan in force" in site
    assert re.search(r"pcc</th>.*?>77\.0<.*?override", site)
    assert "23.0 kW, mean 11.5 kW" in site
    assert site.count("<path d=") == 1
    report = found["/reports/{report}"]
    assert report.text.endswith("the report")
    assert report.headers["content-security-policy"].startswith("sandbox allow-scripts")


def test_a_broken_chain_is_seen(api: Api, filled: dict[str, str]) -> None:
    from dispatch.service.store import audit

    with browsing(api, api.served.key(api.tenant)) as client:
        assert "holds" in client.get("/audit").text
        with api.store.write(api.tenant, "thief") as tx:
            tx.execute(tx.update(audit.entries).where(audit.entries.c.seq == 1).values(actor="nobody"))
        text = client.get("/audit").text
    assert "entry 1 is not what was written" in text


def test_another_tenant_sees_nothing_of_it(api: Api, filled: dict[str, str]) -> None:
    with browsing(api, api.served.key(api.other_tenant)) as client:
        for path in ("/sites/works", "/jobs/{job}", "/reports/{report}", "/plans/{schedule}/report"):
            there, nowhere = client.get(path.format(**filled)), client.get(re.sub(r"\{.*|works", "nowhere", path))
            assert there.status_code == nowhere.status_code == 404
        for path in ("/", "/jobs", "/audit"):
            assert not any(each in client.get(path).text for each in (*filled.values(), "works", "why"))


def test_what_the_key_does_not_cover_is_said(api: Api, filled: dict[str, str]) -> None:
    with browsing(api, api.served.key(api.tenant, ["sites:read"])) as client:
        assert client.get("/audit").status_code == 403
        assert client.get("/jobs").status_code == 403
        assert client.get("/reports/" + filled["report"]).status_code == 403
        text = client.get("/").text
        assert "works" in text
        assert "The key lacks plans:read." in text
        assert "1\u202f234.50" not in text
        assert "The key lacks measurements:read." in client.get("/sites/works").text


def test_jobs_and_reports_are_seen_by_keys_for_what_they_are_about(api: Api, filled: dict[str, str]) -> None:
    with api.store.write(api.tenant, "test") as tx:
        bid = jobs.submit(tx, "bid", {}, subject="bid_of_the_day", scope="markets")
        invoice = files.put(tx, REPORT, "text/html; charset=utf-8", "invoice.html")
    seen = {"plans:read": (200, 403), "markets:read": (403, 200)}
    for scope, (plans, markets) in seen.items():
        with browsing(api, api.served.key(api.tenant, ["plans:read", scope, "sites:read"])) as client:
            assert client.get("/reports/" + filled["report"]).status_code == 200
            assert client.get("/reports/" + invoice.id).status_code == markets
            assert client.get("/jobs/" + bid.id).status_code == markets
            assert ("bid_of_the_day" in client.get("/jobs").text) is (markets == 200)
        assert plans


def test_a_report_that_cannot_be_made_says_so_instead_of_trying_for_ever(api: Api, filled: dict[str, str]) -> None:
    with api.store.write(api.tenant, "test") as tx:
        schedules.change(tx, filled["schedule"], {"report_file": None, "report_job": filled["job"]})
    with browsing(api, api.served.key(api.tenant)) as client:
        answer = client.get(f"/plans/{filled['schedule']}/report")
    assert answer.status_code == 409
    with api.store.read(api.tenant) as tx:
        assert jobs.find(tx, kind="report") == []


def test_a_report_is_made_when_it_is_first_asked_for(api: Api, filled: dict[str, str]) -> None:
    with api.store.write(api.tenant, "test") as tx:
        schedules.change(tx, filled["schedule"], {"report_file": None})
    with browsing(api, api.served.key(api.tenant)) as client:
        first, second = (client.get(f"/plans/{filled['schedule']}/report") for _ in range(2))
    assert (first.status_code, first.headers["refresh"]) == (202, "1")
    assert re.findall(r"job_[0-9a-z]{26}", first.text) == re.findall(r"job_[0-9a-z]{26}", second.text)
    with api.store.read(api.tenant) as tx:
        assert [job.subject for job in jobs.find(tx, kind="report")] == [filled["schedule"]]


def test_workers_are_shown_with_what_they_do_for_this_tenant_alone(api: Api) -> None:
    now = datetime.now(UTC)
    with api.store.admin() as connection:
        for name, age_s in (("mine", 0), ("theirs", 0), ("rests", 0), ("died " + HOSTILE, 600)):
            seen = now - timedelta(seconds=age_s)
            workers.beat(connection, f"{api.tenant} {name}"[:40], f"{api.tenant}/{name}", "ready", seen, seen, 300)
    taken = []
    for tenant, name in ((api.tenant, "mine"), (api.other_tenant, "theirs")):
        with api.store.write(tenant, "test") as tx:
            jobs.submit(tx, "schedule", {})
        with api.store.admin() as connection:
            taken.append(claims.claim(connection, f"{api.tenant}/{name}", datetime.now(UTC), 60, tenant))
    with browsing(api, api.served.key(api.tenant)) as client:
        text = client.get("/").text
    rows = {found[1]: row for row in re.findall(r"<tr>(?:(?!</tr>).)*</tr>", text, re.DOTALL)
            if (found := re.search(rf"{api.tenant}/(\w+)", row))}  # fmt: skip
    assert {name: re.findall(r"at work|idle|gone", row) for name, row in rows.items()} == {
        "mine": ["at work"], "theirs": ["at work"], "rests": ["idle"], "died": ["gone"],
    }  # fmt: skip
    assert taken[0] is not None
    assert taken[1] is not None
    assert f"/jobs/{taken[0].id}" in rows["mine"]
    assert "schedule" not in rows["theirs"]
    assert taken[1].id not in text
    assert "10 min ago" in rows["died"]
    assert "<script>" not in text
    with browsing(api, api.served.key(api.tenant, ["sites:read"])) as client:
        assert f"{api.tenant}/rests" not in client.get("/").text


def test_jobs_that_nobody_takes_are_told_from_jobs_that_wait_their_turn(tmp_path: Path) -> None:
    with served(tmp_path) as server, two_tenants(server) as api:
        with api.store.write(api.tenant, "test") as tx:
            jobs.submit(tx, "schedule", {})
        with browsing(api, api.served.key(api.tenant)) as client:
            assert "no worker lives" in client.get("/").text
            later = datetime.now(UTC) + timedelta(seconds=61)
            with api.store.admin() as connection:
                workers.beat(connection, "a", "host/a", "ready", later, later, 600)
            first = client.get("/").text
            assert "no worker" not in first
            assert "1 alive" in first
            api.store.clock = lambda: later
            assert "no worker takes them" in client.get("/").text


def test_a_revoked_key_ends_the_session(api: Api) -> None:
    key = api.served.key(api.tenant)
    with browsing(api, key) as client:
        assert client.get("/").status_code == 200
        with api.store.write(api.tenant, "test") as tx:
            keys.revoke(tx, key[3:33])
        assert client.get("/").status_code == 303


def test_signing_out_forgets_the_token(api: Api) -> None:
    with browsing(api, api.served.key(api.tenant)) as client:
        assert client.post("/logout").headers["location"] == "/login"
        assert client.get("/").status_code == 303


def test_the_style_is_kept_for_ever(api: Api) -> None:
    href = re.search(r'href="(/pages/[0-9a-f]{16}\.css)"', api.anonymous.get("/login").text)
    assert href is not None
    answer = api.anonymous.get(href[1])
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert "immutable" in answer.headers["cache-control"]
    assert len(answer.content) < 30_000


def test_many_sites_come_in_pages(api: Api) -> None:
    with api.store.write(api.tenant, "test") as tx:
        prepared = sites.prepare(PARK, "works")
        sites.put_many(tx, {f"site_{k:03d}": prepared for k in range(120)})
    with browsing(api, api.served.key(api.tenant)) as client:
        first = client.get("/").text
        assert first.count('href="/sites/') == 100
        assert 'href="/?after=site_099"' in first
        assert client.get("/?after=site_099").text.count('href="/sites/') == 20


def test_a_browser_has_nothing_to_say(api: Api, filled: dict[str, str], chromium: Any) -> None:
    said: list[str] = []
    context = chromium.new_context(viewport={"width": 390, "height": 800}, java_script_enabled=True)
    page = context.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    own = (api.served.url, "data:")
    page.on("request", lambda asked: None if asked.url.startswith(own) else said.append(asked.url))
    page.goto(api.served.url)
    page.fill("[name=secret]", api.served.key(api.tenant))
    page.click("button[type=submit]")
    page.wait_for_url(api.served.url + "/")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.click(f"a[href='/plans/{filled['schedule']}/report']")
    assert page.title() == "R"
    context.close()
    assert said == []
