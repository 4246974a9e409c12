"""What a run came to: one table of all sites, in the order in which they were given, and the sums."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dispatch.errors import DataError
from dispatch.fleet.run.asked import Asked
from dispatch.fleet.run.planned import NONE
from dispatch.fleet.run.store import Done, Store, UnwrittenError, write_table, write_text

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Summary:
    """A finished run.

    Attributes:
        sites: a row for each site.
        rungs: how many sites stand on which rung; "none" for those without a plan.
        money: by currency.
        co2_kg: of all sites that have a plan.
        failures: by site, why it had to be set apart, and what it has instead.
    """

    folder: Path
    sites: pa.Table
    rungs: Mapping[str, int]
    money: Mapping[str, float]
    co2_kg: float
    failures: Mapping[str, str]


def summarise(asked: Asked, store: Store, marks: Mapping[str, Done]) -> Summary:
    """Write ``sites.parquet`` and ``result.json``, whose hashes say whether two runs gave the same.

    Raises:
        DataError: a file is damaged, or there is no room.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    every = pa.concat_tables([store.read("sites", marks[chunk.name]) for chunk in asked.chunks])
    order = {name: place for place, name in enumerate(asked.names)}
    sites = every.take(pa.array(sorted(range(every.num_rows), key=lambda row: order[every["site"][row].as_py()])))
    rows = sites.to_pylist()
    money: dict[str, float] = {}
    for currency in sorted({row["currency"] for row in rows}):
        own = sites.filter(pc.equal(sites["currency"], currency))
        money[currency] = _sum(own["money"])
    rungs = Counter(row["quality"] for row in rows)
    failures = {row["site"]: _instead(row) for row in rows if row["failed"]}
    made = Summary(store.folder, sites, dict(sorted(rungs.items())), money, _sum(sites["co2_kg"]), failures)
    _write(made, asked, marks)
    return made


def _sum(column: Any) -> float:
    """Of what is there, in the order of the sites: exactly rounded, so that no order of chunks shows."""
    from math import fsum

    return fsum(value for value in column.to_pylist() if value is not None)


def _instead(row: Mapping[str, Any]) -> str:
    instead = row["reason"] if row["quality"] == NONE else f"it has its {row['quality'].replace('_', ' ')} plan"
    return f"{row['failed']}; {instead}"


def _write(made: Summary, asked: Asked, marks: Mapping[str, Done]) -> None:
    told = {
        "run": asked.run,
        "sites": len(asked.names),
        "rungs": made.rungs,
        "money": made.money,
        "co2_kg": made.co2_kg,
        "failures": made.failures,
        "files": {
            f"{table}/chunk={chunk.name}/part.parquet": marks[chunk.name].files[table][0]
            for chunk in asked.chunks
            for table in sorted(marks[chunk.name].files)
        },
    }
    try:
        write_table(made.folder / "sites.parquet", made.sites)
        write_text(made.folder / "result.json", json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    except UnwrittenError as error:
        raise DataError(f"{error}. All sites are done and kept; make room and finish with --resume") from error
