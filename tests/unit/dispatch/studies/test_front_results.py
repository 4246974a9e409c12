"""A front as files and pictures, and the command from park to page."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from dispatch.front import Front, front
from dispatch.front.risk import Missing, missing
from dispatch.report.drawings import Curve, Spot, places
from dispatch.report.wording import number
from dispatch.studies.front_results import (
    cost_picture,
    files,
    page,
    price_picture,
    rows,
    section,
    summary,
    tonne_decimals,
    write_all,
)
from tests.unit.dispatch.front.test_front import problem_of, two_sources
from tests.unit.dispatch.small_park import measured, park, write
from tests.unit.dispatch.typed import Run, refused, run

__all__ = ["run"]  # a fixture


@cache
def made() -> Front:
    return front(problem_of(two_sources()), 4)


@cache
def risk() -> Missing:
    plans = np.array([[p.co2_t] for p in (*made().points, made().chosen)])
    return missing(2.0, 0.6, plans, [1.0], [0.1, 0.2, 0.3, 0.2, 0.1, 0.25], 5)


def test_all_three_files_say_the_same(tmp_path: Path) -> None:
    problem = problem_of(two_sources())
    write_all(made(), problem.site, problem.horizon, tmp_path, risk())
    table = pq.read_table(tmp_path / "front.parquet")
    with (tmp_path / "front.csv").open(newline="", encoding="utf-8") as file:
        plain = list(csv.DictReader(file))
    told = json.loads((tmp_path / "front.json").read_text(encoding="utf-8"))
    assert [row["point"] for row in plain] == ["1", "2", "3", "4", "chosen"]
    for name in ("co2_t", "cost", "price_per_t", "missing_probability"):
        np.testing.assert_allclose([float(row[name]) for row in plain], table[name].to_numpy())
        np.testing.assert_allclose([row[name] for row in told["points"]], table[name].to_numpy())
    assert table.schema.field("price_per_t").metadata == {b"unit": b"EUR/t CO2"}
    assert told["month"]["confidence"] == 0.9
    assert told["chosen_by"].startswith("the park's own carbon price of 40")
    assert plain[0]["cap_t"] == ""
    assert float(plain[1]["slope_to_cleaner_per_t"]) == pytest.approx(250, rel=1e-3)


def test_the_same_front_gives_the_same_bytes_and_without_a_cap_no_month() -> None:
    assert [f.content for f in files(made())] == [f.content for f in files(made())]
    assert "month" not in summary(made())
    assert "missing_low" not in rows(made())[0]


def test_the_page_holds_the_files_and_marks_the_chosen_point() -> None:
    problem = problem_of(two_sources())
    text = page(made(), problem.site, problem.horizon, risk())
    links = dict(re.findall(r'download="([^"]+)" href="data:[^;]+;base64,([^"]+)"', text))
    for file in files(made(), risk()):
        assert base64.b64decode(links[file.name]) == file.content
    assert "<script" not in text
    assert ">chosen</text>" in text
    assert "The month misses its cap" in text
    assert len(list(csv.reader(io.StringIO(base64.b64decode(links["front.csv"]).decode())))) == 6


def test_pictures_hold_every_point_and_say_what_is_outside() -> None:
    picture = cost_picture(made())
    inside = [one for one in made().references if one.name not in picture.about]
    assert len(picture.dots) == 4 + 1 + len(inside)
    assert [dot.name for dot in picture.dots][-1] == "chosen"
    for dot in picture.dots:
        assert picture.left - 1 <= dot.x <= picture.right + 1
        assert picture.top - 1 <= dot.y <= picture.bottom + 1
    (price,) = price_picture(made())
    assert len(price.dots) == 3 + 1
    assert section(made()).tables[0].columns == (
        *("Point", "t CO₂", "Cost [EUR]", "Last tonne [EUR/t]", "To the next [EUR/t]", "Gap", "Whole numbers"),
    )


def test_points_of_a_short_front_do_not_look_the_same() -> None:
    """A front of a few kilograms is told to some grams."""
    cheapest = made().points[0]
    assert tonne_decimals(made()) == 3
    near = replace(made(), points=(cheapest, replace(cheapest, co2_t=cheapest.co2_t - 0.002)))
    assert tonne_decimals(near) == 5


def test_decades_are_powers_of_ten_and_a_spot_lies_where_its_logarithm_says() -> None:
    line = Curve("one", "#000000", (1.0, 2.0), (3.0, 4000.0))
    spots = [Spot(1.5, value, "#000000", "") for value in (10.0, 100.0, 1000.0)]
    drawn = places("t", "a", ("x", "y"), (line,), spots, decades=True)
    assert [mark.text for mark in drawn.y_marks] == ["1", "10", "100", number(1e3), number(1e4)]
    first, second, third = (dot.y for dot in drawn.dots)
    assert first - second == pytest.approx(second - third, abs=0.11)
    assert [dot.y for dot in drawn.dots] == [drawn.y_marks[k].at for k in (1, 2, 3)]


@pytest.fixture
def trading(tmp_path: Path) -> Path:
    """A park of two sources with two weeks of history."""
    unit = {"kind": "thermal", "name": "clean", "bus": "main", "min_kw": 0, "max_kw": 90}
    own = park()
    own["assets"].append(unit | {"cost_per_kwh": 0.4, "co2_kg_per_kwh": 0.05})
    path = write(tmp_path, own)
    measured("2024-03-13").to_csv(tmp_path / "measured.csv", index=False)
    return path


def test_from_a_park_to_a_page_with_the_month(run: Run, trading: Path, tmp_path: Path) -> None:
    out = tmp_path / "found"
    ended = run("front", trading, "--day", "2024-03-14", "--points", "4", "--into", out,
                "--price", "500", "--month", "5", "12")  # fmt: skip
    assert ended.status == 0, ended.err
    assert {path.name for path in out.iterdir()} == {"front.html", "front.csv", "front.json", "front.parquet"}
    told = json.loads((out / "front.json").read_text(encoding="utf-8"))
    assert told["chosen_by"] == "a carbon price of 500 EUR/t"
    # No point is better where a tonne costs 500.
    worth = [row["cost"] + 500 * row["co2_t"] for row in told["points"]]
    assert worth[-1] <= min(worth) + 1e-4 * abs(worth[-1])
    assert told["points"][1]["price_per_t"] == pytest.approx(400, rel=1e-2)
    assert told["month"]["days_left"] == 17
    assert 0 <= told["points"][0]["missing_probability"] <= 1
    assert "the month misses its cap of 12 t" in ended.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--points", "2"), "a front has at least 3"),
        (("--choose", "1", "--price", "2"), "--choose 1 and --price 2: give one of them"),
        (("--month", "-1", "9"), "--month -1: must be a number of at least 0"),
        (("--price", "-3"), "--price -3: must be a number of at least 0"),
    ],
)
def test_options_that_do_not_fit_are_refused(run: Run, trading: Path, options: tuple[str, ...], said: str) -> None:
    refused(run("front", trading, *options), said)


def test_a_cap_that_nothing_reaches_is_refused_with_what_can_be(run: Run, trading: Path) -> None:
    ended = run("front", trading, "--day", "2024-03-14", "--points", "3", "--choose", "0.01")
    assert ended.status == 2
    assert "no plan emits so little; accepted: 0." in ended.err


def test_a_plans_report_has_the_front_when_asked(run: Run, trading: Path, tmp_path: Path) -> None:
    ended = run("plan", trading, "--day", "2024-03-14", "--out", tmp_path / "with", "--front")
    assert ended.status == 0, ended.err
    text = (tmp_path / "with" / "report.html").read_text(encoding="utf-8")
    assert "What a tonne less costs" in text
    assert ">chosen</text>" in text
    assert 'download="front.parquet"' in text
    run("plan", trading, "--day", "2024-03-14", "--out", tmp_path / "without")
    assert "What a tonne less costs" not in (tmp_path / "without" / "report.html").read_text(encoding="utf-8")
