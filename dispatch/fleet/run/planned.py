"""What became of sites, as two tables: a row for each site, and a row for each value of their series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dispatch.fleet.outcomes import Blocks, Outcome, schedule_table, summary_table

if TYPE_CHECKING:
    import pyarrow as pa

    from dispatch.signals import Horizon

TABLES = ("sites", "series")
NONE = "none"
"""Quality of a site that has no plan at all."""

Tables = Mapping[str, "pa.Table"]


def tables(outcomes: Sequence[Outcome], blocks: Sequence[Blocks], horizon: Horizon) -> Tables:
    """Of sites, in the order of their outcomes."""
    order = [outcome.site for outcome in outcomes]
    return {"sites": summary_table(outcomes), "series": schedule_table(order, blocks, horizon)}


def joined(pieces: Sequence[Tables]) -> Tables:
    """Tables of sites one after the other, the same bytes as if they had been made at once."""
    import pyarrow as pa

    return {name: pa.concat_tables([piece[name] for piece in pieces]).combine_chunks() for name in TABLES}


def plain(table: pa.Table) -> pa.Table:
    """Without dictionaries, whose order tells who was beside whom; numbers that are none are null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = {}
    for name in table.column_names:
        column = table[name].combine_chunks()
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        elif pa.types.is_floating(column.type):
            column = pc.if_else(pc.is_finite(column), column, None)
        columns[name] = column
    return pa.table(columns)


def with_column(found: Tables, name: str, values: Sequence[str]) -> Tables:
    """With one more column of text for the sites."""
    import pyarrow as pa

    return {**found, "sites": found["sites"].append_column(name, pa.array(values, pa.string()))}
