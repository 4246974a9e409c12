"""Docstrings on pages: they are written to be read in an editor first, and a few habits of that are no markup."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from parkwatt_docs.writing import restructured
from parkwatt_docs.writing import told as plain

if TYPE_CHECKING:
    from sphinx.application import Sphinx

REFERENCE = re.compile(r":(?:class|mod|func|meth|attr|data):`~?(?:\w+\.)*(\w+)`")
_COLUMNS = re.compile(r"^\s*[a-z]\w*(, \w+)*  +\S")  # `vm_pu    (N, T) voltage magnitude`
_DIRECTIVE = re.compile(r"^\s*\.\. \w+::|::$")
_TOGETHER = re.compile(r"^ +\w+(?:, \w+)+(?=: )")  # `least, most: bounds`: two names, not a type and a name
_VALUES = ("property", "attribute")
_COLON = "\N{FULLWIDTH COLON}"
_ATTRIBUTE = re.compile(r"(?:\n|; )(\w+(?:, \w+)*): ")


def add(app: Sphinx) -> None:
    """Have them read so before their sections are."""
    app.connect("autodoc-process-docstring", _processed, priority=400)
    app.connect("autodoc-process-docstring", _restored, priority=600)


def told(text: str) -> Iterator[str]:
    """A model's docstring on a page where its fields have a table: its sentences and equations."""
    body = REFERENCE.sub(r"``\1``", text).split("\n\nAttributes:\n")[0]
    if re.search(r"::$|^\.\. ", body, re.MULTILINE):
        yield from restructured("\n".join(as_meant(body.splitlines())))
        return
    for paragraph in body.split("\n\n"):
        yield from (plain(paragraph), "")


def attributes(text: str) -> dict[str, str]:
    """What a docstring's section of attributes says of each."""
    _, _, section = text.partition("\n\nAttributes:\n")
    lines = textwrap.dedent(section.split("\n\n")[0]).splitlines()
    # An entry begins on a line that is not indented further, or behind a semicolon.
    parts = _ATTRIBUTE.split("".join(f" {line.strip()}" if line.startswith(" ") else f"\n{line}" for line in lines))
    found = zip(parts[1::2], parts[2::2], strict=True)
    return {name: " ".join(said.split()).rstrip(".;") for names, said in found for name in names.split(", ")}


def as_meant(lines: list[str]) -> Iterator[str]:
    """Columns stay columns, and a magnitude stays one; equations and code are left as they are."""
    inside, columns, before = -1, False, ""
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if line.strip() and indent <= inside:
            inside = -1
        if inside < 0 and not before.strip() and _COLUMNS.match(line):
            yield from (f"{line[:indent]}::", "")
            columns = True
        columns = columns and bool(line.strip())
        if columns:
            yield f"   {line}"
        else:
            yield line if inside >= 0 else line.replace("|", "\\|")
        if inside < 0 and _DIRECTIVE.search(line):
            inside = indent
        before = line


def _processed(_: Sphinx, what: str, *about: Any) -> None:
    lines: list[str] = about[-1]
    out = [_TOGETHER.sub(lambda found: found[0].replace(", ", "/"), line) for line in as_meant(lines)]
    # What stands before a colon would be read as a property's type; most are sentences.
    lines[:] = [line.replace(":", _COLON) for line in out[:1]] + out[1:] if what in _VALUES else out


def _restored(*about: Any) -> None:
    lines: list[str] = about[-1]
    lines[:] = [line.replace(_COLON, ":") for line in lines]
