"""What the report shows: plain values of one plan, one per step, with units in every name.

Steps are intervals ``[start_k, start_k + step_h_k)`` and may be unequal. ``NaN`` means "missing": it is
drawn as a gap and printed as a dash, never as zero. Directions are in the names (supply, use, import,
export); powers are never negative.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from dispatch.report.drawings import Drawing
from dispatch.report.network_picture import NetworkDrawing

Severity = Literal["info", "warning", "violation"]
Cell = str | float | int | None


@dataclass(frozen=True)
class Line:
    """One named series, one value per step [unit]. ``kind`` (an asset kind) only chooses the colour."""

    name: str
    values: tuple[float, ...]
    kind: str = ""
    unit: str = "kW"


@dataclass(frozen=True)
class Balance:
    """Everything that flows into (``supply``) and out of (``use``) one bus, all ≥ 0 [unit]."""

    carrier: str
    bus: str
    supply: tuple[Line, ...]
    use: tuple[Line, ...]
    unit: str = "kW"


@dataclass(frozen=True)
class Store:
    """Stored energy at the T+1 step edges [kWh] and its limits [kWh]."""

    name: str
    stored_kwh: tuple[float, ...]
    min_kwh: float
    max_kwh: float
    kind: str = ""


@dataclass(frozen=True)
class Fan:
    """A forecast: ``quantiles[q][k]`` at probability ``levels[q]`` [unit], and what came true, if known."""

    name: str
    unit: str
    levels: tuple[float, ...]
    quantiles: tuple[tuple[float, ...], ...]
    central: tuple[float, ...]
    actual: tuple[float, ...] | None = None
    kind: str = ""


@dataclass(frozen=True)
class VoltageBand:
    """Lowest, highest and median voltage of all buses, those of the park's own, highest branch loading [p.u.]."""

    lowest_pu: tuple[float, ...]
    highest_pu: tuple[float, ...]
    lower_limit_pu: float
    upper_limit_pu: float
    own_bus: tuple[Line, ...]
    loading_max_pu: tuple[float, ...]
    median_pu: tuple[float, ...] = ()


@dataclass(frozen=True)
class Method:
    """One row of the comparison. The first row is the plan itself, the second what it is measured against."""

    name: str
    basis: str
    cost: float
    co2_kg: float
    clean_share: float
    peak_import_kw: float
    curtailed_kwh: float
    shed_kwh: float = 0.0


@dataclass(frozen=True)
class Limit:
    """A limit that holds the plan: when it binds, and the money that one ``unit`` more of it would save in all."""

    asset: str
    what: str
    when: str
    saved: float
    unit: str


@dataclass(frozen=True)
class BillLine:
    """One line of a bill; ``money`` is what the plan adds, ``quantity`` [unit] that of the bill with it."""

    component: str
    quantity: float | None
    unit: str
    price: float | None
    money: float


@dataclass(frozen=True)
class Bill:
    """What a plan adds to the bill of one connection."""

    connection: str
    lines: tuple[BillLine, ...]
    total: float


@dataclass(frozen=True)
class Span:
    """Steps from the ``first`` to the ``last`` in which something holds that pictures mark."""

    text: str
    first: int
    last: int


@dataclass(frozen=True)
class Finding:
    """One sentence for the operator: which bus or line, when, by how much."""

    severity: Severity
    text: str


@dataclass(frozen=True)
class Picture:
    """Lines stacked upwards, one ``over`` them to compare with, and a ``ratio`` with a unit of its own.

    ``lines``, all of one unit, have a panel to themselves.
    """

    name: str
    about: str
    stacked: tuple[Line, ...]
    over: Line | None = None
    ratio: Line | None = None
    lines: tuple[Line, ...] = ()

    @property
    def all_lines(self) -> tuple[Line, ...]:
        """Every line that is drawn."""
        return (*self.stacked, *(one for one in (self.over, self.ratio) if one is not None), *self.lines)


@dataclass(frozen=True)
class Table:
    """Numbers and words in columns, a cell for each column in each row; ``short``: the rows' names never wrap."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    short: bool = False

    def is_text(self, column: int) -> bool:
        """Does a column hold words, which are read from the left, and no number?"""
        cells = [row[column] for row in self.rows if row[column] is not None]
        return bool(cells) and all(isinstance(cell, str) for cell in cells)


@dataclass(frozen=True)
class Answer:
    """What operators of some parks ask: facts in words, each with what it is of, tables, a note to them, pictures."""

    title: str
    facts: tuple[tuple[str, str], ...]
    pictures: tuple[Picture, ...] = ()
    tables: tuple[Table, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class File:
    """A file inside the page, to be saved from it."""

    name: str
    kind: str
    content: bytes

    @property
    def address(self) -> str:
        """The whole file as an address."""
        return f"data:{self.kind};base64,{base64.b64encode(self.content).decode()}"


@dataclass(frozen=True)
class Section:
    """One part of a page: pictures without a script, tables, a note to them, files."""

    title: str
    networks: tuple[NetworkDrawing, ...] = ()
    plots: tuple[Drawing, ...] = ()
    tables: tuple[Table, ...] = ()
    note: str = ""
    files: tuple[File, ...] = ()


@dataclass(frozen=True)
class Status:
    """How far the plan is proved. ``None`` and ``""`` mean "not stated" and are shown so, never as passed.

    ``quality`` is the rung of the ladder (``optimal`` … ``safe_state``); ``gap`` a fraction;
    ``audit_violations`` and ``ac_violations`` are counts; ``data_age_h`` is the age of the newest
    measurement when the forecast was made.
    """

    quality: str = ""
    gap: float | None = None
    audit_violations: int | None = None
    ac_violations: int | None = None
    data_age_h: float | None = None
    forecast_quality: str = ""


@dataclass(frozen=True)
class ReportData:
    """All that the page needs. Raises ``ValueError`` naming everything that does not fit the T steps.

    Prices are per kWh, ``money`` in the currency, ``carbon`` in kg; ``wishes`` are (text, outcome, kept).
    Key figures come from the first row of ``comparison`` and are set against the second.
    """

    title: str
    site: str
    day: str
    time_zone: str
    currency: str
    commitment: str
    step_start: tuple[str, ...]
    step_h: tuple[float, ...]
    balances: tuple[Balance, ...]
    stores: tuple[Store, ...]
    import_price: tuple[float, ...]
    export_price: tuple[float, ...]
    carbon_intensity_kg_per_kwh: tuple[float, ...]
    fans: tuple[Fan, ...]
    voltage: VoltageBand | None
    comparison: tuple[Method, ...]
    money: tuple[tuple[str, float], ...]
    carbon: tuple[tuple[str, float], ...]
    wishes: tuple[tuple[str, str, bool], ...]
    findings: tuple[Finding, ...]
    setpoints: tuple[Line, ...]
    certificate: Mapping[str, object]
    notes: tuple[str, ...]
    status: Status = field(default_factory=Status)
    limits: tuple[Limit, ...] = ()
    answers: tuple[Answer, ...] = ()
    network: tuple[NetworkDrawing, ...] = ()
    network_plots: tuple[Drawing, ...] = ()
    sections: tuple[Section, ...] = ()
    ledgers: tuple[Answer, ...] = ()
    bills: tuple[Bill, ...] = ()
    spans: tuple[Span, ...] = ()

    def __post_init__(self) -> None:
        problems = [*step_problems(self.step_start, self.step_h), *_length_problems(self)]
        if problems:
            raise ValueError("report data do not fit together:\n  " + "\n  ".join(problems))


def parse_start(text: str) -> datetime:
    """The start of a step, ISO 8601 with its offset from UTC. Raises ``ValueError`` naming the text."""
    try:
        start = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"step_start {text!r} is not an ISO 8601 time") from None
    if start.utcoffset() is None:
        raise ValueError(f"step_start {text!r} has no offset from UTC; write it like 2025-03-30T00:00+01:00")
    return start


def is_words(cell: object) -> bool:
    """Does a cell hold words, which stand at the left, and no number in words?"""
    return isinstance(cell, str) and cell[:1].isalpha()


def step_problems(step_start: tuple[str, ...], step_h: tuple[float, ...]) -> Iterator[str]:
    """What is wrong with starts and lengths of steps."""
    if not step_h:
        yield "step_h is empty: at least one step is needed"
    if len(step_start) != len(step_h):
        yield f"step_start has {len(step_start)} values, step_h has {len(step_h)}"
        return
    wrong = [h for h in step_h if not (math.isfinite(h) and h > 0)]
    if wrong:
        yield f"step_h holds {wrong[0]!r}: every step needs a length above 0 h"
        return
    try:
        starts = [parse_start(text) for text in step_start]
    except ValueError as error:
        yield str(error)
        return
    for k in range(len(starts) - 1):
        seconds = (starts[k + 1] - starts[k]).total_seconds()
        if abs(seconds - step_h[k] * 3600) > 1:
            now, then = step_start[k], step_start[k + 1]
            yield f"step {k} starts {now} and lasts {step_h[k]} h, but step {k + 1} starts {then}"
            return


def _length_problems(data: ReportData) -> Iterator[str]:
    steps = len(data.step_h)
    for place, values, wanted in _series(data, steps):
        if len(values) != wanted:
            yield f"{place}: {len(values)} values, wanted {wanted}"
    for fan in data.fans:
        if len(fan.levels) != len(fan.quantiles):
            yield f"fan {fan.name!r}: {len(fan.levels)} levels, {len(fan.quantiles)} rows of quantiles"
    for answer in (*data.answers, *data.ledgers):
        for columns, row in ((table.columns, row) for table in answer.tables for row in table.rows):
            if len(row) != len(columns):
                yield f"answer {answer.title!r}, row {row[:1]}: {len(row)} cells, wanted {len(columns)}"


def _series(data: ReportData, steps: int) -> Iterator[tuple[str, tuple[float, ...], int]]:
    yield "import_price", data.import_price, steps
    yield "export_price", data.export_price, steps
    yield "carbon_intensity_kg_per_kwh", data.carbon_intensity_kg_per_kwh, steps
    for balance in data.balances:
        for line in (*balance.supply, *balance.use):
            yield f"balance {balance.bus!r}, {line.name!r}", line.values, steps
    for store in data.stores:
        yield f"store {store.name!r}", store.stored_kwh, steps + 1
    for fan in data.fans:
        rows = (fan.central, *fan.quantiles, *([] if fan.actual is None else [fan.actual]))
        yield from ((f"fan {fan.name!r}", row, steps) for row in rows)
    for picture in (picture for answer in (*data.answers, *data.ledgers) for picture in answer.pictures):
        yield from ((f"picture {picture.name!r}, {line.name!r}", line.values, steps) for line in picture.all_lines)
    for line in data.setpoints:
        yield f"set-point {line.name!r}", line.values, steps
    if data.voltage is not None:
        band = data.voltage
        yield from (
            (f"voltage {name}", values, steps)
            for name, values in (
                ("lowest_pu", band.lowest_pu),
                *([("median_pu", band.median_pu)] if band.median_pu else []),
                ("highest_pu", band.highest_pu),
                ("loading_max_pu", band.loading_max_pu),
            )
        )
        yield from ((f"voltage of {line.name!r}", line.values, steps) for line in band.own_bus)
