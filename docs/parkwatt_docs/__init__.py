"""What the site shows beside its pages: equations, and reference pages made from the code that they describe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from parkwatt_docs import mathml

if TYPE_CHECKING:
    from sphinx.application import Sphinx

GENERATED = "reference/generated"


def setup(app: Sphinx) -> dict[str, bool]:
    """What Sphinx calls."""
    from parkwatt_docs import docstrings, drawn, names

    mathml.add(app)
    names.add(app)
    docstrings.add(app)
    drawn.add(app)
    app.connect("builder-inited", lambda app: write(Path(app.srcdir) / GENERATED))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write(root: Path) -> None:
    """All pages that are made from code, into a folder that holds nothing else."""
    from parkwatt_docs import commands, files, service, shared
    from parkwatt_docs.writing import Folder

    folder = Folder(root)
    files.write(folder)
    shared.write(folder)
    commands.write(folder)
    service.write(folder)
    folder.clear()
