"""Options that are finite to Python and to nobody else end before anything is done."""

from __future__ import annotations

import pytest

from tests.unit.dispatch.typed import Run, refused, run

__all__ = ["run"]


@pytest.mark.parametrize("value", ["inf", "nan", "1e300", "-1"])
@pytest.mark.parametrize(
    "words",
    [
        ("keys", "create", "acme", "--all", "--expires-days"),
        ("keys", "rotate", "key_x", "--overlap-minutes"),
        ("bill", "yizhuang", "--meter", "m.csv", "--kva"),
        ("bill", "yizhuang", "--meter", "m.csv", "--past-peak"),
    ],
)
def test_an_option_has_an_end(run: Run, words: tuple[str, ...], value: str) -> None:
    refused(run(*words, value), words[-1], "than or equal to")
