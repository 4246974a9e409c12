"""Pages of the documentation that run: what a block prints is what the page says below it."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[1] / "docs"
_BLOCK = re.compile(r"```(python|text)( no-run)?\n(.*?)```", re.DOTALL)


def outputs_that_hold(page: str) -> int:
    """Runs a page's code in order and holds every text block to what was printed; how many there were."""
    names: dict[str, Any] = {}
    printed, held = "", 0
    for language, skipped, text in _BLOCK.findall((DOCS / page).read_text("utf-8")):
        if skipped:
            continue
        if language == "text":
            assert printed == text
            held += 1
            continue
        out = io.StringIO()
        with redirect_stdout(out):
            exec(compile(text, page, "exec"), names)
        printed = out.getvalue()
    return held
