"""What plans and forecasts may use: nothing that was not known at their issue time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from dispatch.service.store import files, forecasts, jobs
from dispatch.service.store.arrow import from_bytes, to_bytes
from dispatch.service.work import forecast as making
from tests.unit.dispatch.service.planning import small
from tests.unit.dispatch.service.served import Api

HISTORY_H = 24 * 5


@pytest.fixture
def fresh(api: Api) -> Api:
    """A site whose history of five days came just now."""
    small.put(api.store, api.tenant)
    small.upload(api.store, api.tenant, small.measured(small.hour(-HISTORY_H), HISTORY_H))
    return api


@pytest.fixture(scope="module")
def known(site: Api) -> Api:
    """Likewise, for tests that add nothing to it."""
    small.upload(site.store, site.tenant, small.measured(small.hour(-HISTORY_H), HISTORY_H))
    return site


@pytest.fixture(scope="module")
def forecast(known: Api) -> dict[str, Any]:
    return made(known, known_at="end", horizon=small.horizon(small.hour(1)), scenarios=2)


def made(api: Api, what: str = "forecasts", **body: Any) -> dict[str, Any]:
    accepted = small.asked(api.client, what, **body)
    job = small.done(api)
    assert (job.state, job.problem) == ("done", None)
    found: dict[str, Any] = small.get(api.client, accepted["href"])
    return found


def test_a_forecast_and_its_tables(known: Api, forecast: dict[str, Any]) -> None:
    shown = forecast
    assert (shown["state"], shown["steps"], shown["scenarios"]) == ("done", 24, 2)
    series = {one["name"]: one for one in shown["series"]}
    assert set(series) == {"roof", "hall"}
    assert {(one["unit"], one["made_by"]) for one in series.values()} == {("kW", "own_past")}
    for one in series.values():
        assert np.diff(np.array(one["quantiles"]), axis=1).min() >= 0
        assert len(one["expected"]) == len(shown["step_end"]) == 24
    rows = small.get(known.client, shown["quantiles_href"])["rows"]
    assert len(rows) == 2 * 24 * len(shown["levels"])
    assert [row["value"] for row in rows if row["variable"] == "hall"][:7] == series["hall"]["quantiles"][0]
    arrow = known.client.get(shown["scenarios_href"], headers={"Accept": "application/vnd.apache.arrow.stream"}).content
    table = pa.ipc.open_stream(arrow).read_all()
    assert (table.num_rows, table["scenario"].unique().to_pylist()) == (2 * 24 * 2, [0, 1])
    listed = small.get(known.client, "sites/works/forecasts")["items"][-1]
    assert (listed["id"], listed["state"]) == (shown["id"], "done")
    assert known.other.get(f"/api/v1/forecasts/{shown['id']}").status_code == 404


def test_a_schedule_takes_a_forecast_that_was_made(known: Api, forecast: dict[str, Any]) -> None:
    start = datetime.fromisoformat(forecast["start"])
    shown = made(known, "schedules", horizon=small.horizon(start), forecast=forecast["id"])
    assert (shown["quality"], shown["certificate"]["scenarios"]) == ("optimal", 3)
    rows = small.get(known.client, shown["table_href"])["rows"]
    hall = next(one for one in forecast["series"] if one["name"] == "hall")
    assert [row["hall.served_kw"] for row in rows] == pytest.approx(hall["expected"])
    other = small.asked(known.client, horizon=small.horizon(start, 12), forecast=forecast["id"])
    assert small.done(known).state == "failed"
    problem = small.get(known.client, other["href"])["problem"]
    assert "of other steps" in problem["detail"]


def test_a_history_that_came_today_was_not_known_yesterday(known: Api) -> None:
    yesterday = small.hour(-24)
    body: dict[str, Any] = {
        "horizon": small.horizon(yesterday + timedelta(hours=2)),
        "issue_time": yesterday.isoformat(),
    }
    accepted = small.asked(known.client, "forecasts", **body)
    assert small.done(known).state == "failed"
    assert "nothing to forecast from" in small.get(known.client, accepted["href"])["problem"]["detail"]
    assert made(known, **body, known_at="end")["series"][0]["made_by"] == "own_past"


def _called(rows: pa.Table, name: str, scale: float = 1.0) -> pa.Table:
    rows = rows.set_column(1, "series", pa.array([name] * len(rows)))
    return rows.set_column(3, "value", pc.multiply(rows["value"], scale))


def test_power_under_another_name_is_forecast_from_and_told(api: Api) -> None:
    small.put(api.store, api.tenant, "plant")
    hall = small.measured(small.hour(-HISTORY_H), HISTORY_H, ("hall",), "plant")
    small.upload(api.store, api.tenant, _called(hall.slice(0, 9), "hall_kw", 7.0))
    small.upload(api.store, api.tenant, _called(hall, "hall.power_mw", 1e-3))
    body: dict[str, Any] = {"site": "plant", "known_at": "end", "horizon": small.horizon(small.hour(1))}
    refused = small.asked(api.client, "forecasts", **body)
    assert small.done(api).state == "failed"
    said = small.get(api.client, refused["href"])["problem"]["detail"]
    assert "'roof' has no history: give 'history', or weather" in said
    assert "series of 'plant' with the assets' names; it has plant/hall, plant/hall_kw" in said
    small.upload(api.store, api.tenant, small.measured(small.hour(-HISTORY_H), HISTORY_H, ("roof",), "plant"))
    accepted = small.asked(api.client, "forecasts", **body, scenarios=1)
    with api.store.read(api.tenant) as tx:
        asked = making.prepare(tx, jobs.get(tx, accepted["job"]))
    assert asked.archive.rows()["works", "hall"].value == pytest.approx(hall["value"].to_numpy())
    assert small.done(api).state == "done"
    shown = small.get(api.client, accepted["href"])
    assert "hall: read from the series 'hall.power_mw', for there is none of the name 'hall'" in shown["notes"]
    for table in ("quantiles", "scenarios"):
        assert {row["site"] for row in small.get(api.client, shown[f"{table}_href"])["rows"]} == {"plant"}


def test_energy_is_not_taken_for_power(api: Api) -> None:
    small.put(api.store, api.tenant)
    hall = small.measured(small.hour(-HISTORY_H), HISTORY_H, ("hall",))
    small.upload(api.store, api.tenant, _called(hall, "hall_kwh"))
    small.asked(api.client, known_at="end", horizon=small.horizon(small.hour(1)))
    job = small.done(api)
    assert job.problem is not None
    assert "'hall' has no history" in job.problem["detail"]
    assert "with the assets' names; it has works/hall_kwh" in job.problem["detail"]


def path(api: Api, **body: Any) -> str:
    """Hash of a plan whose demand is forecast; its sun is said, so that only one series is learnt from."""
    shown = made(api, "schedules", **body, series={"roof": [0.0] * small.STEPS})
    found: str = shown["certificate"]["schedule_sha256"]
    return found


def changed(api: Api, first: datetime, hours: int) -> None:
    """Upload other values of these hours."""
    rows = small.measured(first, hours)
    small.upload(api.store, api.tenant, rows.set_column(3, "value", pc.multiply(rows["value"], 2.0)))


def test_what_came_after_the_issue_time_changes_nothing(fresh: Api) -> None:
    """The same question before and after values of later intervals were corrected and added."""
    issue = small.hour(-30)
    body: dict[str, Any] = {"horizon": small.horizon(small.hour(-28)), "issue_time": issue.isoformat()}
    first = path(fresh, **body, known_at="end")
    changed(fresh, issue, 30)
    assert path(fresh, **body, known_at="end") == first
    changed(fresh, issue - timedelta(hours=30), 28)
    assert path(fresh, **body, known_at="end") != first


def test_a_correction_counts_from_when_it_was_received(fresh: Api) -> None:
    issue = datetime.now(UTC).isoformat()
    body: dict[str, Any] = {"horizon": small.horizon(small.hour(1)), "known_at": "receipt"}
    first = path(fresh, **body, issue_time=issue)
    changed(fresh, small.hour(-48), 48)
    assert path(fresh, **body, issue_time=issue) == first
    assert path(fresh, **body) != first


def test_hindsight_plans_on_what_came(fresh: Api) -> None:
    start = small.hour(-30)
    shown = made(fresh, "schedules", mode="perfect_foresight", horizon=small.horizon(start))
    rows = small.get(fresh.client, shown["table_href"])["rows"]
    came = small.measured(start, 24, ("hall",))["value"].to_pylist()
    assert [row["hall.served_kw"] for row in rows] == pytest.approx(came)
    assert (shown["certificate"]["scenarios"], shown["certificate"]["forecast"]) == (1, None)
    compared = {
        one["series"]: one for one in small.get(fresh.client, f"schedules/{shown['id']}/comparison")["compared"]
    }
    assert compared["hall"]["steps"] == 24
    assert compared["hall"]["mean_absolute_error_kw"] == pytest.approx(0, abs=1e-9)
    assert small.get(fresh.client, "sites/works/setpoints", at=small.hour(-20).isoformat())["items"] == []
    accepted = small.asked(fresh.client, mode="perfect_foresight", horizon=small.horizon(small.hour(-5)))
    assert small.done(fresh).state == "failed"
    assert "not measured in every step: roof, hall" in small.get(fresh.client, accepted["href"])["problem"]["detail"]


def test_weather_of_the_client_is_used(api: Api) -> None:
    small.put(api.store, api.tenant)
    small.upload(api.store, api.tenant, small.measured(small.hour(-HISTORY_H), HISTORY_H, ("hall",)))
    start = small.hour(1)
    sun = [max(0.0, 600.0 * float(np.sin(((start + timedelta(hours=n)).hour - 6) / 12 * np.pi))) for n in range(26)]
    weather = {
        "issued_at": small.hour(-1).isoformat(), "start": small.hour().isoformat(), "step_minutes": 60,
        "variables": {"shortwave_radiation": sun, "temperature_2m": [10.0] * 26, "wind_speed_10m": [3.0] * 26,
                      "diffuse_radiation": [x / 3 for x in sun], "direct_normal_irradiance": [x / 2 for x in sun]},
    }  # fmt: skip
    shown = made(api, known_at="end", horizon=small.horizon(start), weather=weather)
    roof = next(one for one in shown["series"] if one["name"] == "roof")
    assert max(roof["expected"]) > 5
    unknown = {**weather, "variables": {"sunshine": sun}}
    accepted = small.asked(api.client, "forecasts", known_at="end", horizon=small.horizon(start), weather=unknown)
    assert small.done(api).state == "failed"
    assert "unknown columns ['sunshine']" in small.get(api.client, accepted["href"])["problem"]["detail"]


def test_what_is_no_forecast_is_refused(known: Api, forecast: dict[str, Any]) -> None:
    with known.store.read(known.tenant) as tx:
        row = forecasts.get(tx, forecast["id"])
        asked = making.prepare(tx, jobs.get(tx, row.job))
        tables = {name: files.read(tx, getattr(row, f"{name}_file")) for name in ("quantiles", "scenarios")}
    made = making.Outcome(row.result, **tables)
    assert making.check(asked, made) is None
    nan = from_bytes(made.scenarios)
    nan = nan.set_column(nan.column_names.index("value"), "value", pa.array(np.full(nan.num_rows, np.nan)))
    wrong = {
        "a str is no forecast": "forecast",
        "it has not the steps that were asked for": replace(made, result={**row.result, "central": {"hall": [1.0]}}),
        "its quantiles have 10 rows": replace(made, quantiles=to_bytes(from_bytes(made.quantiles).slice(0, 10))),
        "its scenarios have values that are no numbers": replace(made, scenarios=to_bytes(nan)),
    }
    assert {says: making.check(asked, each) for says, each in wrong.items()} == {says: says for says in wrong}
    assert making.floor(asked, "ended") is None  # type: ignore[func-returns-value]  # that is what is asserted
