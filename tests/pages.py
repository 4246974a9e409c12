"""Pages of the documentation that run: what a block prints is what the page says below it."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.processes import ROOT
from benchmarks.tutorial import session, variables_for

DOCS = ROOT / "docs"


def outputs_that_hold(page: str, folder: Path | None = None) -> int:
    """Runs a page's blocks in order and holds every text block to what was printed; how many there were.

    Args:
        folder: where shells run and files are written; a page without either needs none.
    """
    with session(folder or Path(), **(variables_for(ROOT, sys.executable, folder / "bin") if folder else {})) as made:
        return sum(block.language == "text" for block, _ in made.run(DOCS / page))
