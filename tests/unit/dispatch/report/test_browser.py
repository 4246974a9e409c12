"""The page in a real browser, where there is one: quiet, steady, linked, and its CSV right."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dispatch.report import Balance, Line, render
from dispatch.report.colours import HUES
from tests.unit.dispatch.quiet_pages import quiet_pages
from tests.unit.dispatch.report_example import example, with_gaps

COUNT_SHIFTS = """
window.shift = 0;
new PerformanceObserver((list) => list.getEntries().forEach((one) => { window.shift += one.value; }))
  .observe({ type: "layout-shift", buffered: true });
"""


@pytest.fixture
def opened(chromium: Any, tmp_path: Path) -> Iterator[Any]:
    """Opens report data in a window; afterwards nothing may have complained or been fetched."""
    with quiet_pages(chromium, tmp_path, ("file:",)) as open_page:
        yield lambda data, width=1400, scheme="light": open_page(render(data), width, COUNT_SHIFTS, color_scheme=scheme)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400, 3840])
def test_nothing_jumps_and_nothing_sticks_out(opened: Any, width: int, scheme: str) -> None:
    page = opened(with_gaps(example()), width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("window.shift") < 0.01
    drawn = page.evaluate("[...document.querySelectorAll('.plot')].map((p) => p.querySelectorAll('svg path').length)")
    assert len(drawn) == 9
    assert min(drawn) > 3


def test_a_step_is_drawn_from_edge_to_edge_and_a_missing_one_not_at_all(opened: Any) -> None:
    day = example(step_h=(1.0, 3.0, 4.0))
    # The kind has a colour that nothing else on the page has.
    line = Line("wind", (100.0, float("nan"), 50.0), "wind")
    balances = (Balance("heat", "b", (line,), (Line("load", (100.0, 0.0, 50.0)),)),)
    page = opened(replace(day, balances=balances, stores=(), fans=(), voltage=None))
    find = (
        f"[...document.querySelectorAll('svg path')].filter((p) => p.getAttribute('fill') === '{HUES['wind'].light}')"
    )
    paths = page.evaluate(find + ".map((p) => p.getAttribute('d'))")
    corners = [tuple(map(float, pair)) for pair in re.findall(r"(-?[\d.]+)[ ,](-?[\d.]+)", " ".join(paths))]
    xs, ys = sorted({round(x, 1) for x, _ in corners}), sorted({round(y, 1) for _, y in corners})
    shares = [(x - xs[0]) / (xs[-1] - xs[0]) for x in xs]
    assert shares == pytest.approx([0, 1 / 8, 4 / 8, 1], abs=0.005)
    heights = [ys[-1] - y for y in ys]
    assert heights == pytest.approx([heights[0], heights[0] / 2, 0], abs=0.5)


def test_a_hostile_name_does_nothing(opened: Any) -> None:
    attack = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
    day = example()
    mv = day.balances[0]
    lines = (replace(mv.supply[0], name=attack), *mv.supply[1:])
    page = opened(replace(day, site=attack, balances=(replace(mv, supply=lines),)))
    assert page.locator("h1").inner_text() == attack
    assert page.locator("img").count() == 0


def test_all_pictures_are_read_at_the_same_step(opened: Any) -> None:
    page = opened(example())
    first = page.locator(".plot").first
    first.scroll_into_view_if_needed()
    box = first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 60)
    seen = set(page.locator(".when").all_inner_texts())
    assert len(seen) == 1
    assert seen != {"whole horizon"}
    page.mouse.move(2, 2)
    assert set(page.locator(".when").all_inner_texts()) == {"whole horizon"}


def test_the_keyboard_reads_step_by_step(opened: Any) -> None:
    day = with_gaps(example())
    page = opened(day)
    plot = page.locator(".plot").first
    plot.focus()
    for _ in range(31):
        page.keyboard.press("ArrowRight")
    said = plot.get_attribute("aria-valuetext")
    assert said.startswith("07:30–07:45: ")
    assert "offices – kW" in said
    assert f"workshops {day.balances[0].use[1].values[30]:,.0f} kW".replace(",", "\u202f") in said
    page.keyboard.press("End")
    assert plot.get_attribute("aria-valuenow") == "96"
    page.keyboard.press("Escape")
    assert plot.get_attribute("aria-valuetext") == "whole horizon"


def test_the_file_of_set_points_holds_every_value(opened: Any) -> None:
    day = with_gaps(example())
    formula = Line('=cmd|"x",1', (float("nan"), *day.setpoints[0].values[1:]))
    day = replace(day, setpoints=(formula, *day.setpoints))
    page = opened(day)
    with page.expect_download() as caught:
        page.click("#csv")
    assert caught.value.suggested_filename == "parkwatt-Yizhuang-2025-06-14-setpoints.csv"
    text = Path(caught.value.path()).read_text(encoding="utf-8-sig")
    head, *rows = list(csv.reader(io.StringIO(text)))
    assert head == [
        "step_start",
        "step_h",
        '\'=cmd|"x",1 [kW]',
        *(f"{line.name} [kW]" for line in day.setpoints[1:]),
    ]
    assert len(rows) == 96
    assert rows[0][2] == ""
    for k, row in enumerate(rows):
        assert row[0] == day.step_start[k]
        assert [float(cell) for cell in row[3:]] == pytest.approx(
            [line.values[k] for line in day.setpoints[1:]], abs=1e-5
        )
