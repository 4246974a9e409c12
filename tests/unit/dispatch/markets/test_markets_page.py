"""The page on markets prints what it says."""

from __future__ import annotations

from tests.pages import outputs_that_hold


def test_the_page_on_markets_prints_what_it_says() -> None:
    assert outputs_that_hold("markets.md") == 2
