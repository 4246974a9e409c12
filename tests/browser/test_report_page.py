"""The report as a person meets it: opened from the disk, in a real browser, without a network."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.page import DRAWN

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

# The main job, a browser start and the drawing of all charts, on two busy cores.
pytestmark = pytest.mark.timeout(600)

# The share of a picture that is not paper. Measured: 10 % and more with the series, at most 5 % without.
INKED = """async png => {
    const picture = new Image();
    picture.src = "data:image/png;base64," + png;
    await picture.decode();
    const canvas = new OffscreenCanvas(picture.width, picture.height);
    const context = canvas.getContext("2d");
    context.drawImage(picture, 0, 0);
    const pixels = new Uint32Array(context.getImageData(0, 0, canvas.width, canvas.height).data.buffer);
    return pixels.filter(pixel => pixel !== pixels[0]).length / pixels.length;
}"""


class Opened:
    """A page and everything it complained about or asked the network for."""

    def __init__(self, page: Page, path: Path) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", self.listen)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(path.as_uri())
        page.wait_for_selector(DRAWN)

    def listen(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)


@pytest.fixture(scope="module")
def report(chromium: Browser, planned_park: Path) -> Iterator[Opened]:
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    yield Opened(page, planned_park / "report.html")
    page.close()


def test_the_page_complains_about_nothing(report: Opened) -> None:
    assert report.complaints == []


def test_the_page_asks_the_network_for_nothing(report: Opened) -> None:
    assert [url for url in report.requests if not url.startswith(("file:", "data:", "blob:"))] == []


def test_every_chart_draws_something(report: Opened) -> None:
    charts = report.page.locator("[data-chart]")
    assert charts.count() >= 5
    for chart in charts.all():
        chart.scroll_into_view_if_needed()
        picture = base64.b64encode(chart.screenshot()).decode()
        assert report.page.evaluate(INKED, picture) > 0.06, chart.get_attribute("data-chart")


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_sticks_out_sideways(report: Opened, width: int) -> None:
    report.page.set_viewport_size({"width": width, "height": 900})
    assert report.page.evaluate("document.documentElement.scrollWidth") <= width
