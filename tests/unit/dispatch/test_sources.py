"""What is read from outside: exact means, times in the right place, hashes that say when data changed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dispatch.config.park import load_site
from dispatch.errors import DataError
from dispatch.signals import Horizon
from dispatch.site import Site
from dispatch.sources import Sources, gather, user_errors
from forecasting.errors import ForecastError, UnavailableError
from forecasting.weather.base import WeatherRun
from tests.unit.dispatch.small_park import measured, park, write

DAY = Horizon.local_day(datetime(2024, 3, 20, tzinfo=UTC).date(), "Europe/Berlin", 60)


HOUR = pd.Timedelta(hours=1)


def small(folder: Path, table: pd.DataFrame | None = None, **history: Any) -> Site:
    content = park()
    content["assets"][0]["history"] |= history
    (measured("2024-03-30") if table is None else table).to_csv(folder / "measured.csv", index=False)
    return load_site(write(folder, content))


def read(folder: Path, table: pd.DataFrame | None = None, **history: Any) -> Sources:
    return gather(small(folder, table, **history), DAY, folder)


def test_the_day_that_came_is_read_beside_what_was_known(tmp_path: Path) -> None:
    table = measured("2024-03-30")
    sources = read(tmp_path, table)
    local = pd.to_datetime(table.time, utc=True).dt.tz_convert("Europe/Berlin")
    assert sources.actual["hall"] == pytest.approx(table.hall_kw[local.dt.strftime("%Y-%m-%d") == "2024-03-20"])
    early = sources.archive.as_of(pd.Timestamp("2024-03-20T00:00Z")).measurements("small", "hall")
    assert early.end_ns.max() <= pd.Timestamp("2024-03-20T00:00Z").value


def test_a_stamp_at_the_end_of_its_step_is_the_same_as_the_one_at_its_start(tmp_path: Path) -> None:
    table = measured("2024-03-30")
    start = read(tmp_path, table)
    shifted = table.assign(time=(pd.to_datetime(table.time, utc=True) + HOUR).dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    end = read(tmp_path, shifted, stamp="end")
    assert end.actual["hall"] == pytest.approx(start.actual["hall"])
    assert end.hashes["history:hall"] == start.hashes["history:hall"]
    assert read(tmp_path, shifted, stamp="start").actual["hall"] != pytest.approx(start.actual["hall"])


def test_units_and_the_time_zone_of_a_file_are_its_own(tmp_path: Path) -> None:
    plain = read(tmp_path).actual["hall"]
    assert read(tmp_path, unit="MW").actual["hall"] == pytest.approx(1000 * plain)
    table = measured("2024-03-30")
    naive = pd.to_datetime(table.time, utc=True).dt.tz_convert("America/New_York").dt.strftime("%Y-%m-%d %H:%M")
    assert read(tmp_path, table.assign(time=naive), time_zone="America/New_York").actual["hall"] == pytest.approx(plain)


def test_hashes_change_with_the_data_and_with_nothing_else(tmp_path: Path) -> None:
    table = measured("2024-03-30")
    first = read(tmp_path, table).hashes
    assert set(first) == {"site", "history:hall"}
    assert read(tmp_path, table).hashes == first
    same = table.assign(note="x", time=pd.to_datetime(table.time, utc=True).dt.strftime("%Y-%m-%d %H:%M:%S+00:00"))
    assert read(tmp_path, same).hashes == first, "the same series written otherwise"
    other = table.copy()
    other.loc[3, "hall_kw"] += 0.01
    changed = read(tmp_path, other).hashes
    assert changed["history:hall"] != first["history:hall"]
    assert changed["site"] == first["site"]
    later = table.assign(time=(pd.to_datetime(table.time, utc=True) + HOUR).dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert read(tmp_path, later).hashes["history:hall"] != first["history:hall"]
    assert read(tmp_path, unit="MW").hashes["site"] != first["site"]


class Provider:
    """Weather without a network."""

    name = "test"

    def __init__(self, radiation: float = 300.0, error: Exception | None = None) -> None:
        self.radiation, self.error = radiation, error

    def fetch(
        self, latitude: float, longitude: float, start: pd.Timestamp, end: pd.Timestamp, now: pd.Timestamp
    ) -> WeatherRun:
        assert (latitude, longitude) == (52.5, 13.4)
        if self.error is not None:
            raise self.error
        valid = pd.date_range(start, end, freq="1h")
        columns = {"shortwave_radiation": np.full(len(valid), self.radiation)}
        return WeatherRun("test", now, now, valid, columns, ("the run of yesterday stands in",))


def with_weather(folder: Path, provider: Provider) -> Sources:
    return gather(small(folder), DAY, folder, weather=provider, now=pd.Timestamp("2024-03-19T12:00Z"))


def test_weather_is_kept_hashed_and_its_notes_are_passed_on(tmp_path: Path) -> None:
    sources = with_weather(tmp_path, Provider())
    assert sources.weather_site == "small"
    assert sources.notes == ("the run of yesterday stands in",)
    assert sources.hashes == with_weather(tmp_path, Provider()).hashes
    assert sources.hashes["weather"] != with_weather(tmp_path, Provider(301)).hashes["weather"]


@pytest.mark.parametrize(
    "error", [ForecastError("weather from x: no answer"), PermissionError(13, "Permission denied", "kept")]
)
def test_weather_that_cannot_be_had_is_a_data_error(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(DataError, match="weather"):
        with_weather(tmp_path, Provider(error=error))


def test_a_service_that_is_not_reached_leaves_what_is_known_without_it(tmp_path: Path) -> None:
    sources = with_weather(tmp_path, Provider(error=UnavailableError("weather from x: no answer")))
    assert sources.notes == ("weather from x: no answer; the forecast without it stands in",)
    assert sources.weather == ()
    assert set(sources.hashes) == {"site", "history:hall"}


def test_a_feeder_is_found_beside_the_park(tmp_path: Path) -> None:
    """And its buses are those that the park's buses may stand on."""
    example = Path(__file__).resolve().parents[3] / "configs" / "grids" / "industrial_10kv.yaml"
    measured("2024-03-30").to_csv(tmp_path / "measured.csv", index=False)
    (tmp_path / "grids").mkdir()
    (tmp_path / "grids" / "own.yaml").write_text(example.read_text("utf-8"), encoding="utf-8")
    grid = {"network": "feeder:grids/own.yaml", "bus_of": {"main": "hall north"}}
    network = gather(load_site(write(tmp_path, park(grid=grid))), DAY, tmp_path).network
    assert network is not None
    assert "solar field" in network.bus_names
    grid["bus_of"] = {"main": "hall nort"}
    with pytest.raises(DataError, match=r"grid\.bus_of\.main: unknown bus 'hall nort'; valid names are: hall north"):
        gather(load_site(write(tmp_path, park(grid=grid))), DAY, tmp_path)
    (tmp_path / "grids" / "own.yaml").write_text("buses: []", encoding="utf-8")
    with pytest.raises(DataError, match=r"grid: feeder .*own\.yaml' has 2 mistakes:"):
        gather(load_site(write(tmp_path, park(grid=grid))), DAY, tmp_path)


def test_a_network_file_is_found_beside_the_park(tmp_path: Path) -> None:
    site = load_site(write(tmp_path, park(grid={"network": "file:net.json", "bus_of": {"main": "x"}})))
    measured("2024-03-30").to_csv(tmp_path / "measured.csv", index=False)
    with pytest.raises(DataError, match=r"grid:.*net\.json") as caught:
        gather(site, DAY, tmp_path)
    assert str(tmp_path / "net.json") in str(caught.value)
    assert gather(site, DAY, tmp_path, with_network=False).network is None


def test_all_assets_that_nothing_is_known_of_are_named_at_once(tmp_path: Path) -> None:
    content = park()
    del content["assets"][0]["history"]
    content["assets"] += [
        {"kind": "pv", "name": "roof", "bus": "main", "peak_kw": 100},
        {"kind": "wind", "name": "mill", "bus": "main", "rated_kw": 2000},
    ]
    site = load_site(write(tmp_path, content))
    with pytest.raises(DataError, match=r"'hall'.*'roof'.*--weather open-meteo.*'mill'"):
        gather(site, DAY, tmp_path)
    with pytest.raises(DataError, match=r"'hall'.*'mill'.*'turbine'") as caught:
        gather(site, DAY, tmp_path, weather=Provider())
    assert "'roof'" not in str(caught.value)


def test_what_the_packages_below_raise_can_be_told_apart_from_a_bug() -> None:
    assert ForecastError in user_errors()
    assert ValueError not in user_errors()


def test_names_that_the_network_has_not_are_told_before_anything_is_forecast(tmp_path: Path) -> None:
    """All of them, each with its place; also of an island that the day does not make."""
    example = Path(__file__).resolve().parents[3] / "configs" / "grids" / "industrial_10kv.yaml"
    measured("2024-03-30").to_csv(tmp_path / "measured.csv", index=False)
    grid = {
        "network": f"feeder:{example}",
        "bus_of": {"main": "hall north"},
        "voltage_min_pu": 1.08,
        "contingencies": {"branches": ["north", "nroth"], "voltage_min_pu": 0.9},
        "tap_changers": [{"transformer": "north"}],
        "island": {"reference": "hall", "rated_kw": 100, "open_branches": ["T3"]},
    }
    with pytest.raises(DataError) as caught:
        gather(load_site(write(tmp_path, park(grid=grid))), DAY, tmp_path)
    found = [line.strip() for line in str(caught.value).splitlines()]
    assert [line.partition(": ")[0] for line in found] == [
        "grid.tap_changers[0].transformer",
        "grid.contingencies.branches[1]",
        "grid.island.open_branches[0]",
        "grid.voltage_min_pu, voltage_max_pu",
    ]
    assert "unknown branch 'nroth'; valid names are: north" in found[1]
    assert "voltage_min_pu 1.08 is above voltage_max_pu 1.07" in found[3]


def test_a_load_below_zero_is_not_taken_for_none(tmp_path: Path) -> None:
    """A net meter, or the wrong sign: what came is not known; one bad reading in a day is counted as 0."""
    table = measured("2024-03-30")
    reversed_ = read(tmp_path, table.assign(hall_kw=-table.hall_kw))
    assert "hall" not in reversed_.actual
    assert reversed_.lacking["hall"] == "100% of its energy below 0, first at 2024-03-19T23:00Z"
    at = int(np.flatnonzero(pd.to_datetime(table.time, utc=True) == pd.Timestamp("2024-03-20T12:00Z"))[0])
    table.loc[at, "hall_kw"] = -0.1
    assert read(tmp_path, table).actual["hall"].min() == 0.0
    sources = read(tmp_path, table.drop(index=at))
    assert sources.lacking == {"hall": "nothing at 2024-03-20T12:00Z"}


def test_what_the_network_leaves_out_is_said_beside_the_plan(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        "buses: [{name: up, voltage_kv: 10}, {name: hall, voltage_kv: 10}]\n"
        "source: {bus: up, short_circuit_mva: 500}\n"
        "lines: [{name: C, from_bus: up, to_bus: hall, length_km: 1, r_ohm_per_km: 0.1, x_ohm_per_km: 0.1, "
        "ampacity_a: 400000}]\n",
        encoding="utf-8",
    )
    measured("2024-03-30").to_csv(tmp_path / "measured.csv", index=False)
    site = load_site(write(tmp_path, park(grid={"network": "feeder:own.yaml", "bus_of": {"main": "hall"}})))
    (note,) = gather(site, DAY, tmp_path).notes
    assert note == "network: lines with a max_i_ka above 50 (is it in A?), so that nothing limits their current: 'C'"
