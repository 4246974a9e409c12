"""The page as Markdown, for a terminal, a pull request or a paper's appendix."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.results import cells
from benchmarks.results.contents import COMMAND, Contents, Known, TopicPart
from benchmarks.results.lines import VERDICTS, Line

ROWS = ("row", "value", "reference", "ratio", "bar", "verdict", "measured")


def render(made: Contents) -> str:
    """One text; tables name their command above them."""
    state = " with uncommitted changes" if made.uncommitted else ""
    said = [
        "# Results",
        f"Written {made.written_at} at commit `{made.commit[:12]}`{state} on {made.machine}, by `{COMMAND} results`.",
        "A stale value was measured in another state and does not count as holding; its note says what changed since.",
        _summary(made),
    ]
    if made.failing:
        said += ["## What does not hold", _table(ROWS, map(_cells, made.failing)), *_notes(made.failing)]
    if made.missed:
        said.append("## What did not hold when it was last measured, in another state")
        said += [_table(ROWS, map(_cells, made.missed)), *_notes(made.missed)]
    for topic in made.topics:
        said += _topic(topic)
    if made.known:
        said += ["## Best known of pglib-uc", f"`{COMMAND} best-known`", _known(made.known)]
    return "\n\n".join(said) + "\n"


def _summary(made: Contents) -> str:
    rows = [[topic.title, *(str(topic.counts[verdict]) for verdict in VERDICTS)] for topic in made.topics]
    return _table(("topic", *VERDICTS), [*rows, ["all", *(str(made.counts[verdict]) for verdict in VERDICTS)]])


def _topic(topic: TopicPart) -> list[str]:
    said = [f"## {topic.title}", f"Part {topic.part}. `{topic.command}`", f"Compared with: {topic.compares}"]
    for piece in topic.pieces:
        said += [f"### {piece.name}", f"{piece.subject} `{piece.command}`".strip()]
        said += [piece.note] if piece.note else []
        said += [_table(ROWS, map(_cells, piece.lines)), *_notes(x for x in piece.lines if x.note != piece.note)]
    return said


def _cells(line: Line) -> list[str]:
    shown = (cells.value, cells.reference, cells.ratio, cells.bar, cells.verdict, cells.when)
    return [line.row.name, *(show(line) for show in shown)]


def _notes(lines: Iterable[Line]) -> list[str]:
    noted = [f"- {line.row.name}: {line.note}" for line in lines if line.note]
    return ["\n".join(noted)] if noted else []


def _known(known: Sequence[Known]) -> str:
    heads = ("instance", "hours", "units", "best bound", "found by", "run", "best plan", "found by", "run", "gap")
    return _table(heads, map(_known_cells, known))


def _known_cells(known: Known) -> list[str]:
    bound, incumbent = _money(known.bound), _money(known.incumbent)
    found = [bound, known.bound_by, known.bound_run, incumbent, known.incumbent_by, known.incumbent_run]
    gap = "" if known.gap is None else f"{100 * known.gap:.3g} %"
    return [known.instance, str(known.steps), str(known.units), *found, gap]


def _money(value: float | None) -> str:
    return "" if value is None else f"{value:,.2f}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def line(texts: Iterable[str]) -> str:
        return "| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |"

    return "\n".join([line(heads), line("---" for _ in heads), *map(line, rows)])
