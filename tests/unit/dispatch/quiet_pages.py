"""Pages in a real browser that may neither complain nor fetch anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def quiet_pages(chromium: Any, folder: Path, schemes: tuple[str, ...]) -> Iterator[Callable[..., Any]]:
    """Opens a page's text in a window; at the end no console, error, dialog or request beyond ``schemes`` was heard."""
    contexts, complaints = [], []

    def open_page(text: str, width: int, script: str = "", **window: Any) -> Any:
        context = chromium.new_context(viewport={"width": width, "height": 900}, **window)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on("request", lambda asked: None if asked.url.startswith(schemes) else complaints.append(asked.url))
        if script:
            page.add_init_script(script)
        path = folder / "page.html"
        path.write_text(text, encoding="utf-8")
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
