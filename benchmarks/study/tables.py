"""The tables of a study, once as plain cells: for the terminal, the page, CSV and Markdown."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.methods.found import methods
from benchmarks.study.metrics import METRICS
from benchmarks.study.statistics import Difference
from dispatch.report.wording import MISSING, number

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

_DIGITS = 6
_MOST_COLUMNS = 9


@dataclass(frozen=True)
class Sheet:
    """One table: its file's name, title, headings with units, and cells; None is missing."""

    name: str
    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str | float | None, ...], ...]


def unit_of(metric: str, currency: str) -> str:
    """As a heading shows it: shares and counts have none."""
    unit = METRICS[metric].unit
    return currency if unit == "money" else "" if unit == "1" else unit


def head(metric: str, currency: str) -> str:
    """A heading with its unit."""
    unit = unit_of(metric, currency)
    return f"{METRICS[metric].title} [{unit}]" if unit else METRICS[metric].title


def figures(spans: pd.DataFrame, names: Sequence[str], currencies: Mapping[str, str]) -> Iterator[Sheet]:
    """By case, methods side by side."""
    for case in dict.fromkeys(spans["case"]):
        own = spans[spans["case"] == case]
        heads = ("method", "days", "seeds", *(head(name, currencies[case]) for name in names))
        rows = tuple(
            (methods()[row["method"]].title, int(row["days"]), int(row["seeds"]), *(cell(row[n], n) for n in names))
            for _, row in own.iterrows()
        )
        yield Sheet(f"figures-{case}", case, heads, rows)


def judged(found: Sequence[Difference], currencies: Mapping[str, str], confidence: float) -> Iterator[Sheet]:
    """By case and metric, differences to the baseline."""
    share = f"{confidence:.0%}"
    for case, metric in dict.fromkeys((one.case, one.metric) for one in found):
        own = [one for one in found if (one.case, one.metric) == (case, metric)]
        title = f"{case}: {head(metric, currencies[case])} by day, less that of {methods()[own[0].baseline].title}"
        heads = ("method", "days", "mean", f"t {share} from", "to", f"bootstrap {share} from", "to", "Wilcoxon p",
                 "Holm p", "note")  # fmt: skip
        rows = tuple(
            (methods()[d.method].title, d.days, d.mean, *(d.t or (None, None)), *(d.bootstrap or (None, None)), d.p,
             d.p_holm, d.note)
            for d in own
        )  # fmt: skip
        yield Sheet(f"differences-{case}-{metric}", title, heads, rows)


def cell(value: float, metric: str) -> float | None:
    """A figure; a count that is whole as a whole number."""
    made = METRICS[metric]
    is_count = made.unit == "1" and made.fold == "sum" and float(value).is_integer()
    return int(value) if is_count else known(value)


def known(value: float) -> float | None:
    """A number, or None where it is missing."""
    return None if math.isnan(value) else float(value)


def text(cell: str | float | None) -> str:
    """For files: as many digits as mean something, the same every time."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    return f"{cell}" if isinstance(cell, int) else f"{cell + 0.0:.{_DIGITS}g}" if abs(cell) < 1e6 else f"{cell:.1f}"


def shown(cell: str | float | None) -> str:
    """For a person."""
    if isinstance(cell, float):
        size = abs(cell)
        decimals = 0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 10 else 4
        return number(cell, decimals) if size >= 1e-4 or cell == 0 else f"{cell:.1e}"
    return text(cell) if cell is not None else MISSING


def as_csv(sheet: Sheet) -> str:
    """Comma separated, with a heading."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(sheet.heads)
    writer.writerows([text(cell) for cell in row] for row in sheet.rows)
    return out.getvalue()


def as_markdown(sheets: Sequence[Sheet]) -> str:
    """All of them, each under its title."""
    blocks = []
    for sheet in sheets:
        lines = [
            "| " + " | ".join(sheet.heads) + " |",
            "|" + "|".join(["---", *["---:"] * (len(sheet.heads) - 1)]) + "|",
        ]
        lines += ["| " + " | ".join(shown(cell) for cell in row) + " |" for row in sheet.rows]
        blocks.append(f"## {sheet.title}\n\n" + "\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def printed(sheet: Sheet, console: Console) -> None:
    """On the terminal; a wide table in several, each with the names of its rows."""
    for first in range(1, len(sheet.heads), _MOST_COLUMNS):
        _printed(sheet, (0, *range(first, min(first + _MOST_COLUMNS, len(sheet.heads)))), console)


def _printed(sheet: Sheet, columns: Sequence[int], console: Console) -> None:
    from rich.markup import escape
    from rich.table import Table

    drawn = Table(title=escape(sheet.title), title_justify="left", header_style="bold", box=None)
    for column in columns:
        drawn.add_column(escape(sheet.heads[column]), justify="right" if column else "left", overflow="fold")
    for row in sheet.rows:
        drawn.add_row(*(escape(shown(row[column])) for column in columns))
    console.print(drawn)
