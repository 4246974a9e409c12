"""The plan's part of each connection's bill, line by line, as the report shows it."""

from __future__ import annotations

from collections.abc import Iterator

from dispatch.assets.grid_connection import GridConnection, added_by
from dispatch.report.data import Bill, BillLine
from dispatch.schedule import Schedule

_NOTHING = 0.005


def bills(schedule: Schedule) -> Iterator[Bill]:
    """Of the published path, one for each connection; what is neither used nor owed has no line."""
    for solved in schedule.kinds.values():
        for row, member in enumerate(solved.rows.members):
            if isinstance(member, GridConnection):
                found = added_by(solved.rows, schedule.inputs, row, solved.series)
                several = len({line.period for line in found.lines}) > 1
                lines = [
                    BillLine(
                        f"{line.component}, {line.period}" if several else line.component,
                        *(line.quantity, line.unit, line.price, round(line.money, 2) + 0.0),
                    )
                    for line in found.lines
                    if abs(line.quantity) > _NOTHING or abs(line.money) > _NOTHING
                ]
                if abs(found.beside) > _NOTHING:
                    lines.append(BillLine("green power and demand response", None, "", None, round(found.beside, 2)))
                if lines:
                    yield Bill(member.name, tuple(lines), round(found.money, 2) + 0.0)
