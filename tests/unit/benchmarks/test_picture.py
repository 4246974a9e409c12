"""The picture that the README shows is of the plan that the main job makes today."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import picture


@pytest.mark.timeout(600)
def test_the_picture_says_what_todays_plan_says(planned_park: Path) -> None:
    said = json.loads(picture.SAID.read_text(encoding="utf-8"))
    assert said["shown"] == picture.shown(planned_park / "report.html"), "make pictures draws it anew"


def test_what_is_said_is_of_the_picture_that_lies_beside_it() -> None:
    said = json.loads(picture.SAID.read_text(encoding="utf-8"))
    assert said["picture_sha256"] == picture.hashed(picture.TARGET), "make pictures writes both"


def test_lamps_and_key_figures_are_read_as_a_person_reads_them(tmp_path: Path) -> None:
    report, drawn, said = tmp_path / "report.html", tmp_path / "drawn.png", tmp_path / "said.json"
    lamps = '<ul class="lamps" aria-label="x">\n<li><i class="icon">✓</i><span>Gap</span><b>0.00&nbsp;%</b></li>\n</ul>'
    figures = '<ul class="figures"><li><span>Cost</span><span>13\u202f884<small> CNY</small></span></li></ul>'
    report.write_text(lamps + figures + "<ul><li>else</li></ul>", encoding="utf-8")
    drawn.write_bytes(b"pixels")
    picture.note(report, drawn, said)
    assert json.loads(said.read_text(encoding="utf-8")) == {
        "picture_sha256": picture.hashed(drawn),
        "shown": ["Gap 0.00 %", "Cost 13 884 CNY"],
    }
