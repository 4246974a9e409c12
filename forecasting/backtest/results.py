"""Results of a backtest: one long table, and the same as arrays to score.

    model, target, issue_time, valid_time (END of the interval), lead_h, lead_day, level, value, actual, rung,
    trained_time, trained_why

A model that could not answer has its rows too, with no value and a rung that begins with "none": what is missing is
seen. Lead days count from the first edge of the task on the local clock, the first is 1: where clocks change a day has
23 or 25 hours. The last two columns say when the
model had learnt that answered, and why just then: "first", "schedule" or "drift", with the reason in words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.clock import DAY_NS, HOUR_NS, Ns, utc_index, utc_text
from forecasting.errors import ForecastError

if TYPE_CHECKING:
    import pyarrow as pa

    from forecasting.retraining import Due

Floats = NDArray[np.float64]
COLUMNS = ("model", "target", "issue_time", "valid_time", "lead_h", "lead_day", "level", "value", "actual", "rung")
TRAINED = ("trained_time", "trained_why")
NO_ANSWER = "none"


@dataclass(frozen=True, eq=False)
class Series:
    """What one model said of one target: N intervals, in the order of issue and lead.

    quantiles (N, Q) at levels (Q,), NaN where it could not answer; actual (N,), NaN where nothing is known.
    """

    model: str
    target: str
    levels: Floats
    issue_ns: Ns
    valid_ns: Ns
    lead_h: Floats
    lead_day: NDArray[np.int64]
    quantiles: Floats
    actual: Floats
    rung: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.actual)

    def take(self, chosen: NDArray[np.bool_]) -> Series:
        """The chosen intervals."""
        moved = {n: getattr(self, n)[chosen] for n in _ARRAYS}
        return Series(self.model, self.target, self.levels, **moved)


_ARRAYS = ("issue_ns", "valid_ns", "lead_h", "lead_day", "quantiles", "actual", "rung")


def block(
    model: str,
    target: str,
    issue_ns: int,
    edges_ns: Ns,
    levels: Floats,
    quantiles: Floats | None,
    actual: Floats,
    rung: str | Sequence[str],
    time_zone: str = "UTC",
) -> pa.Table:
    """Rows of one task: quantiles (T, Q) or None, actual (T,), one rung or that of each interval (T,)."""
    import pyarrow as pa

    steps, count = len(edges_ns) - 1, len(levels)
    said = np.full((steps, count), np.nan) if quantiles is None else quantiles
    if said.shape != (steps, count):
        raise ForecastError(f"{model} gave {said.shape} for {target}, wanted {(steps, count)}")
    ends = edges_ns[1:]
    stamp = pa.timestamp("ns", tz="UTC")
    each = {
        "issue_time": pa.array(np.full(steps * count, issue_ns), pa.int64()).cast(stamp),
        "valid_time": pa.array(np.repeat(ends, count), pa.int64()).cast(stamp),
        "lead_h": pa.array(np.repeat((ends - issue_ns) / HOUR_NS, count)),
        "lead_day": pa.array(np.repeat(_lead_day(edges_ns, time_zone), count), pa.int64()),
        "level": pa.array(np.tile(levels, steps)),
        "value": pa.array(said.ravel(), mask=np.isnan(said.ravel())),
        "actual": pa.array(np.repeat(actual, count), mask=np.isnan(np.repeat(actual, count))),
    }
    words = {"model": model, "target": target}
    whole: dict[str, Any] = each | {name: pa.array([text] * (steps * count)) for name, text in words.items()}
    rungs = [rung] * steps if isinstance(rung, str) else list(rung)
    whole["rung"] = pa.array(rungs).take(pa.array(np.repeat(np.arange(steps), count)))
    return pa.table({name: whole[name] for name in COLUMNS})


def _lead_day(edges_ns: Ns, time_zone: str) -> NDArray[np.int64]:
    """Which day (T,) since the first edge the last instant of each interval lies in, on the local clock."""
    instants = np.concatenate([edges_ns[:1], edges_ns[1:] - 1])
    wall = utc_index(instants).tz_convert(time_zone).tz_localize(None).as_unit("ns").asi8
    return np.asarray(1 + (wall[1:] - wall[0]) // DAY_NS, dtype=np.int64)


def with_training(table: pa.Table, time_ns: int, why: Due) -> pa.Table:
    """The rows with when and why their model had learnt."""
    import pyarrow as pa

    stamp = pa.array(np.full(table.num_rows, time_ns), pa.int64()).cast(pa.timestamp("ns", tz="UTC"))
    words = pa.array([f"{why.reason}: {why.text}"]).take(pa.array(np.zeros(table.num_rows, np.int64)))
    return table.append_column(TRAINED[0], stamp).append_column(TRAINED[1], words)


@dataclass(frozen=True, eq=False)
class Results:
    """All rows of a backtest."""

    table: pa.Table

    def write(self, path: Path) -> None:
        """One Parquet file; the same results give the same bytes. Whole or not there."""
        write_table(self.table, path)

    @classmethod
    def read(cls, path: Path) -> Results:
        """What `write` wrote."""
        import pyarrow.parquet as pq

        if not path.is_file():
            raise ForecastError(f"results {path}: no such file")
        table = pq.read_table(path)
        if missing := sorted(set(COLUMNS) - set(table.column_names)):
            raise ForecastError(f"results {path}: no column {missing}; needed are {list(COLUMNS)}")
        return cls(table.select([*COLUMNS, *(name for name in TRAINED if name in table.column_names)]))

    @property
    def models(self) -> tuple[str, ...]:
        """Models in the order in which they were asked."""
        return tuple(dict.fromkeys(self.table["model"].to_pylist()))

    @property
    def targets(self) -> tuple[str, ...]:
        """Targets, likewise."""
        return tuple(dict.fromkeys(self.table["target"].to_pylist()))

    def trainings(self) -> list[dict[str, Any]]:
        """Rows (model, trained, reason, text), oldest first; none of results that do not say."""
        if TRAINED[0] not in self.table.column_names:
            return []
        told = self.table.group_by(["model", *TRAINED], use_threads=False).aggregate([]).to_pydict()
        times = [pd.Timestamp(time).value for time in told[TRAINED[0]]]
        parted = [text.partition(": ") for text in told[TRAINED[1]]]
        return [
            {"model": name, "trained": utc_text(time), "reason": reason, "text": text}
            for name, time, (reason, _, text) in zip(told["model"], times, parted, strict=True)
        ]

    def series(self) -> tuple[Series, ...]:
        """Every model and target as arrays, rows in the order of issue and lead."""
        frame = self.table.to_pandas()
        return tuple(
            _series(str(model), str(target), rows)
            for (model, target), rows in frame.groupby(["model", "target"], sort=False, observed=True)
        )


def _series(model: str, target: str, rows: Any) -> Series:
    rows = rows.sort_values(["issue_time", "valid_time", "level"], kind="stable")
    levels = np.unique(rows["level"].to_numpy())
    count = len(levels)
    if len(rows) % count or (rows["level"].to_numpy().reshape(-1, count) != levels).any():
        raise ForecastError(f"{model}, {target}: not every interval has each of the {count} levels")
    first = rows.iloc[::count]
    return Series(
        model,
        target,
        levels,
        first["issue_time"].astype("int64").to_numpy(),
        first["valid_time"].astype("int64").to_numpy(),
        first["lead_h"].to_numpy(),
        first["lead_day"].to_numpy(),
        rows["value"].to_numpy(dtype=np.float64).reshape(-1, count),
        first["actual"].to_numpy(dtype=np.float64),
        first["rung"].to_numpy(dtype=object),
    )


def write_table(table: pa.Table, path: Path) -> None:
    """Parquet, written beside its place and moved there, so that it is whole or not there."""
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.part")
    pq.write_table(table, beside, compression="zstd")
    beside.replace(path)
