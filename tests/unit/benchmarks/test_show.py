from __future__ import annotations

import json

import pytest

from benchmarks import __main__ as command
from benchmarks import show_cli, topics
from benchmarks.rows import Measurement


def quick(name: str, value: float, topic: str = "spine") -> Measurement:
    return Measurement(topic, name, "s", "<= 1", slow=False, inputs=(), function=lambda: value)


@pytest.fixture
def two_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"spine": [quick("good", 0.5), quick("bad", 2.0)]}
    for module in (show_cli, topics):
        monkeypatch.setattr(module, "measurements", lambda topic: found.get(topic, []))


@pytest.mark.usefixtures("two_rows")
def test_the_table_shows_every_row_and_its_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["show", "spine"]) == 1
    shown = capsys.readouterr().out
    assert "good" in shown
    assert "does not hold" in shown
    assert "<= 1 s" in shown


@pytest.mark.usefixtures("two_rows")
def test_one_row_by_name_and_its_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["show", "spine", "good"]) == 0
    assert "bad" not in capsys.readouterr().out


@pytest.mark.usefixtures("two_rows")
def test_rows_by_what_their_names_have_in_common(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["show", "spine", "oo"]) == 0
    shown = capsys.readouterr().out
    assert "good" in shown
    assert "bad" not in shown


@pytest.mark.usefixtures("two_rows")
def test_json_is_for_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    command.main(["show", "--json"])
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [(row["topic"], row["name"], row["value"], row["holds"]) for row in rows] == [
        ("spine", "good", 0.5, True),
        ("spine", "bad", 2.0, False),
    ]
    assert set(rows[0]) >= {"unit", "reference", "ratio", "bar", "seconds", "state", "note"}


@pytest.mark.usefixtures("two_rows")
def test_a_topic_without_rows_says_so_and_lists_those_with(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command.main(["show", "carbon"]) == 0
    assert capsys.readouterr().err.strip() == "carbon: no rows. Topics with rows: spine."


@pytest.mark.usefixtures("two_rows")
def test_an_unknown_row_names_the_valid_ones() -> None:
    with pytest.raises(SystemExit, match=r"no row 'fine'\. Rows: 'good', 'bad'"):
        command.main(["show", "spine", "fine"])


def test_an_unknown_topic_names_the_valid_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["show", "speed"])
    assert "'spine', 'scheduler', 'assets'" in capsys.readouterr().err


def test_every_topic_module_registers_rows_under_its_own_name() -> None:
    assert "spine" in topics.with_rows()
    for topic in topics.with_rows():
        assert {m.topic for m in topics.measurements(topic)} == {topic}
