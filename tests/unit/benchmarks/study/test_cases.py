from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import __main__ as command
from benchmarks.cases import folder as case_folders
from benchmarks.cases.folder import FOLDERS, find, names
from benchmarks.cases.series import lay
from benchmarks.study.checking import check
from dispatch.errors import ConfigError, DataError
from dispatch.replay import Settings

HOURLY = Settings(every_h=1.0, methods=())


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A folder of cases with one of the user's own."""
    shutil.copytree(FOLDERS / "two_prices", tmp_path / "my_works")
    return tmp_path


def test_a_dropped_folder_is_found_and_holds(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "my_works" in names(mine)
    assert "my_works" not in names()
    assert command.main(["cases", "my_works", "--cases", str(mine)]) == 0
    assert capsys.readouterr().out.count("holds") == 3


def test_a_published_figure_that_does_not_hold_is_status_1(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = mine / "my_works" / "case.yaml"
    file.write_text(file.read_text("utf-8").replace("value: 960", "value: 961"), "utf-8")
    assert command.main(["cases", str(mine / "my_works")]) == 1
    assert "off by 1.0e-03" in capsys.readouterr().out, "960 is 1/961 from 961"


def test_one_reason_of_many_cells_is_told_once(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = mine / "my_works" / "actuals.csv"
    path.write_text(path.read_text("utf-8").replace("works", "work"), "utf-8")
    assert command.main(["cases", "my_works", "--cases", str(mine)]) == 2
    told = capsys.readouterr().err
    assert told.count("column 'work' is no asset") == 1
    assert "-rule_based-any, " in told


def test_parks_that_ship_are_cases_by_their_names() -> None:
    assert {"yizhuang", "ordos", "campus"} <= set(names())
    assert find("yizhuang").days is None


def test_a_name_that_is_none_names_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["cases", "two_price"]) == 2
    assert "did you mean 'two_prices'?" in capsys.readouterr().err


def test_all_mistakes_of_a_case_at_once(mine: Path) -> None:
    own = mine / "my_works"
    (own / "actuals.csv").unlink()
    (own / "park.yaml").unlink()
    file = own / "case.yaml"
    file.write_text(file.read_text("utf-8").replace("method: perfect", "method: best"), "utf-8")
    with pytest.raises(ConfigError) as raised:
        find("my_works", mine)
    assert {problem.path for problem in raised.value.problems} == {"actuals", "park", "published[1].method"}


def test_a_wrong_folder_is_listed_with_what_is_wrong(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(mine / "my_works", mine / "good_works")
    (mine / "my_works" / "case.yaml").write_text("title: only that\n", "utf-8")
    for name, file, word in (("bad_park", "park.yaml", "kind: load"), ("bad_metric", "case.yaml", "metric: bill")):
        shutil.copytree(mine / "good_works", mine / name)
        path = mine / name / file
        path.write_text(path.read_text("utf-8").replace(word, word + "s"), "utf-8")
    assert command.main(["cases", "--cases", str(mine)]) == 1
    told = capsys.readouterr()
    assert all(name in told.out for name in ("two_prices", "good_works", "yizhuang"))
    assert not any(name in told.out for name in ("my_works", "bad_park", "bad_metric"))
    assert "assets[0].kind" in told.err
    assert "bad_metric: published: no metric bills; accepted: objective, cost" in told.err
    assert all(f"{key}: is missing" in told.err for key in ("source", "licence", "days"))


def test_a_column_that_is_no_asset_is_a_mistake(mine: Path) -> None:
    path = mine / "my_works" / "actuals.csv"
    path.write_text(path.read_text("utf-8").replace("works", "work"), "utf-8")
    found = find("my_works", mine)
    assert found.days is not None
    with pytest.raises(DataError, match=r"column 'work' is no asset.*works"):
        lay(found, found.days, HOURLY)


def test_forecasts_come_with_their_times_of_issue_and_scenarios() -> None:
    found = find("cloudy_days")
    assert found.days is not None
    laid = lay(found, found.days, HOURLY)
    assert laid.given
    first = laid.case.issued[0]
    assert first.issue_s == np.datetime64("2024-06-02T18:00", "s").astype(int)
    assert first.weights == pytest.approx([0.5, 0.25, 0.25])
    assert first.paths["roof"].shape == (2, first.central["roof"].size)
    assert (first.paths["roof"][0] >= first.central["roof"]).all()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda text: text.replace("roof", "root", 1), "no column 'roof'"),
        (lambda text: "\n".join(text.splitlines()[:5] + text.splitlines()[6:]), "its steps are not those of 60 min"),
        (lambda text: text.replace(",90,", ",,", 1), "'works' has steps without a number"),
    ],
)
def test_a_forecast_that_is_none_says_where(tmp_path: Path, change: Callable[[str], str], told: str) -> None:
    own = tmp_path / "case"
    shutil.copytree(FOLDERS / "cloudy_days", own)
    path = own / "forecasts.csv"
    path.write_text(change(path.read_text("utf-8")), "utf-8")
    found = find(str(own))
    assert found.days is not None
    with pytest.raises(DataError, match=told):
        lay(found, found.days, HOURLY)


def test_any_file_of_the_folder_changes_the_digest(mine: Path) -> None:
    before = find("my_works", mine).digest()
    (mine / "my_works" / "note.txt").write_text("x", "utf-8")
    assert find("my_works", mine).digest() != before


def test_a_park_without_days_of_its_own_asks_for_them() -> None:
    found = replace(find("two_prices"), file=None, folder=None)
    with pytest.raises(DataError, match="has no days of its own"):
        check(found, None)


def test_the_schema_is_that_of_the_file() -> None:
    assert set(case_folders.schema()["properties"]) >= {"title", "source", "licence", "days", "published"}
