"""Ledgers as files that other programs read: Parquet, CSV and JSON with the same columns, and what they rest on.

Every column has its unit in its name. What the numbers mean stands beside them: park and period, the question that each
ledger answers, factors with their sources, certificates and notes; in the Parquet files as metadata under ``parkwatt``,
for the others in ``account.json``. The same account gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.carbon.certificates import PER_KWH
from dispatch.carbon.goods import Good, Period, figures, periods
from dispatch.carbon.ledger import Content, Ledger, Ledgers
from dispatch.carbon.market import Market
from dispatch.errors import DataError
from dispatch.signals import Horizon
from dispatch.tables import write

if TYPE_CHECKING:
    import pyarrow as pa

FORMATS = ("parquet", "csv", "json")
BY = ("step", "hour", "day", "month", "year", "all")
_DECIMALS = 9
_SMALL = 1e-9


@dataclass(frozen=True)
class About:
    """What an account's numbers rest on.

    Attributes:
        park, title: name and title.
        factors: by what they are of (average, residual, marginal), their source with version and days of validity.
        settings: what was chosen, in words, by name.
        notes: what a reader should know.
        hashes: SHA-256 of each input.
    """

    park: str
    title: str = ""
    factors: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    hashes: Mapping[str, str] = field(default_factory=dict)


def metadata(about: About, ledgers: Ledgers, market: Market | None) -> dict[str, Any]:
    """Everything beside the numbers, as plain values."""
    horizon = next(iter(ledgers)).horizon
    return {
        "park": about.park,
        "title": about.title,
        "first": horizon.local_start[0].isoformat(),
        "end": horizon.local_end[-1].isoformat(),
        "time_zone": horizon.time_zone,
        "steps": horizon.steps,
        "ledgers": {
            one.name: {
                "question": one.question,
                "emitted_kg": round(float(one.emitted_kg.sum()), 6),
                "on_meters_kg": round(float(one.carbon_kg.sum()), 6),
                "left_over_kg": round(float(one.left_over_kg.sum()), 6),
            }
            for one in ledgers
        },
        "factors": dict(about.factors),
        "settings": dict(about.settings),
        "certificates": None if market is None else certificate_balances(market),
        "claimed_by": None if market is None else market.claim,
        "notes": list(about.notes),
        "hashes": dict(sorted(about.hashes.items())),
    }


def certificate_balances(market: Market) -> list[dict[str, Any]]:
    """Each supply's balance in each account: what comes in is what goes out or stays, to the kWh."""
    return [
        {"matching": matching, "supply": balance.name, **balance.kwh(), "residual_kwh": balance.residual / PER_KWH}
        for matching, found in market.covered.items()
        for balance in found.balances
    ]


def coarser(ledger: Ledger, by: str) -> Ledger:
    """The ledger with a step for each hour, day, month or year of the local clock, or one for all.

    Raises:
        DataError: there is no such step.
    """
    if by not in BY:
        raise DataError(f"steps of '{by}': not known; accepted: {', '.join(BY)}")
    if by == "step":
        return ledger
    cuts = [first for _, first, _ in periods(ledger.horizon, by)]
    edges = [*cuts, ledger.horizon.steps]
    energy, carbon = (np.add.reduceat(values, cuts, axis=1) for values in (ledger.energy_kwh, ledger.carbon_kg))
    return Ledger(
        ledger.name,
        ledger.question,
        Horizon(ledger.horizon.edges[edges], ledger.horizon.time_zone),
        ledger.meters,
        energy,
        carbon,
        np.add.reduceat(ledger.emitted_kg, cuts),
        {name: Content(held.energy_kwh[edges], held.carbon_kg[edges]) for name, held in ledger.stores.items()},
    )


def write_ledgers(
    ledgers: Ledgers, folder: Path, meta: Mapping[str, Any], *, by: str = "hour", formats: Iterable[str] = FORMATS
) -> list[Path]:
    """``ledgers.parquet``, ``.csv`` and ``.json``.

    Raises:
        DataError: a format or step is not known.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = Ledgers(tuple(coarser(one, by) for one in ledgers))
    table, paths = made.to_arrow(), []
    for form in formats:
        paths.append(folder / f"ledgers.{form}")
        if form == "json":
            _dump(_nested(made, meta), paths[-1])
        else:
            write_table(table, paths[-1], meta)
    return paths


def write_table(table: pa.Table, path: Path, meta: Mapping[str, Any]) -> None:
    """A flat table in the format that the path ends in.

    Raises:
        DataError: there is no such format.
    """
    import pyarrow as pa
    import pyarrow.csv

    if path.suffix == ".parquet":
        write(table.replace_schema_metadata({"parkwatt": json.dumps(meta, ensure_ascii=False)}), path)
    elif path.suffix == ".csv":
        # Words that repeat are kept as a dictionary, which a CSV has none of.
        plain = [c.cast(pa.string()) if pa.types.is_dictionary(c.type) else c for c in table.columns]
        pyarrow.csv.write_csv(pa.table(dict(zip(table.column_names, plain, strict=True))), path)
    elif path.suffix == ".json":
        _dump({"metadata": meta, "rows": table.to_pylist()}, path)
    else:
        raise DataError(f"format '{path.suffix.lstrip('.')}': not known; accepted: {', '.join(FORMATS)}")


def _nested(ledgers: Ledgers, meta: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of the flat table, with what repeats said once: times for all, names for each meter."""
    horizon = next(iter(ledgers)).horizon
    return {
        "metadata": meta,
        "start": [str(np.datetime_as_string(edge, unit="s")) + "Z" for edge in horizon.edges[:-1]],
        "hours": horizon.hours.tolist(),
        "meters": [
            {
                "ledger": one.name, "meter": meter.name, "asset": meter.asset, "role": meter.role,
                "carrier": meter.carrier, "bus": meter.bus,
                "energy_kwh": _plain(one.energy_kwh[k]), "carbon_kg": _plain(one.carbon_kg[k]),
                "intensity_kg_per_kwh": _plain(one.intensity[k]),
            }
            for one in ledgers
            for k, meter in enumerate(one.meters)
        ],
    }  # fmt: skip


def _plain(values: np.ndarray) -> list[float | None]:
    """Numbers of JSON, which has no NaN: what is missing is null."""
    rounded = np.round(values, _DECIMALS).tolist()
    return [value if known else None for value, known in zip(rounded, np.isfinite(values).tolist(), strict=True)]


def _dump(content: Mapping[str, Any], path: Path) -> None:
    text = json.dumps(content, ensure_ascii=False, default=str)
    path.write_text(text + "\n", encoding="utf-8")


def certificate_table(market: Market) -> pa.Table:
    """Who used how much of which certificates: a row for each account, supply, meter and month or year."""
    import pyarrow as pa

    rows: list[dict[str, Any]] = []
    horizon = market.hour.horizon
    for matching, found in market.covered.items():
        by = "month" if matching == "hour" else "year"
        for period, first, end in periods(horizon, by):
            places = np.unique(found.period[first:end])
            used = found.used[:, :, places].sum(axis=2)
            rows += [
                {"matching": matching, "period": period, "supply": supply.name, "meter": meter,
                 "used_kwh": int(used[k, m]) / PER_KWH}
                for k, supply in enumerate(market.supplies)
                for m, meter in enumerate(market.meters)
                if used[k, m]
            ]  # fmt: skip
    names = ("matching", "period", "supply", "meter")
    schema = pa.schema([*(pa.field(name, pa.string()) for name in names), pa.field("used_kwh", pa.float64())])
    return pa.Table.from_pylist(rows, schema=schema)


def goods_table(found: Sequence[Good], horizon: Horizon, named: Sequence[Period]) -> pa.Table:
    """A row for each good, ledger and period; carbon per t or kWh of what was delivered."""
    import pyarrow as pa

    blocks = [_goods_block(good, ledger, horizon, named) for good in found for ledger in good.carbon_kg]
    if blocks:
        return pa.concat_tables(blocks)
    texts = [pa.field(name, pa.string()) for name in _TEXTS]
    return pa.schema([*texts, *(pa.field(name, pa.float64()) for name in _NUMBERS)]).empty_table()


_TEXTS = ("good", "unit", "ledger", "period", "first", "end")
_NUMBERS = (
    "amount", "carbon_kg", "kg_per_unit", "direct_kg", "indirect_kg", "scope_1_kg", "scope_2_kg", "electricity_kwh",
    "electricity_kg_per_kwh",
)  # fmt: skip


def write_goods(
    found: Sequence[Good], horizon: Horizon, named: Sequence[Period], path: Path, meta: Mapping[str, Any]
) -> None:
    """The same in the format that the path ends in; JSON says periods once, and names once for each good and ledger.

    Raises:
        DataError: there is no such format.
    """
    if path.suffix != ".json":
        write_table(goods_table(found, horizon, named), path, meta)
        return
    rows = [
        {"good": good.name, "unit": good.unit, "ledger": ledger}
        | {name: _plain(values) for name, values in _numbers(good, ledger, named).items()}
        for good in found
        for ledger in good.carbon_kg
    ]
    _dump({"metadata": meta, **_times(horizon, named), "goods": rows}, path)


def _goods_block(good: Good, ledger: str, horizon: Horizon, named: Sequence[Period]) -> pa.Table:
    """One good in one ledger."""
    import pyarrow as pa

    said = {"good": good.name, "unit": good.unit, "ledger": ledger}
    texts = {name: [text] * len(named) for name, text in said.items()} | _times(horizon, named)
    numbers = {name: pa.array(v, from_pandas=True) for name, v in _numbers(good, ledger, named).items()}
    return pa.table({name: pa.array(values, pa.string()) for name, values in texts.items()} | numbers)


def _numbers(good: Good, ledger: str, named: Sequence[Period]) -> dict[str, np.ndarray]:
    """(period,) each; what nothing was delivered of has no carbon per unit."""
    columns = figures(good, ledger, named)
    columns["kg_per_unit"] = _ratio(columns["carbon_kg"], columns["amount"])
    columns["electricity_kg_per_kwh"] = _ratio(columns["indirect_kg"], columns["electricity_kwh"])
    return {name: columns[name] for name in _NUMBERS}


def _times(horizon: Horizon, named: Sequence[Period]) -> dict[str, list[str]]:
    return {
        "period": [period for period, _, _ in named],
        "first": [horizon.local_start[first].isoformat() for _, first, _ in named],
        "end": [horizon.local_end[end - 1].isoformat() for _, _, end in named],
    }


def _ratio(over: np.ndarray, under: np.ndarray) -> np.ndarray:
    return np.asarray(np.divide(over, under, out=np.full(under.shape, np.nan), where=under > _SMALL))
