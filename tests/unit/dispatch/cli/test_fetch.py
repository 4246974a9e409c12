"""``parkwatt fetch`` and several weather providers in order, against servers on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks.cases.services import documents
from benchmarks.cases.services.local import Answer, Script, serving
from forecasting import fetching
from forecasting.archive.store import Store
from tests.unit.dispatch.small_park import measured, park, write
from tests.unit.dispatch.typed import Run, refused, run

__all__ = ["run"]  # a fixture


def at_once() -> pd.Timestamp:
    """When a test asks. Not when its module was read: a long run of tests reads it minutes before."""
    return pd.Timestamp.now(tz="UTC").floor("s")


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dict[str, Script]]:
    """One for each service, on today's clock."""
    monkeypatch.setattr(documents, "NOW", at_once())
    monkeypatch.setattr(fetching, "ATTEMPTS", 1)
    monkeypatch.setenv("PARKWATT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("ELECTRICITY_MAPS_API_KEY", "k")
    monkeypatch.setenv("ENTSOE_API_KEY", "k")
    scripts = {
        "weather": Script(documents.open_meteo),
        "energy-charts": Script(documents.energy_charts),
        "entsoe": Script(documents.entsoe_prices),
        "mix": Script(documents.entsoe_generation),
        "gb": Script(documents.gb),
        "maps": Script(documents.electricity_maps),
    }
    with ExitStack() as stack:
        for script in scripts.values():
            stack.enter_context(serving(script))
        yield scripts


def with_feeds(servers: dict[str, Script], **feeds: Any) -> dict[str, Any]:
    given = {"weather": ["open-meteo", "previous-runs"], "weather_url": servers["weather"].url} | feeds
    return park(feeds=given)


def names(folder: Path) -> set[str]:
    return {variable for _, variable in Store.existing(folder).series()}


def test_what_the_services_say_comes_into_the_archive(run: Run, tmp_path: Path, servers: dict[str, Script]) -> None:
    content = with_feeds(
        servers,
        prices=[
            {"provider": "entsoe", "zone": "DE_LU", "url": servers["entsoe"].url},
            {"provider": "energy-charts", "zone": "DE-LU", "url": servers["energy-charts"].url},
        ],
        carbon_intensity=[{"provider": "gb", "url": servers["gb"].url}],
    )
    write(tmp_path, content)
    servers["entsoe"].answers = [Answer(400, documents.acknowledgement())]
    ended = run("fetch", "park.yaml", "--into", "held")
    assert ended.status == 0, ended.err
    words = " ".join(ended.out.split())
    assert "weather open-meteo" in words
    assert "weather of earlier days previous-runs" in words
    assert "day_ahead_price_eur_per_mwh energy-charts" in words
    assert "energy-charts answers, as others did not: entsoe: prices from http" in words
    found = Store.existing(tmp_path / "held")
    assert {"temperature_2m", "day_ahead_price_eur_per_mwh", "carbon_intensity_g_per_kwh"} <= names(found.folder)
    archive = found.read()
    now = at_once() + pd.Timedelta(minutes=5)
    runs = archive.as_of(now).runs("small", "temperature_2m")
    assert len(runs) >= 7, "a run of each day before, and the latest"
    assert len(archive.as_of(now - pd.Timedelta(days=3)).runs("small", "temperature_2m")) < len(runs)
    intensity = archive.as_of(now).measurements("small", "carbon_intensity_g_per_kwh")
    assert len(intensity.value) > 6 * 48
    assert len(archive.as_of(now).runs("small", "carbon_intensity_g_per_kwh")) == 1
    again = run("fetch", "park.yaml", "--into", "held", "--only", "prices")
    assert "0 new rows" in " ".join(again.out.split())


def test_other_services_and_files(
    run: Run, tmp_path: Path, servers: dict[str, Script], monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = pd.date_range(at_once().normalize() - pd.Timedelta(days=3), periods=96, freq="1h")
    table = pd.DataFrame({"time": starts, "price": np.linspace(10, 90, 96), "carbon": np.full(96, 0.3)})
    table.to_csv(tmp_path / "own.csv", index=False)
    content = with_feeds(
        servers,
        prices=[{"provider": "file", "file": "own.csv", "column": "price", "unit": "GBP/MWh"}],
        carbon_intensity=[
            {"provider": "entsoe-mix", "zone": "FR", "url": servers["mix"].url, "neighbours_g_per_kwh": {"BE": 100}},
            {"provider": "electricity-maps", "zone": "FR", "url": servers["maps"].url},
            {"provider": "file", "file": "own.csv", "column": "carbon", "unit": "kg/kWh"},
        ],
    )
    write(tmp_path, content)
    ended = run("fetch", "park.yaml", "--into", "held", "--only", "prices,carbon_intensity")
    assert ended.status == 0, ended.err
    mix = {"generation_nuclear_mw", "generation_gas_mw", "import_be_mw"}
    assert names(tmp_path / "held") == {"day_ahead_price_gbp_per_mwh", "carbon_intensity_g_per_kwh"} | mix
    known = Store.existing(tmp_path / "held").read().as_of(at_once() + pd.Timedelta(minutes=5))
    value = known.measurements("small", "carbon_intensity_g_per_kwh").value
    assert value[0] == pytest.approx((600 * 12 + 400 * 490 + 200 * 100) / 1200)
    powers = [known.measurements("small", name) for name in sorted(mix)]
    assert [power.value[0] for power in powers] == [400, 600, 200]
    assert all((power.available_ns >= power.end_ns).all() for power in powers)
    servers["mix"].answers = servers["maps"].answers = [Answer(500, "")]
    write(tmp_path, content | {"name": "second"})
    monkeypatch.setenv("PARKWATT_CACHE", str(tmp_path / "empty"))
    ended = run("fetch", "park.yaml", "--into", "held", "--only", "carbon_intensity")
    assert ended.status == 2
    assert "not everything came: no answer from any provider: electricity-maps" in ended.err
    known = Store.existing(tmp_path / "held").read().as_of(at_once() + pd.Timedelta(minutes=5))
    assert set(known.measurements("second", "carbon_intensity_g_per_kwh").value) == {300.0}


def test_a_marginal_intensity_of_ones_own(run: Run, tmp_path: Path) -> None:
    starts = pd.date_range(at_once().normalize() - pd.Timedelta(days=2), periods=48, freq="1h")
    pd.DataFrame({"time": starts, "grams": np.linspace(400, 500, 48)}).to_csv(tmp_path / "own.csv", index=False)
    feed = {"provider": "file", "file": "own.csv", "column": "grams", "unit": "g/kWh"}
    write(tmp_path, park(feeds={"marginal_intensity": [feed]}))
    ended = run("fetch", "park.yaml", "--into", "held")
    assert ended.status == 0, ended.err
    assert names(tmp_path / "held") == {"marginal_intensity_g_per_kwh"}


def test_one_service_that_is_down_does_not_keep_the_others(
    run: Run, tmp_path: Path, servers: dict[str, Script]
) -> None:
    prices = [{"provider": "energy-charts", "zone": "FR", "url": servers["energy-charts"].url}]
    write(tmp_path, with_feeds(servers, prices=prices))
    servers["weather"].answers = [Answer(503, "")]
    ended = run("fetch", "park.yaml", "--into", "held")
    assert ended.status == 2
    assert "not everything came: no weather from any provider: open-meteo: weather from http" in ended.err
    assert "Traceback" not in ended.err
    assert names(tmp_path / "held") == {"day_ahead_price_eur_per_mwh"}


@pytest.mark.parametrize(
    ("feeds", "options", "says"),
    [
        (None, [], "'small' names no service: give 'feeds' in its file"),
        ({"weather": ["open-meteo"]}, ["--only", "prices"], "names no service for it under feeds.prices"),
        ({"weather": ["open-meteo"]}, ["--only", "wind"], "--only 'wind' is not known; accepted: weather, prices"),
        ({"weather": ["open-meteo"]}, ["--since", "soon"], "--since 'soon' is not a date"),
        ({"weather": ["open-meteo"]}, ["--since", "2999-01-01"], "is in the future"),
        ({"weather": ["open-meto"]}, [], "feeds.weather 'open-meto' is not known (did you mean open-meteo?)"),
        ({"weather": ["open-meteo", "open-meteo"]}, [], "a provider can only stand once in the order"),
        (
            {"prices": [{"provider": "file", "file": "a.csv", "column": "c", "unit": "g/kWh"}]},
            [],
            "unit 'g/kWh' of a.csv is none of a price",
        ),
        (
            {"prices": [{"provider": "nordpool", "zone": "FR"}]},
            [],
            "is not known (found 'nordpool'). Accepted: one of energy-charts, entsoe, file",
        ),
    ],
)
def test_mistakes_are_said(
    run: Run, tmp_path: Path, feeds: dict[str, Any] | None, options: list[str], says: str
) -> None:
    write(tmp_path, park() if feeds is None else park(feeds=feeds))
    refused(run("fetch", "park.yaml", "--into", "held", *options), says)


def test_the_parks_own_archive_is_filled_and_files_are_not_put_there(
    run: Run, tmp_path: Path, servers: dict[str, Script]
) -> None:
    feeds = {"weather": ["tmy:year.epw", "open-meteo"], "weather_url": servers["weather"].url}
    write(tmp_path / "parks", park(feeds=feeds, archive={"folder": "kept"}))
    ended = run("fetch", "parks/park.yaml")
    assert ended.status == 0, ended.err
    assert "temperature_2m" in names(tmp_path / "parks" / "kept")
    assert "weather open-meteo" in " ".join(ended.out.split())
    write(tmp_path, park(feeds=feeds))
    refused(run("fetch", "park.yaml"), "give the archive's folder with --into, or 'archive' in the file of 'small'")
    write(tmp_path, park(feeds={"weather": ["tmy:year.epw"]}))
    refused(run("fetch", "park.yaml", "--into", "held"), "names no service")


def test_a_park_without_a_place_is_told(run: Run, tmp_path: Path) -> None:
    content = park(feeds={"weather": ["open-meteo"]})
    del content["latitude_deg"], content["assets"][0]
    write(tmp_path, content)
    refused(run("fetch", "park.yaml", "--into", "held"), "feeds.weather needs 'latitude_deg'")


def test_a_plan_takes_the_weather_of_the_parks_feeds(run: Run, tmp_path: Path, servers: dict[str, Script]) -> None:
    yesterday = datetime.now(UTC).date() - pd.Timedelta(days=1)
    measured(str(yesterday)).to_csv(tmp_path / "measured.csv", index=False)
    content = with_feeds(servers)
    content["assets"].append({"kind": "pv", "name": "roof", "bus": "main", "peak_kw": 100})
    write(tmp_path, content)
    servers["weather"].answers = [Answer(503, ""), Answer()]  # the forecast is down, previous runs are not
    ended = run("plan", "park.yaml", "--out", "plan")
    assert ended.status == 0, ended.err
    assert "asking open-meteo, then previous-runs for weather" in ended.err
    report = (tmp_path / "plan" / "report.html").read_text("utf-8")
    assert "previous-runs answers, as others did not: open-meteo" in report
    # … and says so where there is none.
    refused(run("plan", "park.yaml", "--out", "plan", "--weather", "none"), "'roof' has no history")


@pytest.mark.parametrize(
    ("weather", "says"),
    [
        ("open-meto", "--weather 'open-meto' is not known (did you mean open-meteo?); accepted: open-meteo"),
        ("open-meteo,open-meteo", "can only stand once"),
        ("tmi:year.epw", "--weather 'tmi:year.epw' is not known"),
    ],
)
def test_unknown_weather_is_said(run: Run, tmp_path: Path, weather: str, says: str) -> None:
    write(tmp_path)
    refused(run("plan", "park.yaml", "--weather", weather), says)
