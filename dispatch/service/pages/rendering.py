"""Templates to answers, with the headers that keep a page to itself."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse, Response

from dispatch.report import wording
from dispatch.report.files import read

if TYPE_CHECKING:
    from jinja2 import Environment

_HERE = Path(__file__).parent
# Nothing is run, framed, fetched from elsewhere or sent elsewhere.
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
# A report is a page with a script of its own, whose hash it carries in a policy of its own. The sandbox takes its
# origin away: whatever a name in it could do, it can read no cookie and ask this server nothing.
_REPORT_POLICY = (
    "sandbox allow-scripts allow-downloads allow-modals; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    made.globals.update(style=style_name(), missing=wording.MISSING)
    return made


@cache
def style() -> bytes:
    """The report's style with what these pages add."""
    return (read("page.css") + (_HERE / "templates" / "service.css").read_text("utf-8")).encode()


@cache
def style_name() -> str:
    """Its address, which changes with its content, so that it can be kept for ever."""
    return f"/pages/{hashlib.sha256(style()).hexdigest()[:16]}.css"


def page(name: str, status: int = 200, **given: Any) -> Response:
    """A page of a template."""
    text = _environment().get_template(name).render(**given)
    return HTMLResponse(text, status, {**_HEADERS, "Content-Security-Policy": _POLICY})


def report(content: bytes) -> Response:
    """A report as it was written."""
    return HTMLResponse(content, headers={**_HEADERS, "Content-Security-Policy": _REPORT_POLICY})
