"""Pictures that their own page makes: a directive that runs a few lines while the site is built, and shows both.

::

    ```{drawn} 1
    drawing = bars("…", "…", ("hour", "kW"), names, stacks)
    ```

The argument says how many of the page's blocks of Python run before, so that a picture shows what the page computed.
"""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from sphinx.application import Sphinx


class Drawn(SphinxDirective):
    """The directive."""

    has_content: ClassVar[bool] = True
    required_arguments: ClassVar[int] = 1

    def run(self) -> list[nodes.Node]:
        """The lines and what they draw; where they fail, so does the build."""
        from benchmarks.study.pictures import svg

        code = "\n".join(self.content)
        drawing = drawn(Path(self.env.doc2path(self.env.docname)), int(self.arguments[0]), code)
        listing = nodes.literal_block(code, code, language="python")
        legend = "".join(f'<span style="color: {colour}">■</span> {escape(name)} ' for name, colour in drawing.legend)
        caption = f"<figcaption>{escape(drawing.title)}. {escape(drawing.about)}. {legend}</figcaption>"
        picture = nodes.raw("", f'<figure class="drawn">{svg(drawing)}{caption}</figure>', format="html")
        return [listing, picture]


def drawn(page: Path, before: int, code: str) -> Any:
    """What a page's lines call ``drawing``, after so many of its blocks of Python."""
    from benchmarks.tutorial import blocks

    python = [block.text for block in blocks(page) if block.language == "python"]
    names: dict[str, Any] = {}
    with redirect_stdout(io.StringIO()):
        for text in [*python[:before], code]:
            exec(compile(text, str(page), "exec"), names)
    return names["drawing"]


def add(app: Sphinx) -> None:
    """Make the directive known."""
    app.add_directive("drawn", Drawn)
