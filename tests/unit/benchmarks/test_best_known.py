"""The table of best-known numbers: only better ones get in, and none that contradicts another."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from benchmarks.__main__ import main
from benchmarks.best_known import table

NAME = "ca/2014-09-01_reserves_0"
DAY = date(2026, 1, 2)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"


def put(path: Path, name: str = NAME, **numbers: Any) -> table.Entry:
    return table.improve(name, **{"method": "first", "size": (48, 610), "on": DAY, "path": path} | numbers)


def test_what_is_put_in_is_read_back_to_the_last_digit(path: Path) -> None:
    made = put(path, bound=100.1 / 3, incumbent=33.5)
    assert table.read(path) == {NAME: made}
    assert made.bound == table.Found(100.1 / 3, "first", "2026-01-02")
    assert made.gap == pytest.approx((33.5 - 100.1 / 3) / 33.5)


def test_only_what_is_better_replaces_a_number_and_takes_its_method_along(path: Path) -> None:
    put(path, bound=90.0, incumbent=110.0)
    before = path.read_bytes()
    put(path, bound=89.0, incumbent=111.0, method="worse")
    put(path, bound=90.0, incumbent=110.0, method="later")
    assert path.read_bytes() == before, "who was first keeps it"
    better = put(path, bound=95.0, incumbent=112.0, method="second", on=date(2026, 3, 4))
    assert better.bound == table.Found(95.0, "second", "2026-03-04")
    assert better.incumbent == table.Found(110.0, "first", "2026-01-02")


def test_one_side_may_be_known_alone(path: Path) -> None:
    put(path, bound=90.0)
    assert math.isnan(table.read(path)[NAME].incumbent.value)
    assert math.isnan(table.read(path)[NAME].gap)
    assert put(path, incumbent=100.0).gap == pytest.approx(0.1)


def test_a_contradiction_is_refused_and_changes_nothing(path: Path) -> None:
    put(path, bound=90.0, incumbent=110.0)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"bound 111\.0 \(wrong\) is above the incumbent 110\.0 \(first\)"):
        put(path, bound=111.0, method="wrong")
    with pytest.raises(ValueError, match="above the incumbent"):
        put(path, incumbent=80.0)
    assert path.read_bytes() == before
    put(path, bound=110.0 * (1 + 1e-12))


@pytest.mark.parametrize("numbers", [{"bound": math.inf}, {"incumbent": math.nan}, {"bound": 1.0, "method": " "}])
def test_what_says_nothing_is_refused(path: Path, numbers: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=NAME):
        put(path, **numbers)
    assert not path.exists()


def test_the_table_is_in_order_and_the_same_however_it_was_filled(path: Path, tmp_path: Path) -> None:
    put(path, "rts/b", bound=1.0)
    put(path, "ca/a", bound=2.0)
    put(tmp_path / "other.csv", "ca/a", bound=2.0)
    put(tmp_path / "other.csv", "rts/b", bound=1.0)
    assert list(table.read(path)) == ["ca/a", "rts/b"]
    assert path.read_bytes() == (tmp_path / "other.csv").read_bytes()


def test_a_new_instance_brings_its_size_from_its_file(path: Path, shared: Path) -> None:
    made = put(path, "rts_gmlc/2020-01-27", bound=1.0, size=None)
    assert (made.steps, made.units) == (48, 73)


def test_a_person_sees_every_instance(path: Path) -> None:
    put(path, bound=1234.5, incumbent=1240.0)
    console = Console(record=True, width=160)
    table.show(console, path)
    text = console.export_text()
    assert all(part in text for part in (NAME, "1,234.500", "1,240.000", "0.444 %", "first 2026-01-02"))


def test_the_command_prints_the_kept_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["best-known"]) == 0
    shown = capsys.readouterr().out
    assert "best incumbent" in shown
    assert all(name in shown for name in table.read())


def test_the_kept_table_is_one_that_improve_writes(tmp_path: Path) -> None:
    kept = table.read()
    assert all(not entry.bound.value > entry.incumbent.value for entry in kept.values())
    table.write(kept, tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == table.TABLE.read_bytes()
