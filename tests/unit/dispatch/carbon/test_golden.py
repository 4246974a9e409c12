"""The published cases, each number of them, by the calls that the page on carbon shows."""

from __future__ import annotations

import pytest

from benchmarks.topics.carbon import golden

CASES = golden.CASES


@pytest.mark.parametrize("name", CASES)
@pytest.mark.usefixtures("shared")
def test_a_published_case_is_met_number_by_number(name: str) -> None:
    found = list(CASES[name](golden.published(name)))
    told = {what for what, _, _ in found}
    assert told == golden.TOLD[name], "a number of the case is not looked at"
    for what, value, printed in found:
        assert golden.places(value, printed) <= 1.0, f"{name}, {what}: {value} for {printed}"


@pytest.mark.usefixtures("shared")
def test_another_number_than_the_printed_one_is_seen() -> None:
    assert golden.places(0.57052023, "0.57052023") <= 1.0
    assert golden.places(0.57052029, "0.57052023") > 1.0
    assert golden.places(19.001, "19.0") > 1.0
