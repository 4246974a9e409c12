"""Ticks against the clock of the time-zone database, numbers as they are read, colours as they are seen."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.report import wording
from dispatch.report.clock import step_labels, ticks
from dispatch.report.colours import HUES, Colour, assign, hue_of, shade
from dispatch.report.pictures import edges_h
from tests.unit.dispatch.report_example import example

# Machado, Oliveira & Fernandes 2009, severity 1.0, for linear RGB; and the full view.
VIEWS = {
    "full": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}


@pytest.mark.parametrize(
    ("day", "zone"),
    [
        ("2025-06-14", "Asia/Shanghai"),
        ("2025-03-30", "Europe/Berlin"),
        ("2025-10-26", "Europe/Berlin"),
        ("2025-04-06", "Australia/Lord_Howe"),  # the clock changes by half an hour
    ],
)
def test_ticks_show_the_clock_on_the_wall(day: str, zone: str) -> None:
    data = example(day, zone)
    midnight = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).astimezone(ZoneInfo("UTC"))
    for one in ticks(data):
        for elapsed_h, label in one:
            assert label == f"{(midnight + timedelta(hours=elapsed_h)).astimezone(ZoneInfo(zone)):%H:%M}"


def test_the_hour_that_does_not_exist_is_not_on_the_axis() -> None:
    two_hourly, three_hourly = ticks(example("2025-03-30", "Europe/Berlin"))[:2]
    assert two_hourly[:3] == ((0.0, "00:00"), (3.0, "04:00"), (5.0, "06:00"))
    assert three_hourly[:3] == ((0.0, "00:00"), (2.0, "03:00"), (5.0, "06:00"))
    labels = step_labels(example("2025-03-30", "Europe/Berlin"))
    assert labels[7:9] == ("01:45–03:00", "03:00–03:15")


def test_the_hour_that_comes_twice_is_labelled_twice() -> None:
    labels = step_labels(example("2025-10-26", "Europe/Berlin"))
    assert sum(label.startswith("02:00") for label in labels) == 2
    assert labels[-1] == "23:45–00:00"


@given(hours=st.lists(st.sampled_from([1 / 12, 0.25, 0.5, 1.0, 4.0, 24.0]), min_size=1, max_size=60).map(tuple))
@settings(max_examples=30, deadline=None)
def test_ticks_of_any_steps_rise_inside_the_horizon(hours: tuple[float, ...]) -> None:
    data = example(step_h=hours)
    sets = ticks(data)
    assert sets
    assert all(len(one) <= 17 for one in sets)
    for one in sets:
        places = [place for place, _ in one]
        assert all(0 <= place <= edges_h(data)[-1] + 1e-5 for place in places)
        assert all(a < b for a, b in pairwise(places))


def test_long_horizons_name_the_days() -> None:
    data = example(step_h=(1.0,) * 48)
    assert "15 Jun" in {label for _, label in ticks(data)[0]}
    assert step_labels(data)[24] == "15 Jun 00:00–01:00"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (wording.number(1234567.0), "1\u202f234\u202f567"),
        (wording.number(-1234.5, 1), "−1\u202f234.5"),
        (wording.number(-0.001, 1), "0.0"),
        (wording.number(math.nan), "–"),
        (wording.number(math.inf), "–"),
        (wording.adaptive(None), "–"),
        (wording.energy(9_999.0), "9\u202f999 kWh"),
        (wording.energy(12_340.0), "12.3 MWh"),
        (wording.energy(math.nan), "– kWh"),
        (wording.mass(23_410.0), "23.4 t"),
        (wording.mass(12.0), "12.0 kg"),
        (wording.percent(0.5321), "53.2 %"),
        (wording.percent(None), "–"),
        (wording.change(90.0, 100.0), "−10.0 %"),
        (wording.change(-90.0, -100.0), "+10.0 %"),
        (wording.change(1.0, 0.0), "–"),
        (wording.duration(0.75), "45 min"),
        (wording.duration(31.0), "31.0 h"),
        (wording.duration(None), "–"),
    ],
)
def test_numbers_read_well(text: str, wanted: str) -> None:
    assert text == wanted


@given(value=st.floats(-1e9, 1e9), decimals=st.integers(0, 4))
def test_a_number_reads_back(value: float, decimals: int) -> None:
    text = wording.number(value, decimals).replace("\u202f", "").replace("−", "-")
    assert float(text) == pytest.approx(value, abs=0.5 * 10**-decimals * (1 + 1e-6), rel=1e-12)


# ---- colours


def _oklab(colour: str, view: np.ndarray) -> np.ndarray:
    """OKLab (B. Ottosson, 2020) of an sRGB colour seen through a colour-vision matrix."""
    srgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    to_cones = [[0.41222, 0.53633, 0.05145], [0.21190, 0.68070, 0.10740], [0.08830, 0.28172, 0.62998]]
    cones = np.cbrt(np.array(to_cones) @ np.clip(view @ linear, 0, 1))
    to_lab = [[0.21045, 0.79362, -0.00407], [1.97800, -2.42859, 0.45059], [0.02590, 0.78277, -0.80868]]
    return np.array(to_lab) @ cones


@pytest.mark.parametrize(
    ("view", "least"),
    [("full", 0.09), ("protanopia", 0.06), ("deuteranopia", 0.06), ("tritanopia", 0.045)],
)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_hues_stay_apart_for_every_eye(scheme: str, view: str, least: float) -> None:
    seen = {name: _oklab(getattr(hue, scheme), VIEWS[view]) for name, hue in HUES.items()}
    distances = {
        (one, other): float(np.linalg.norm(seen[one] - seen[other])) for one in seen for other in seen if one < other
    }
    closest = min(distances, key=lambda pair: distances[pair])
    assert distances[closest] >= least, closest


@pytest.mark.parametrize(
    ("name", "kind", "hue"),
    [
        ("anything", "wind", "wind"),
        ("wind_1", "", "wind"),
        ("east roof", "pv", "pv"),
        ("pv2", "", "pv"),
        ("Li battery", "", "storage"),
        ("h2 tank", "", "hydrogen"),
        ("x", "electrolyser", "hydrogen"),
        ("x", "heat_pump", "heat pump"),
        ("x", "grid_connection", "grid"),
        ("x", "thermal_unit", "thermal unit"),
        ("x", "ev_fleet", "vehicles"),
        ("pv curtailed", "", "lost"),
    ],
)
def test_a_kind_has_its_hue(name: str, kind: str, hue: str) -> None:
    assert hue_of(name, kind) == HUES[hue]


def test_one_name_has_one_colour_and_one_kind_several_shades() -> None:
    names = [(f"wind_{i}", "wind") for i in range(6)]
    chosen = assign([*names, ("wind_0", "")])
    assert chosen["wind_0"] == HUES["wind"]
    assert len({colour.light for colour in chosen.values()}) == 6
    assert assign(names[:2])["wind_1"] == chosen["wind_1"]


def test_an_unknown_kind_keeps_its_colour() -> None:
    assert hue_of("q", "kettle") == hue_of("another", "kettle")
    assert isinstance(hue_of("", ""), Colour)


def test_shade_moves_towards_white_and_black() -> None:
    assert shade("#808080", 1.0) == "#ffffff"
    assert shade("#808080", -0.5) == "#404040"
    assert shade("#123456", 0.0) == "#123456"
