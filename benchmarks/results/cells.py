"""What the cells of a row say, in words and figures; the same on the page and in Markdown."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.results.lines import Line
from benchmarks.rows import Bar
from benchmarks.show import figure

BAR_AT = 2 / 3  # of a gauge's width


@dataclass(frozen=True)
class Gauge:
    """A value beside its bar: ``filled`` and BAR_AT are shares of the width; ``beyond``: it goes on past the end."""

    filled: float
    beyond: bool
    at_most: bool


def value(line: Line) -> str:
    return with_unit(number(line.row.value), line.row.unit) if line.row.value is not None else ""


def bar(line: Line) -> str:
    """With signs as they are printed."""
    bar = Bar.parse(line.row.bar)
    sign = {"<=": "≤", ">=": "≥", "==": "="}.get(bar.relation, bar.relation)
    return with_unit(f"{sign} {number(bar.limit)}", line.row.unit)


def number(value: float | bool | None) -> str:
    """As the terminal shows it, large ones in full: a bill is read to the cent."""
    if value is None or isinstance(value, bool) or not 1000 <= abs(value) < 1e10:
        return figure(value)
    text = f"{value:,.2f}".removesuffix(".00")
    return text.rstrip("0") if "." in text else text


def with_unit(number: str, unit: str) -> str:
    return f"{number} {unit}".strip()


def reference(line: Line) -> str:
    return number(line.row.reference)


def ratio(line: Line) -> str:
    return number(line.row.ratio)


def verdict(line: Line) -> str:
    """A stale value says whether it would hold, and is not said to."""
    if line.verdict != "stale" or line.would_hold is None:
        return line.verdict
    return "stale, held" if line.would_hold else "stale, did not hold"


def when(line: Line) -> str:
    """Day, commit and how long it took."""
    took = f"{line.row.seconds:,.1f}\u00a0s" if line.row.seconds is not None else ""
    return " · ".join(filter(None, (line.measured_at[:10], line.commit[:8], took)))


def gauge(line: Line) -> Gauge | None:
    """None where a length would say nothing: a bar of zero or of equality, no value, a negative one."""
    bar, value = Bar.parse(line.row.bar), line.row.value
    if value is None or isinstance(value, bool) or bar.limit <= 0 or bar.relation == "==" or value < 0:
        return None
    share = BAR_AT * float(value) / bar.limit
    return Gauge(min(share, 1.0), share > 1.0, bar.relation in {"<=", "<"})
