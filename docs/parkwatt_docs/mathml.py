"""Equations as MathML, which browsers set themselves: no script, no font and no request to anybody."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from docutils import nodes
from docutils.utils.math import MathError, unichar2tex
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.writers.html5 import HTML5Translator

_BAR = re.compile("(\\w)\N{COMBINING MACRON}")
_LOG = logging.getLogger(__name__)


def mathml(tex: str, *, block: bool) -> str:
    """An equation in LaTeX as a ``math`` element.

    Raises:
        MathError: it uses what the converter does not know.
    """
    # Docstrings write ≤, η and P̄ as such, because they are read in the terminal too.
    spelt = _BAR.sub(r"\\bar{\1}", " ".join(tex.split())).replace("·", r"\cdot ")
    return str(tex2mathml(spelt.translate(unichar2tex.uni2tex_table), as_block=block))


def add(app: Sphinx) -> None:
    """Make it how Sphinx sets equations."""
    app.add_html_math_renderer("mathml", (_inline, None), (_display, None))


def _inline(writer: HTML5Translator, node: nodes.math) -> None:
    _set(writer, node, block=False)


def _display(writer: HTML5Translator, node: nodes.math_block) -> None:
    _set(writer, node, block=True)


def _set(writer: HTML5Translator, node: nodes.math | nodes.math_block, *, block: bool) -> None:
    try:
        made = mathml(node.astext(), block=block)
    except MathError as error:
        _LOG.warning("an equation that cannot be set: %s: %s", error, node.astext(), location=node)
        made = writer.encode(node.astext())
    writer.body.append(f'<div class="equation">{made}</div>\n' if block else made)
    raise nodes.SkipNode
