"""Draws the README's picture: the upper part of the report that the main job writes.

``python -m benchmarks.picture [REPORT.html]``; without a report it plans the reference park first.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.page import ARGUMENTS, DRAWN
from benchmarks.processes import ROOT, browser, plan

TARGET = ROOT / "docs" / "pictures" / "report.png"
WIDTH, HEIGHT = 1280, 1500


def draw(report: Path, target: Path = TARGET) -> Path:
    """A PNG of the page as a desktop browser shows it."""
    from playwright.sync_api import sync_playwright

    target.parent.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        window = playwright.chromium.launch(executable_path=browser(), args=list(ARGUMENTS))
        page = window.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(report.resolve().as_uri())
        page.wait_for_selector(DRAWN)
        page.screenshot(path=str(target))
        window.close()
    return target


if __name__ == "__main__":
    if sys.argv[1:]:
        draw(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            plan(Path(folder))
            draw(Path(folder) / "report.html")
