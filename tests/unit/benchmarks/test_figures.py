"""No figure in the README or the documents that a command does not print."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import figures, manifests
from benchmarks.figures import Figure, Mark, Shown
from benchmarks.rows import CannotMeasure, Measurement, Row


def found(tmp_path: Path, text: str) -> list[Figure]:
    page = tmp_path / "page.md"
    page.write_text(text, "utf-8")
    return figures.figures(page)


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("It plans in 12 s.", 12, "s"),
        ("Starts in about half a second.", 0.5, "second"),
        ("a tenth of a second", 0.1, "second"),
        ("done within a second", 1, "second"),
        ("It is 3.5 times faster.", 3.5, "times"),
        ("needs 2.5 GB", 2.5, "gb"),
        ("errors of 4 %", 4, "%"),
        ("10 000 sites are planned", 10_000, "sites"),
        ("ten thousand sites", 10_000, "sites"),
        ("lower on four of five markets", 4, "of five"),
        ("takes 25 minutes", 25, "minutes"),
        ("costs 12.50 EUR", 12.5, "eur"),
        ("用时 3 秒", 3, "秒"),
    ],
)
def test_what_looks_measured(tmp_path: Path, text: str, value: float, unit: str) -> None:
    (figure,) = found(tmp_path, text)
    assert (figure.value, figure.unit, figure.mark, figure.line) == (value, unit, None, 1)


@pytest.mark.parametrize(
    "text",
    [
        "`--seconds 30 s` and\n\n```\nran 12 s\n```\n",
        "## 12 s\n",
        "[a page](docs/12 s.md), https://example.org/12 s",
        "a plan of 24 hours at 15 minutes for 3 sites",
        "The lease is `PARKWATT_JOB_LEASE_S` (15 s).",
        "RFC 9457, Python 3.11, park A, 20 kV, 260 kWh/kVA, quarter-hours, one of two",
    ],
)
def test_what_does_not(tmp_path: Path, text: str) -> None:
    assert found(tmp_path, text) == []


def test_a_mark_holds_up_to_the_one_before_and_not_beyond_its_paragraph(tmp_path: Path) -> None:
    first = 'In 1 s or 2 s<!-- given: a setting --> or\n3 s<!-- shown by: spine "main\n  job" × 100 -->, and 4 s.'
    text = f"{first}\n\n- 5 s\n- 6 s<!-- given: too far away -->"
    marks = [(figure.value, figure.mark and figure.mark.kind, figure.line) for figure in found(tmp_path, text)]
    assert marks == [(1, "given", 1), (2, "given", 1), (3, "shown by", 2), (4, None, 3), (5, None, 5), (6, "given", 6)]
    rows = [figure.mark.rows for figure in found(tmp_path, text) if figure.mark is not None]
    assert rows[2] == (Shown("spine", "main job", 100.0),)


@pytest.mark.parametrize(
    ("kind", "text", "wrong"),
    [
        ("shown by", 'spine "main job"', ""),
        ("shown by", 'spine "main jobs"', "spine has no row"),
        ("shown by", 'speed "main job"', "no topic 'speed'"),
        ("shown by", "spine main job", "names no row"),
        ("printed by", "python -m benchmarks.baselines", ""),
        ("printed by", "python -m benchmarks.nothing", "no module"),
        ("printed by", "make bench", ""),
        ("printed by", "make coffee", "no target"),
        ("printed by", "by hand", "expected python"),
        ("given", "so", "too little"),
    ],
)
def test_a_mark_names_what_is_there(kind: figures.Kind, text: str, wrong: str) -> None:
    said = figures.where_from(Mark(kind, text))
    assert wrong in said
    assert bool(said) == bool(wrong)


def test_every_figure_says_where_it_comes_from() -> None:
    every = [figure for page in figures.documents() for figure in figures.figures(page)]
    assert len({figure.path for figure in every}) > 5
    missing = [figure.place for figure in every if figure.mark is None]
    assert missing == [], "a figure needs a mark, see benchmarks/figures.py"
    wrong = {f"{x.place}: {figures.where_from(x.mark)}" for x in every if x.mark and figures.where_from(x.mark)}
    assert wrong == set()


def row(value: float, unit: str) -> Row:
    return Row("main job", value, unit, None, None, "<= 180", True, 1.0, "measured")


@pytest.mark.parametrize(
    ("text", "unit", "value", "right"),
    [
        ("100 s", "s", 110.0, True),
        ("100 s", "s", 190.0, False),
        ("100 s", "x", 190.0, True),
        ("under 2 seconds", "s", 0.1, True),
        ("within 2 seconds", "s", 2.1, False),
    ],
)
def test_a_figure_is_held_to_its_row(tmp_path: Path, text: str, unit: str, value: float, right: bool) -> None:
    (figure,) = found(tmp_path, f'It takes {text}<!-- shown by: spine "main job" -->.')
    said = figures.contradicted(figure, lambda _: row(value, unit))
    assert (said == "") == right


@pytest.mark.slow
def test_figures_are_what_the_manifests_hold() -> None:
    def known(measurement: Measurement) -> Row:
        kept = manifests.entry(measurement)
        return kept.row if kept is not None else measurement.blank("not measured")

    every = [figure for page in figures.documents() for figure in figures.figures(page)]
    assert [said for figure in every if (said := figures.contradicted(figure, known))] == []


@pytest.mark.slow
def test_the_table_of_baselines_is_the_one_that_is_printed() -> None:
    from benchmarks import baselines

    try:
        printed = baselines.lines()
    except CannotMeasure as reason:
        pytest.skip(str(reason))
    page = figures.MARK.sub("", (figures.ROOT / "docs" / "markets.md").read_text("utf-8"))
    assert "\n".join(printed) in page
