"""Draws the README's picture: the upper part of the report that the main job writes.

``python -m benchmarks.picture [REPORT.html]``; without a report it plans the reference park first. What the picture
says in words stands beside it as JSON, so that a test can hold it against today's plan without reading pixels.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tempfile
from html import unescape
from pathlib import Path

from benchmarks.page import ARGUMENTS, DRAWN
from benchmarks.processes import ROOT, browser, plan

TARGET = ROOT / "docs" / "pictures" / "report.png"
SAID = TARGET.with_suffix(".json")
WIDTH, HEIGHT = 1280, 1500
_LISTS = re.compile(r'<ul class="(?:lamps|figures)".*?</ul>', re.DOTALL)
_ITEM, _TAG, _ICON = re.compile(r"<li.*?</li>", re.DOTALL), re.compile(r"<[^>]+>"), re.compile(r"<i .*?</i>")


def shown(report: Path) -> list[str]:
    """The state of the plan and its key figures, as the report has them in its upper part."""
    lists = _LISTS.findall(report.read_text(encoding="utf-8"))
    items = (item for part in lists for item in _ITEM.findall(part))
    return [" ".join(unescape(_TAG.sub(" ", _ICON.sub("", item))).split()) for item in items]


def hashed(picture: Path) -> str:
    return hashlib.sha256(picture.read_bytes()).hexdigest()


def note(report: Path, picture: Path = TARGET, said: Path = SAID) -> None:
    """Write down what a picture of a report says, and which picture that is."""
    told = {"picture_sha256": hashed(picture), "shown": shown(report)}
    said.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


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


def main(report: Path) -> None:
    draw(report)
    note(report)


if __name__ == "__main__":
    if sys.argv[1:]:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            plan(Path(folder))
            main(Path(folder) / "report.html")
