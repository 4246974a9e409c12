"""Finds figures in the README and the documents that look measured, and the marks that say which command prints them.

Rules, which ``tests/unit/benchmarks/test_figures.py`` holds:

- A figure looks measured where a number, in digits or words, is followed by seconds, bytes, %, "times", a currency, or
  by a hundred and more sites, requests, plans and the like; where something takes or answers within minutes or hours;
  and where it says "four of five".
- Not looked at: lines that name the setting (``PARKWATT_…``) a figure belongs to, code between backticks or fences
  (what it prints is held by the tests of the documents), addresses of links, headings, what is generated and not
  committed,
  and ``docs/decisions``, which are records of their day.
- A mark is a comment behind a figure. ``<!-- shown by: TOPIC "ROW" -->`` names a row, or what the names of several have
  in common; ``× 100`` behind it says that the figure is so many times the row's value. ``<!-- printed by: COMMAND -->``
  names another command of this repository. ``<!-- given: WHY -->`` says that the figure is no measurement of ours: a
  setting, an input, somebody else's number. A mark holds for the figures between it and the mark before it in the same
  paragraph, point of a list or table; that of a whole table stands in its last row.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.manifests import ROOT, git
from benchmarks.rows import Measurement, Row
from benchmarks.topics import TOPICS, measurements

Kind = Literal["shown by", "printed by", "given"]

WORDS = {
    "half": 0.5, "third": 1 / 3, "quarter": 0.25, "tenth": 0.1, "hundredth": 0.01, "one": 1, "two": 2, "three": 3,
    "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "twelve": 12, "fifteen": 15,
    "twenty": 20, "thirty": 30, "fifty": 50, "hundred": 100, "thousand": 1000, "million": 1e6, "twice": 2,
}  # fmt: skip
_DIGITS = r"(?<![\w.,–-])[+−]?(?:\d{1,3}(?:[, \u00a0\u202f]\d{3})+|\d+)?(?:\.\d+|(?<=\d))(?:e-?\d+)?"
_NAMED = rf"\b(?:{'|'.join(WORDS)})(?:[ -](?:hundred|thousand|million))*(?![\w-])"
_NUMBER = rf"(?:{_DIGITS}|{_NAMED})"
_SPACE = r"[ \u00a0\u202f\n]+(?:of )?(?:an? )?"
_GAP = rf"{_SPACE}(?:CPU[ -]|core[ -])?"
_MONEY = "CNY|EUR|USD|€|£|元"
_CHINESE = "毫秒|秒|分钟|小时|倍"
_UNIT = rf"(?:ms|µs|s|seconds?|[kKMGT]i?B|bytes?|%|‰|[x×](?!\s*[\w(])|times|1/s|{_MONEY})(?![\w²³])|{_CHINESE}"
_RUN = r"(?:sites|requests|plans|schedules|jobs|rows|devices|instances|scenarios|writes|tenants|users|files|cores)\b"
_TAKES = r"(?:takes?|took|needs?|within|under|after|about|less than|more than|in)"
_LONG = r"(?:seconds?|minutes?|hours?)\b"
FIGURE = re.compile(
    "|".join(
        (
            rf"(?P<plain>{_NUMBER})(?:{_GAP})?(?P<unit>{_UNIT})",
            rf"(?P<many>{_NUMBER}){_GAP}(?P<run>{_RUN})",
            rf"(?<=\b){_TAKES} (?:about )?(?P<long>{_NUMBER}|a){_SPACE}(?P<span>{_LONG})",
            rf"(?P<some>{_NUMBER})[ \n]of[ \n](?:the )?(?P<all>{_NUMBER})(?=\s)",
            r"(?P<twice>\btwice)(?= (?:as|the)\b)",
        )
    ),
    re.IGNORECASE,
)
MANY = 100  # a smaller count of sites or plans is an example
MARK = re.compile(r"<!-- (?P<kind>shown by|printed by|given): (?P<text>.+?) -->", re.DOTALL)
_ROW = re.compile(r'(?P<topic>\w+) "(?P<name>[^"]+)"(?: × (?P<factor>[\d.]+))?')


@dataclass(frozen=True)
class Shown:
    """A row, or several by a part of their names; the figure is ``factor`` times the value."""

    topic: str
    name: str
    factor: float = 1.0


@dataclass(frozen=True)
class Mark:
    """Where a figure comes from."""

    kind: Kind
    text: str

    @property
    def rows(self) -> tuple[Shown, ...]:
        """Of a mark that names rows."""
        found = _ROW.finditer(" ".join(self.text.split()))
        return tuple(Shown(m["topic"], m["name"], float(m["factor"] or 1)) for m in found)


@dataclass(frozen=True)
class Figure:
    """A figure with its place; ``mark``: what says where it comes from."""

    path: Path
    line: int
    text: str
    value: float
    unit: str
    mark: Mark | None

    @property
    def place(self) -> str:
        return f"{self.path.name}:{self.line}: {self.text!r}"


def documents() -> list[Path]:
    """The README and the documents that are or will be committed, without the records of decisions."""
    listed = git("ls-files", "--cached", "--others", "--exclude-standard", "-z", "README*.md", "docs").decode()
    paths = [ROOT / name for name in listed.split("\0") if name.endswith(".md") and "/decisions/" not in name]
    return sorted(path for path in paths if path.exists())


def figures(path: Path) -> list[Figure]:
    """All figures of a document that look measured, in order."""
    made = []
    for start, block in _blocks(_plain(path.read_text("utf-8"))):
        marks = list(MARK.finditer(block))
        quiet = MARK.sub(lambda m: re.sub(r"[^\n]", "\0", m[0]), block)
        for found in FIGURE.finditer(quiet):
            read = _read(found)
            if read is not None:
                line = start + block.count("\n", 0, found.start())
                made.append(Figure(path, line, " ".join(found[0].split()), *read, _mark(marks, found.end())))
    return made


def _read(found: re.Match[str]) -> tuple[float, str] | None:
    """Value and unit; None where a number is too small to be more than an example."""
    if found["plain"]:
        return number(found["plain"]), found["unit"].lower()
    if found["many"]:
        value = number(found["many"])
        return (value, found["run"].lower()) if value >= MANY else None
    if found["long"]:
        return (1.0 if found["long"].lower() in {"a", "an"} else number(found["long"])), found["span"].lower()
    if found["some"]:
        return (number(found["some"]), f"of {found['all']}") if number(found["some"]) > 1 else None
    return 2.0, "times"


def _mark(marks: Sequence[re.Match[str]], after: int) -> Mark | None:
    """The first behind a figure."""
    behind = next((m for m in marks if m.start() >= after), None)
    kinds: dict[str, Kind] = {"shown by": "shown by", "printed by": "printed by", "given": "given"}
    return Mark(kinds[behind["kind"]], behind["text"]) if behind is not None else None


def number(text: str) -> float:
    """What digits or words say: ``10 000``, ``ten thousand``, ``half``."""
    plain = re.sub(r"(?<=\d)[, \u00a0\u202f](?=\d{3})", "", text).replace("−", "-").lower()
    try:
        return float(plain)
    except ValueError:
        value = 1.0
        for word in re.split(r"[ -]", plain):
            value *= WORDS[word]
        return value


def _plain(text: str) -> str:
    """The same lines with code, addresses of links and headings blanked."""

    def blank(match: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " ", match[0])

    text = re.sub(r"^(?P<fence>```+|~~~+).*?^(?P=fence)[ \t]*$", blank, text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"^.*`PARKWATT_\w+`.*$", blank, text, flags=re.MULTILINE)
    text = re.sub(r"`[^`]+`", lambda m: re.sub(r"[^\n]", "\0", m[0]), text)
    text = re.sub(r"\]\([^)]*\)", blank, text)
    text = re.sub(r"<?https?://\S+", blank, text)
    return re.sub(r"^#+ .*$", blank, text, flags=re.MULTILINE)


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """Paragraphs, points of lists and tables, each with the number of its first line."""
    starts = 1
    lines: list[str] = []
    for place, line in enumerate(text.split("\n"), 1):
        ends = not line.strip() or re.match(r"\s*(?:[-*]|\d+\.) ", line)
        if ends and lines:
            yield starts, "\n".join(lines)
            starts, lines = place, []
        if not lines:
            starts = place
        if line.strip():
            lines.append(line)
    if lines:
        yield starts, "\n".join(lines)


def where_from(mark: Mark) -> str:
    """What is wrong with a mark: a row or command that is not there; empty where it is right."""
    if mark.kind == "given":
        return "" if len(mark.text.split()) >= 2 or "`" in mark.text else "says too little of why it is given"
    if mark.kind == "printed by":
        return _no_command(mark.text)
    if not mark.rows:
        return 'names no row: expected TOPIC "ROW"'
    for shown in mark.rows:
        if shown.topic not in TOPICS:
            return f"no topic {shown.topic!r}: {', '.join(TOPICS)}"
        if not named(shown):
            return f"{shown.topic} has no row with {shown.name!r} in its name"
    return ""


def named(shown: Shown) -> list[Measurement]:
    """The row of that name, or those whose names have it in common."""
    rows = measurements(shown.topic)
    return [m for m in rows if m.name == shown.name] or [m for m in rows if shown.name in m.name]


def _no_command(text: str) -> str:
    program, *arguments = text.split()
    if [program, *arguments[:1]] == ["python", "-m"] and len(arguments) > 1:
        return "" if importlib.util.find_spec(arguments[1]) else f"no module {arguments[1]}"
    if program == "make" and arguments:
        known = re.search(rf"^{re.escape(arguments[0])}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
        return "" if known else f"no target {arguments[0]} in the Makefile"
    return f"{text!r}: expected python -m MODULE or make TARGET"


SAME_UNIT = {"seconds": "s", "second": "s", "times": "x", "×": "x", "ratio": "x"}
ROUNDING = 0.35  # a figure in a sentence is rounded, and a timing differs from day to day


def contradicted(figure: Figure, known: Callable[[Measurement], Row]) -> str:
    """How a figure differs from the row that its mark names; empty where it does not, or where nothing can be said.

    Something is said where one row is named and has a value in the figure's unit. The figure is held to the value and
    to the reference beside it; where it says "under" or "within", the value must not be above.
    """
    rows = figure.mark.rows if figure.mark is not None else ()
    found = named(rows[0]) if len(rows) == 1 else []
    if len(found) != 1:
        return ""
    row, factor = known(found[0]), rows[0].factor
    if row.value is None or not _same_unit(figure.unit, row.unit):
        return ""
    shown = [factor * float(value) for value in (row.value, row.reference) if value is not None]
    if re.match(r"(?:within|under|less than)\b", figure.text):
        return "" if shown[0] <= figure.value else f"{figure.place}: {found[0].name} is {shown[0]:.4g} {row.unit}"
    if any(abs(value - figure.value) <= ROUNDING * abs(figure.value) for value in shown):
        return ""
    return f"{figure.place}: {found[0].name} is {shown[0]:.4g} {row.unit}"


def _same_unit(ours: str, theirs: str) -> bool:
    if ours.startswith("of "):
        return theirs == ""
    return SAME_UNIT.get(ours, ours) == SAME_UNIT.get(theirs, theirs).lower()
