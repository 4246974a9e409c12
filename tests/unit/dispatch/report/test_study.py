"""The page of a study."""

from __future__ import annotations

import pytest

from dispatch.report.files import read
from dispatch.report.study import StudyPage, render_study


def test_a_name_from_right_to_left_leaves_what_follows_as_it_is() -> None:
    page = render_study(StudyPage("parkwatt: settlement", "\u202eab", "2026-03-30 to 2026-03-31", (), (), (), ()))
    assert "<bdi>\u202eab</bdi> · 2026-03-30 to 2026-03-31" in page


@pytest.mark.parametrize("name", ["study.html.j2", "fleet.html.j2", "page.html.j2"])
def test_footers_keep_names_apart(name: str) -> None:
    footer = read(name).split("<footer>")[1].split("</footer>")[0]
    assert footer.startswith("parkwatt · <bdi>{{")
