"""What the site shows beside its pages: equations, and reference pages made from the code that they describe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parkwatt_docs import mathml

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, bool]:
    """What Sphinx calls."""
    mathml.add(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
