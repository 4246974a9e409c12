"""The parts of a study as one table by day, and days added up to spans as each metric says."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.study import parts
from benchmarks.study.metrics import METRICS, Metric

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def joined(paths: Iterable[Path]) -> tuple[pa.Table, dict[str, list[str]]]:
    """All days of all parts in the order given, and the parts' notes by their names."""
    import pyarrow as pa

    tables, notes = [], {}
    for path in paths:
        made, told = parts.read(path)
        tables.append(made)
        if told:
            notes[path.stem] = told
    return pa.concat_tables(tables), notes


def by_day(table: pa.Table) -> pd.DataFrame:
    """One row per case, method, seed and day with every metric; shares beside the sums that they are made of."""
    frame: pd.DataFrame = table.to_pandas()
    for metric in METRICS.values():
        if metric.fold == "ratio":
            frame[metric.name] = frame[metric.part] / frame[metric.whole]
    return frame


def by_span(days: pd.DataFrame) -> pd.DataFrame:
    """One row per case, method and seed: days as the metrics add them up. A sum that lacks a day is missing."""
    import pandas as pd

    groups = days.groupby(["case", "method", "seed"], sort=False, dropna=False)
    rows = [
        dict(zip(("case", "method", "seed"), where, strict=True))
        | {"days": len(of)}
        | {metric.name: folded(of, metric) for metric in METRICS.values()}
        for where, of in groups
    ]
    return pd.DataFrame(rows)


def folded(days: pd.DataFrame, metric: Metric) -> float:
    """One metric over days."""
    if metric.fold == "ratio":
        return float(days[metric.part].sum(skipna=False) / days[metric.whole].sum(skipna=False))
    if metric.fold == "sum":
        return float(days[metric.name].sum(skipna=False))
    if metric.fold == "largest":
        return float(days[metric.name].max())
    return float(days[metric.name].mean(skipna=False))


def by_method(spans: pd.DataFrame) -> pd.DataFrame:
    """One row per case and method: the mean over seeds, and how many there were."""
    groups = spans.groupby(["case", "method"], sort=False)
    means = groups[["days", *METRICS]].mean()
    means.insert(0, "seeds", groups.size())
    return means.reset_index()


def by_case_day(days: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Days by methods, each the mean over seeds: what is paired."""
    wide = days.pivot_table(index=["case", "day"], columns="method", values=metric, aggfunc="mean", sort=False)
    return wide[[name for name in dict.fromkeys(days["method"]) if name in wide.columns]]
