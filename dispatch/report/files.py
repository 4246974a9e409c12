"""The templates, styles and scripts beside this package."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Template

_HERE = Path(__file__).parent


@cache
def read(name: str) -> str:
    """A file's text."""
    return (_HERE / name).read_text(encoding="utf-8")


@cache
def template(name: str) -> Template:
    """A template that escapes everything and knows no missing name."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
