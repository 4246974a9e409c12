"""The page as one self-contained HTML file, in the look of the product's reports."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from benchmarks.results import cells
from benchmarks.results.contents import Contents
from benchmarks.results.lines import VERDICTS
from dispatch.report.files import read

HERE = Path(__file__).parent
TONES = {"holds": "ok", "does not hold": "bad", "failed": "bad", "stale": "warn", "not measured": "none"}


def anchor(name: str) -> str:
    """A row's, piece's or topic's address on the page."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.globals |= {"cells": cells, "anchor": anchor, "tones": TONES, "verdicts": VERDICTS}
    return made


def render(made: Contents) -> str:
    """The same contents give the same bytes."""
    style = read("page.css") + (HERE / "results.css").read_text("utf-8")
    script = (HERE / "results.js").read_text("utf-8")
    return _environment().get_template("results.html.j2").render(made=made, style=style, script=script)
