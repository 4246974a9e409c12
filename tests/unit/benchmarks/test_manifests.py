from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import manifests
from benchmarks.manifests import Key, digest, keep, recall
from benchmarks.rows import Measured, Measurement
from benchmarks.show import collect

KEY = Key(commit="c0ffee", changes="", lock="10c4", inputs="abcd")


def slow(bar: str = "<= 3", unit: str = "s") -> Measurement:
    return Measurement("spine", "slow one", unit, bar, slow=True, inputs=(), function=lambda: Measured(2.0, 4.0))


def test_what_was_kept_is_recalled(tmp_path: Path) -> None:
    keep(slow(), slow().measure(), KEY, tmp_path)
    row = recall(slow(), KEY, tmp_path)
    assert (row.value, row.reference, row.ratio, row.holds, row.state) == (2.0, 4.0, 0.5, True, "measured")


def test_what_was_never_measured_says_so_and_does_not_hold(tmp_path: Path) -> None:
    row = recall(slow(), KEY, tmp_path)
    assert (row.value, row.holds, row.state) == (None, None, "not measured")


@pytest.mark.parametrize(
    ("field", "name"),
    [("commit", "commit"), ("changes", "uncommitted changes"), ("lock", "lock"), ("inputs", "inputs")],
)
def test_any_change_makes_it_stale(tmp_path: Path, field: str, name: str) -> None:
    keep(slow(), slow().measure(), KEY, tmp_path)
    row = recall(slow(), replace(KEY, **{field: "other"}), tmp_path)
    assert (row.value, row.holds, row.state) == (2.0, None, "stale")
    assert row.note == f"since changed: {name}"


def test_a_bar_that_moved_judges_the_kept_value_anew(tmp_path: Path) -> None:
    keep(slow(), slow().measure(), KEY, tmp_path)
    row = recall(slow(bar="<= 1"), KEY, tmp_path)
    assert (row.holds, row.bar) == (False, "<= 1")


def test_a_unit_that_changed_makes_it_stale(tmp_path: Path) -> None:
    keep(slow(), slow().measure(), KEY, tmp_path)
    assert recall(slow(unit="ms"), KEY, tmp_path).state == "stale"


def test_a_kept_failure_stays_one(tmp_path: Path) -> None:
    def fails() -> float:
        raise RuntimeError("no plan")

    broken = replace(slow(), function=fails)
    keep(broken, broken.measure(), KEY, tmp_path)
    assert (recall(broken, KEY, tmp_path).holds, recall(broken, KEY, tmp_path).state) == (False, "failed")


def test_rows_of_one_topic_share_a_file(tmp_path: Path) -> None:
    other = replace(slow(), name="other")
    keep(slow(), slow().measure(), KEY, tmp_path)
    keep(other, other.measure(), KEY, tmp_path)
    assert [p.name for p in tmp_path.glob("*.json")] == ["spine.json"]
    assert recall(slow(), KEY, tmp_path).holds
    assert recall(other, KEY, tmp_path).holds


def test_a_digest_sees_names_contents_and_absence(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    first = digest([tmp_path])
    (tmp_path / "a").write_text("2")
    second = digest([tmp_path])
    (tmp_path / "a").rename(tmp_path / "b")
    third = digest([tmp_path])
    assert len({first, second, third, digest([tmp_path / "a"])}) == 4
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_bytes(b"x")
    assert digest([tmp_path]) == third


def test_slow_rows_are_measured_only_when_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifests, "key", lambda _: KEY)
    calls: list[str] = []

    def function() -> float:
        calls.append("measured")
        return 1.0

    measurement = replace(slow(), function=function)
    assert collect([measurement], fresh=False, folder=tmp_path)[0][1].state == "not measured"
    assert calls == []
    assert collect([measurement], fresh=True, folder=tmp_path)[0][1].holds
    assert collect([measurement], fresh=False, folder=tmp_path)[0][1].holds
    assert calls == ["measured"]


def test_the_key_tells_a_clean_tree_from_a_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifests, "ROOT", tmp_path)
    who = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org"]
    manifests.git("init", "--quiet")
    (tmp_path / "a").write_text("1")
    manifests.git("add", "a")
    manifests.git(*who, "commit", "--quiet", "-m", "one")
    clean = manifests.key(slow())
    assert len(clean.commit) == 40
    assert clean.changes == ""
    (tmp_path / "new").write_text("1")
    with_new = manifests.key(slow())
    (tmp_path / "a").write_text("2")
    changed = manifests.key(slow())
    assert len({clean.changes, with_new.changes, changed.changes}) == 3
