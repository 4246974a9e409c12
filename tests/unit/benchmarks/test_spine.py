from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from benchmarks.cases import commitment, mistakes
from benchmarks.topics import spine


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("first", "second"):
        (tmp_path / name / "inner").mkdir(parents=True)
        (tmp_path / name / "inner" / "a").write_text("1")
    return tmp_path / "first", tmp_path / "second"


def test_equal_folders_do_not_differ(pair: tuple[Path, Path]) -> None:
    assert spine.differing(*pair) == []


def test_a_changed_byte_and_a_missing_file_differ(pair: tuple[Path, Path]) -> None:
    (pair[0] / "inner" / "a").write_text("2")
    (pair[1] / "only_here").touch()
    assert spine.differing(*pair) == ["inner/a", "only_here"]


def test_wall_times_may_differ(pair: tuple[Path, Path]) -> None:
    (pair[0] / "timings.json").write_text("1")
    (pair[1] / "timings.json").write_text("2")
    assert spine.differing(*pair) == []


def test_two_empty_folders_are_no_proof(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="wrote no file"):
        spine.differing(tmp_path, tmp_path)


def test_the_fleet_is_the_same_every_time_and_can_serve_its_demand() -> None:
    one, two = commitment.fleet(), commitment.fleet()
    assert all(np.array_equal(getattr(one, f.name), getattr(two, f.name)) for f in fields(one))
    assert one.maximum_kw.shape == (610,)
    assert one.demand_kw.shape == (48,)
    assert (one.minimum_kw < one.maximum_kw).all()
    assert (one.demand_kw + one.reserve_kw).max() < one.maximum_kw.sum()
    running = one.on_before > 0
    assert one.minimum_kw[running].sum() < one.demand_kw[0] < one.maximum_kw[running].sum()


def test_the_config_with_mistakes_is_where_it_says(tmp_path: Path) -> None:
    assert len(mistakes.PLACES) == 5
    assert mistakes.write(tmp_path).read_text("utf-8") == mistakes.CONFIG
