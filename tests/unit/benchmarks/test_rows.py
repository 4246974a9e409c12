from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.rows import Bar, CannotMeasure, Measured, Measurement, Register, Value
from benchmarks.topics import TOPICS, measurements


def measurement(answer: Measured | Value | Exception, bar: str = "<= 3") -> Measurement:
    def function() -> Measured | Value:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return Measurement("spine", "a row", "s", bar, slow=False, inputs=(), function=function)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("<= 3", 3, 3.1),
        (">= 0.5", 0.5, 0.4),
        ("< 3", 2.9, 3),
        ("> 0", 1, 0),
        ("== 5", 5, 4),
        ("== 1", True, False),
    ],
)
def test_a_bar_holds_on_its_own_side_only(text: str, inside: float, outside: float) -> None:
    assert Bar.parse(text).holds(inside)
    assert not Bar.parse(text).holds(outside)


@pytest.mark.parametrize("text", ["3", "about 3", "<= three", "<=3", ""])
def test_a_bar_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"bar|float"):
        Bar.parse(text)


def test_no_number_holds_when_it_is_not_one() -> None:
    assert not Bar.parse("<= 3").holds(float("nan"))
    assert not Bar.parse(">= 3").holds(float("nan"))


def test_a_measured_row_carries_its_ratio_to_the_reference() -> None:
    row = measurement(Measured(2.0, reference=8.0)).measure()
    assert (row.value, row.reference, row.ratio, row.holds, row.state) == (2.0, 8.0, 0.25, True, "measured")
    assert row.seconds is not None
    assert row.seconds >= 0


def test_a_row_over_its_bar_does_not_hold() -> None:
    assert measurement(3.5).measure().holds is False


def test_a_missing_tool_leaves_the_row_open_and_says_why() -> None:
    row = measurement(CannotMeasure("no browser")).measure()
    assert (row.value, row.holds, row.state, row.note) == (None, None, "not measured", "no browser")


def test_a_broken_measurement_does_not_hold_and_names_the_error() -> None:
    row = measurement(RuntimeError("the plan ended with 2")).measure()
    assert (row.value, row.holds, row.state) == (None, False, "failed")
    assert row.note == "RuntimeError: the plan ended with 2"


def test_the_register_keeps_topics_apart_and_names_unique() -> None:
    register = Register()
    register.row("spine", name="one", unit="s", bar="<= 1")(lambda: 1)
    register.row("grid", name="one", unit="s", bar="<= 1", slow=True, inputs=("configs",))(lambda: 1)
    assert [m.name for m in register.of("spine")] == ["one"]
    assert register.of("grid")[0].slow
    assert register.of("carbon") == []
    with pytest.raises(ValueError, match="two rows are called 'one'"):
        register.row("spine", name="one", unit="s", bar="<= 1")
    with pytest.raises(ValueError, match="expected one of <="):
        register.row("spine", name="two", unit="s", bar="fast")


def test_what_makes_a_row_stale_is_there(repository: Path) -> None:
    """A path that was moved away would never change again, and the row would never be stale."""
    lost = {
        (topic, one.name, path)
        for topic in TOPICS
        for one in measurements(topic)
        for path in one.inputs
        if not (repository / path).exists()
    }
    assert lost == set()
