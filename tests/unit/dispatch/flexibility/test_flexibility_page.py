"""The page on flexibility: every block is run, and prints what the page says."""

from __future__ import annotations

from tests.pages import outputs_that_hold


def test_the_page_says_what_its_code_prints() -> None:
    assert outputs_that_hold("flexibility.md") >= 4
