"""How figures are written in sentences."""

from __future__ import annotations

import math

import pytest

from dispatch.explain.figures import figure


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (24_812.3, "24,810"),  # a power of ten in a format of four digits: 2.481e+04
        (123_456_789, "123,500,000"),
        (999.96, "1,000"),
        (-20.5, "-20.5"),
        (0.3, "0.3"),
        (0.000123456, "0.0001235"),
        (1e-17, "0"),
        (0, "0"),
        (math.nan, "–"),
    ],
)
def test_a_figure_has_four_digits_that_count_and_no_power_of_ten(value: float, text: str) -> None:
    assert figure(value) == text
