"""The page on carbon: every block is run, and prints what the page says."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[4] / "docs" / "carbon.md"
BLOCK = re.compile(r"```(python|text)\n(.*?)```", re.DOTALL)


def test_the_page_says_what_its_code_prints() -> None:
    names: dict[str, Any] = {}
    printed, blocks = "", 0
    for language, text in BLOCK.findall(PAGE.read_text("utf-8")):
        if language == "text":
            assert printed == text
            blocks += 1
            continue
        out = io.StringIO()
        with redirect_stdout(out):
            exec(compile(text, str(PAGE), "exec"), names)
        printed = out.getvalue()
    assert blocks >= 9
