from __future__ import annotations

import pytest

from tests.pages import outputs_that_hold


@pytest.mark.slow
def test_what_the_page_shows_is_what_its_code_prints() -> None:
    assert outputs_that_hold("vpp.md") == 5
