"""Markdown as the made pages need it, and the folder that they are written to."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

# What Markdown reads as markup in running text; a name keeps its underscores, which mean nothing inside a word.
_MARKUP = re.compile(r"([\\*<>\[\]|$`])")


def escaped(text: str) -> str:
    """Running text that says what it says."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def told(text: str) -> str:
    """Text of a docstring's line or of a help: ``code`` and `code` stay code, all else is plain."""
    parts = re.split(r"(``[^`]+``|`[^`]+`)", " ".join(text.split()))
    return "".join(code(part.strip("`")) if part.startswith("`") else _MARKUP.sub(r"\\\1", part) for part in parts)


def code(text: str) -> str:
    """Text as it is typed, also in a table's cell."""
    return f"`{text.replace('|', chr(92) + '|')}`" if text else ""


def label(*parts: str) -> str:
    """A target for links: ``label("block", "Tariff")`` is ``block-tariff``."""
    return "-".join(re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-") for part in parts)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table, inside what scrolls on a narrow screen; nothing where it has no rows."""
    lines = [f"| {' | '.join(cells)} |" for cells in rows]
    return ["", f"| {' | '.join(headings)} |", f"|{'---|' * len(headings)}", *lines, ""] if lines else []


def fenced(text: str, language: str) -> list[str]:
    """A block of code."""
    return ["", f"```{language}", text.rstrip("\n"), "```", ""]


def restructured(text: str) -> list[str]:
    """A docstring, which is reStructuredText, inside a page of Markdown."""
    return ["", "````{eval-rst}", textwrap.dedent(text).strip("\n"), "````", ""]


def contents(entries: Iterable[str], *, hidden: bool = True) -> list[str]:
    """A page's children in the order that the sidebar shows."""
    options = [":hidden:", ""] if hidden else [":maxdepth: 1", ""]
    return ["", "```{toctree}", *options, *entries, "```", ""]


class Folder:
    """Where made pages lie. A page is only touched when it changed, so that Sphinx reads what is new."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._written: set[Path] = set()

    def write(self, name: str, lines: Iterable[str]) -> None:
        """One page, by its path without the ending."""
        path = self._root / f"{name}.md"
        text = "\n".join(lines).rstrip() + "\n"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
        self._written.add(path)

    def clear(self) -> None:
        """Take away the pages that this build did not write: of a kind that is gone."""
        for path in set(self._root.rglob("*.md")) - self._written:
            path.unlink()
