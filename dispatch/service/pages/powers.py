"""A small picture of a plan: the site's net import by step, drawn on the server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import Row

from dispatch.report import wording
from dispatch.service.store import Tx, files

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

_WIDTH, _HEIGHT = 1000.0, 220.0


@dataclass(frozen=True)
class Picture:
    """A stepped line in a box of ``width`` × ``height``; ``now`` and ``zero`` are places in it."""

    title: str
    about: str
    path: str
    zero: str
    now: str | None
    first: str
    last: str
    range: str
    width: int = int(_WIDTH)
    height: int = int(_HEIGHT)


def picture(tx: Tx, row: Row[Any]) -> Picture | None:
    """The net import of a schedule; None where its table holds no connection to a grid."""
    import pyarrow as pa

    if not row.table_file:
        return None
    with pa.ipc.open_stream(files.read(tx, row.table_file)) as reader:
        table = reader.read_all()
    net_kw = _net_import_kw(table)
    if net_kw is None:
        return None
    hours = np.asarray(table.column("step_h").to_numpy(), float)
    return _drawn(net_kw, hours, row.start, row.end, tx.now)


def _net_import_kw(table: pa.Table) -> NDArray[np.float64] | None:
    """What all connections take, less what they give; none without a connection."""
    signs = {"import_kw": 1.0, "export_kw": -1.0}
    found = [(name, signs[name.rpartition(".")[2]]) for name in table.column_names if name.rpartition(".")[2] in signs]
    if not found:
        return None
    return np.asarray(sum(sign * np.asarray(table.column(name).to_numpy(), float) for name, sign in found))


def _drawn(
    net_kw: NDArray[np.float64], hours: NDArray[np.float64], start: datetime, end: datetime, now: datetime
) -> Picture:
    low, high = min(0.0, float(np.nanmin(net_kw))), max(0.0, float(np.nanmax(net_kw)))
    scale = _HEIGHT / (high - low or 1.0)
    edges = np.append(0.0, np.cumsum(hours)) * _WIDTH / hours.sum()
    y = (high - net_kw) * scale
    steps = [f"{'M' if k == 0 else 'L'}{edges[k]:.1f} {y[k]:.1f}H{edges[k + 1]:.1f}" for k in range(y.size)]
    passed = (now - start) / (end - start)
    mean = float(net_kw @ hours / hours.sum())
    told = f"{wording.adaptive(low)} … {wording.adaptive(high)} kW, mean {wording.adaptive(mean)} kW"
    return Picture(
        "Net import", f"Net import by step: {told}", "".join(steps), f"{high * scale:.1f}",
        f"{passed * _WIDTH:.1f}" if 0 <= passed <= 1 else None,
        f"{start:%m-%d %H:%M}", f"{end:%m-%d %H:%M} UTC", told,
    )  # fmt: skip
