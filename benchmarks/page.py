"""Opens a page as a person would and listens to what the browser says about it."""

from __future__ import annotations

from pathlib import Path

from benchmarks.processes import browser

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DRAWN = "[data-chart] :is(svg, canvas)"  # the first chart stands


def complaints(path: Path) -> list[str]:
    """Console errors and warnings, page errors, and addresses outside the page that it asks for."""
    from playwright.sync_api import ConsoleMessage, sync_playwright

    binary = browser()
    heard: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            heard.append(message.text)

    with sync_playwright() as playwright:
        window = playwright.chromium.launch(executable_path=binary, args=list(ARGUMENTS))
        page = window.new_page()
        page.on("console", listen)
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on("request", lambda request: _outside(request.url, heard))
        page.goto(path.as_uri())
        page.wait_for_selector(DRAWN)
        window.close()
    return heard


def _outside(url: str, heard: list[str]) -> None:
    if not url.startswith(("file:", "data:", "blob:")):
        heard.append(f"asks for {url}")
