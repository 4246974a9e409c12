"""A fleet's run as its page: from the run's Parquet files and the sites, chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dispatch.errors import DataError
from dispatch.fleet.members import Member, structure_of
from dispatch.fleet.outcomes import PENALTY
from dispatch.report.data import Line, Section
from dispatch.report.fleet_data import Array, FleetBounds, FleetData, FleetSites, Label, SharedUse
from dispatch.report.fleet_page import render_fleet
from dispatch.signals import Horizon

if TYPE_CHECKING:
    import pyarrow as pa

PAGE = "fleet.html"
_STORE = ("discharge_kw", "charge_kw")
# By kind of plant, the series that it brings onto a bus for electricity and that it takes; "" where it does neither.
POWERS: Mapping[str, tuple[str, str]] = {
    "grid_connection": ("import_kw", "export_kw"),
    "direct_line": ("own_use_kw", ""),
    "pv": ("power_kw", ""),
    "wind": ("power_kw", ""),
    "thermal": ("power_kw", ""),
    "chp": ("power_kw", ""),
    "battery": _STORE,
    "flow_battery": _STORE,
    "supercapacitor": _STORE,
    "ev_fleet": _STORE,
    "swap_station": ("", "charge_kw"),
    "load": ("", "served_kw"),
    "curtailable": ("", "served_kw"),
    "deferrable": ("", "power_kw"),
    "smelter": ("", "power_kw"),
}
_CONNECTION = "grid_connection"
_SMALL_KW = 1e-3  # in all sites together


@dataclass(frozen=True)
class Around:
    """What the page says beside the sites' own numbers.

    Attributes:
        joint: name, money and kg CO₂ of connections that several sites pay together.
        alone: by site, money of its own optimum if nothing were shared.
        ruled: by site, money without a plan.
        charged: by site, money that the prices of shared limits charge it.
        seconds: by site, of work.
    """

    title: str = "parkwatt: fleet plan"
    fleet: str = "fleet"
    settings: tuple[str, ...] = ()
    work: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    shared: tuple[SharedUse, ...] = ()
    bounds: FleetBounds | None = None
    sections: tuple[Section, ...] = ()
    joint: tuple[tuple[str, float, float], ...] = ()
    alone: Mapping[str, float] = field(default_factory=dict)
    ruled: Mapping[str, float] = field(default_factory=dict)
    charged: Mapping[str, float] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)


def write_page(folder: Path, members: Sequence[Member], horizon: Horizon, around: Around | None = None) -> Path:
    """The page of a finished run, beside its files.

    Raises:
        DataError: the folder holds no finished run of these sites.
    """
    path = folder / PAGE
    path.write_text(render_fleet(data_of(folder, members, horizon, around or Around())), encoding="utf-8")
    return path


def data_of(folder: Path, members: Sequence[Member], horizon: Horizon, around: Around) -> FleetData:
    """What the page shows of a run.

    Raises:
        DataError: the folder holds no finished run of these sites.
    """
    rows = _rows(folder, members)
    powers = _Powers.of(folder, members, horizon)
    left_out = sorted({a.kind for m in members for a in m.site.assets} - set(POWERS))
    notes = around.notes
    if left_out:
        notes = (
            *notes,
            f"The picture of power leaves out plant of kind {', '.join(left_out)}; the sums of sites do not.",
        )
    currencies = sorted({member.site.currency for member in members})
    if len(currencies) > 1:
        raise DataError(f"sites count in {', '.join(currencies)}: a page adds money of one currency; plan them apart")
    zones = sorted({member.site.time_zone for member in members})
    supply, use = powers.lines()
    return FleetData(
        title=around.title,
        fleet=around.fleet,
        day=f"{horizon.local_start[0]:%Y-%m-%d}",
        time_zone=horizon.time_zone if len(zones) == 1 else f"{horizon.time_zone} (sites in {len(zones)} time zones)",
        currency=currencies[0],
        step_start=tuple(start.isoformat() for start in horizon.local_start),
        step_h=tuple(float(hours) for hours in horizon.hours),
        sites=_sites(rows, members, powers, horizon, around),
        supply=supply,
        use=use,
        shared=around.shared,
        bounds=around.bounds,
        settings=around.settings,
        work=around.work,
        sections=around.sections,
        joint=around.joint,
        notes=notes,
    )


def _rows(folder: Path, members: Sequence[Member]) -> list[dict[str, object]]:
    """A row for each member, in their order."""
    import pyarrow.parquet as pq

    path = folder / "sites.parquet"
    if not path.is_file():
        raise DataError(f"{folder}: holds no finished fleet run: there is no {path.name}; finish it with --resume")
    rows = {str(row["site"]): row for row in pq.read_table(path).to_pylist()}
    if missing := [member.name for member in members if member.name not in rows]:
        raise DataError(f"{path}: has no site '{missing[0]}' and {len(missing) - 1} more of the fleet; plan it anew")
    return [rows[member.name] for member in members]


@dataclass
class _Powers:
    """Powers by kind over all sites (T,), and of each site what goes over its connections (N, T)."""

    supply: dict[str, Array]
    use: dict[str, Array]
    imported_kw: Array
    exported_kw: Array

    @classmethod
    def of(cls, folder: Path, members: Sequence[Member], horizon: Horizon) -> _Powers:
        count, steps = len(members), horizon.steps
        made = cls({}, {}, np.full((count, steps), np.nan), np.full((count, steps), np.nan))
        place = {member.name: k for k, member in enumerate(members)}
        kinds = [{asset.name: asset.kind for asset in member.site.assets} for member in members]
        for table in _parts(folder):
            made._add(table, place, kinds, steps)
        return made

    def _add(self, table: pa.Table, place: Mapping[str, int], kinds: Sequence[Mapping[str, str]], steps: int) -> None:
        step, value = (table[name].to_numpy() for name in ("step", "value"))
        for (site, asset, series), rows in _runs(table):
            at = place.get(site)
            kind = "" if at is None else kinds[at].get(asset, "")
            if at is None or series not in POWERS.get(kind, ()):
                continue
            own = np.full(steps, np.nan)
            own[step[rows]] = value[rows]
            is_supply = series == POWERS[kind][0]
            total = (self.supply if is_supply else self.use).setdefault(kind, np.zeros(steps))
            total += np.nan_to_num(own)
            if kind == _CONNECTION:
                over = (self.imported_kw if is_supply else self.exported_kw)[at]
                over[:] = np.where(np.isfinite(over), over, 0.0) + own

    def lines(self) -> tuple[tuple[Line, ...], tuple[Line, ...]]:
        """Stacks of the picture, the largest first; what one side has more than the other is other plant's."""
        more = sum(self.supply.values(), np.zeros(1)) - sum(self.use.values(), np.zeros(1))
        return self._side(self.supply, -more, 0), self._side(self.use, more, 1)

    def _side(self, totals: Mapping[str, Array], lacks: Array, place: int) -> tuple[Line, ...]:
        there = {kind: np.maximum(values, 0.0) for kind, values in totals.items() if np.abs(values).max() > _SMALL_KW}
        ranked = sorted(there, key=lambda kind: (-there[kind].sum(), kind))
        lines = [Line(_named(kind, place), tuple(there[kind].tolist()), kind) for kind in ranked]
        if lacks.size > 1 and lacks.max() > _SMALL_KW:
            lines.append(Line("other plant", tuple(np.maximum(lacks, 0.0).tolist())))
        return tuple(lines)


def _named(kind: str, place: int) -> str:
    """Of plant that brings and takes, which of the two."""
    words, both = kind.replace("_", " "), all(POWERS[kind])
    return f"{words} {POWERS[kind][place].removesuffix('_kw')}" if both else words


def _parts(folder: Path) -> Iterator[pa.Table]:
    import pyarrow.parquet as pq

    for path in (*sorted(folder.glob("series/chunk=*/part.parquet")), *folder.glob("series.parquet")):
        yield pq.ParquetFile(path).read()


def _runs(table: pa.Table) -> Iterator[tuple[tuple[str, str, str], np.ndarray]]:
    """Rows of each series of each asset of each site."""
    words = [table[name].combine_chunks().dictionary_encode() for name in ("site", "asset", "series")]
    known = [column.dictionary.to_pylist() for column in words]
    site, asset, series = (column.indices.to_numpy().astype(np.int64) for column in words)
    key = (site * len(known[1]) + asset) * len(known[2]) + series
    order = np.argsort(key, kind="stable")
    which, starts = np.unique(key[order], return_index=True)
    if which.size == 0:  # a chunk of which no site has a plan: np.split would still make one, empty, part
        return
    for one, rows in zip(which.tolist(), np.split(order, starts[1:]), strict=True):
        rest, named = divmod(one, len(known[2]))
        at, plant = divmod(rest, len(known[1]))
        yield (known[0][at], known[1][plant], known[2][named]), rows


def _sites(
    rows: Sequence[Mapping[str, object]], members: Sequence[Member], powers: _Powers, horizon: Horizon, around: Around
) -> FleetSites:
    names = tuple(member.name for member in members)
    imported, exported = powers.imported_kw, powers.exported_kw
    structures: dict[str, str] = {}
    for member in members:
        structures.setdefault(repr(structure_of(member.site)), f"structure {len(structures) + 1}")
    return FleetSites(
        name=names,
        quality=tuple(str(row["quality"] or "none") for row in rows),
        reason=tuple(_reason(row) for row in rows),
        structure=tuple(structures[repr(structure_of(member.site))] for member in members),
        cost=_column(rows, "money"),
        co2_kg=_column(rows, "co2_kg"),
        import_kwh=imported @ horizon.hours,
        export_kwh=exported @ horizon.hours,
        peak_import_kw=imported.max(axis=1),
        cost_alone=_by_name(around.alone, names),
        cost_ruled=_by_name(around.ruled, names),
        charged=_by_name(around.charged, names),
        gap=_column(rows, "gap"),
        seconds=_by_name(around.seconds, names),
        labels=_labels(members),
        latitude_deg=_places(members, "latitude_deg"),
        longitude_deg=_places(members, "longitude_deg"),
        net_import_kw=imported - exported,
    )


def _reason(row: Mapping[str, object]) -> str:
    """Why it did not get the plan that was asked for; a rung that is proved needs none, unless it pays penalties."""
    failed, reason, rung = (str(row.get(key) or "") for key in ("failed", "reason", "quality"))
    if failed:
        return failed
    if rung not in ("optimal", "incumbent", "convex_recovery"):
        return reason or "no plan"
    fined = isinstance(penalty := row.get("penalty"), float) and penalty > PENALTY
    return "load is not served or a limit is not kept" if fined else ""


def _column(rows: Sequence[Mapping[str, object]], name: str) -> Array:
    return np.array([np.nan if row.get(name) is None else row[name] for row in rows], dtype=np.float64)


def _by_name(values: Mapping[str, float], names: Sequence[str]) -> Array | None:
    return np.array([values.get(name, np.nan) for name in names]) if values else None


def _labels(members: Sequence[Member]) -> dict[str, Label]:
    """Labels over all sites: numbers where all that are given are, else words with nothing where there is none."""
    titles = tuple(member.site.title for member in members)
    found: dict[str, Label] = {"title": titles} if len(set(titles)) > 1 else {}
    for name in dict.fromkeys(name for member in members for name in member.labels):
        values = [member.labels.get(name) for member in members]
        if all(value is None or isinstance(value, int | float) for value in values):
            found[name] = np.array([np.nan if value is None else float(value) for value in values])
        else:
            found[name] = tuple("" if value is None else str(value) for value in values)
    return found


def _places(members: Sequence[Member], name: str) -> Array | None:
    values = [getattr(member.site, name) for member in members]
    return None if all(v is None for v in values) else np.array([np.nan if v is None else v for v in values])
