"""All runs of a site's weather on one lattice of steps, looked up for many issue times and steps at once.

Speeds and directions become components before they are drawn onto the lattice, so that 350° and 10° meet at north.
Between two stamps of a run values are linear in time; a gap above six hours stays one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.archive import Known
from forecasting.archive.rows import Rows
from forecasting.clock import HOUR_NS, Ns

Floats = NDArray[np.float64]
Steps = NDArray[np.int64]
BRIDGED_NS = 6 * HOUR_NS
OTHERS = ("temperature_2m", "surface_pressure", "relative_humidity_2m")
_SPEED = re.compile(r"wind_speed_(\d+)m$")


@dataclass(frozen=True)
class Lattice:
    """Steps of one length for all series: step k ends at origin_ns + k · step_ns."""

    origin_ns: int
    step_ns: int

    def end_ns(self, step: Steps) -> Ns:
        """Ends of steps [ns]."""
        return self.origin_ns + np.asarray(step, dtype=np.int64) * self.step_ns

    def steps(self, hours: float) -> int:
        """A span in whole steps, one at least."""
        return max(round(hours * HOUR_NS / self.step_ns), 1)


@dataclass(frozen=True, eq=False)
class Winds:
    """Every run of one site on the lattice.

    Rows lie run after run, steps rising: run (n,), step (n,), columns[name] (n,) with NaN where a run has none. Runs
    (R,) are numbered in the order in which they became available, then in that of their issue.
    """

    lattice: Lattice
    issue_ns: Ns
    available_ns: Ns
    run: Steps
    step: Steps
    columns: Mapping[str, Floats]
    _order: NDArray[np.int64]
    _key: Steps
    _position: NDArray[np.int64]

    def latest(self, issue_ns: Ns, step: Steps, hindcast: bool = False) -> NDArray[np.int64]:
        """Row of the latest run available at each issue that reaches the step, −1 where none does.

        `hindcast`: where none does, the first run that reaches back to the step, known only later.
        """
        issue_ns, step = np.broadcast_arrays(issue_ns, step)
        newest = np.searchsorted(self.available_ns, issue_ns, side="right") - 1
        found = self._at(np.searchsorted(self._key, self._code(step, newest), side="right") - 1, step)
        if hindcast and (missing := found < 0).any():
            first = np.searchsorted(self._key, self._code(step[missing], 0), side="left")
            found[missing] = self._at(first, step[missing])
        return found

    def earlier(self, row: NDArray[np.int64], back: int) -> NDArray[np.int64]:
        """Rows of the run so many before, at the same step; −1 where there is none."""
        there = np.maximum(row, 0)
        return np.where(row >= 0, self._at(self._position[there] - back, self.step[there]), -1)

    def shifted(self, row: NDArray[np.int64], by: int) -> NDArray[np.int64]:
        """Rows of the same run so many steps later (earlier where negative); −1 outside the run."""
        there = np.clip(row + by, 0, len(self.run) - 1)
        same = (self.run[there] == self.run[row]) & (self.step[there] == self.step[row] + by)
        return np.where((row >= 0) & same, there, -1)

    def value(self, name: str, row: NDArray[np.int64]) -> Floats:
        """A column at rows, NaN at −1."""
        if not len(self.run):
            return np.full(row.shape, np.nan)
        return np.where(row >= 0, self.columns[name][np.maximum(row, 0)], np.nan)

    def lead_h(self, row: NDArray[np.int64]) -> Floats:
        """Hours between the run's issue and the step's end."""
        there = np.maximum(row, 0)
        lead = (self.lattice.end_ns(self.step[there]) - self.issue_ns[self.run[there]]) / HOUR_NS
        return np.where(row >= 0, lead, np.nan)

    def run_of(self, row: NDArray[np.int64]) -> Steps:
        """Run of rows, −1 where there is none."""
        return np.where(row >= 0, self.run[np.maximum(row, 0)], -1)

    @property
    def heights_m(self) -> tuple[int, ...]:
        """Heights with a speed, rising."""
        return tuple(sorted(int(name[6:]) for name in self.columns if name.startswith("speed_")))

    def _code(self, step: Steps, run: Steps | int) -> Steps:
        return np.asarray(step * len(self.available_ns) + run)

    def _at(self, position: NDArray[np.int64], step: Steps) -> NDArray[np.int64]:
        inside = (position >= 0) & (position < len(self._order))
        row = self._order[np.clip(position, 0, len(self._order) - 1)]
        return np.where(inside & (self.step[row] == step), row, -1)


def winds_of(known: Known, site: str, lattice: Lattice, since_ns: int | None = None) -> Winds | None:
    """All visible runs of a site, of which only what is valid from `since_ns` on; None where it has no wind speed."""

    def issued(name: str) -> Rows:
        rows = known.issued(site, name)
        return rows if since_ns is None else rows.take(rows.valid_ns >= since_ns)

    series = {name: issued(name) for name in known.variables(site) if _SPEED.match(name)}
    series = {name: rows for name, rows in series.items() if np.isfinite(rows.value).any()}
    if not series:
        return None
    more = [name.replace("speed", "direction") for name in series] + list(OTHERS)
    series |= {name: rows for name in more if len(rows := issued(name))}
    issue = np.concatenate([rows.issue_ns for rows in series.values()])
    available = np.concatenate([rows.available_ns for rows in series.values()])
    stamp = np.concatenate([rows.valid_ns for rows in series.values()])
    run_issue, run_available, run = _runs(issue, available)
    cell, at = np.unique(run * _STRIDE + (stamp - stamp.min()) // _NS, return_inverse=True)
    raw = {}
    begin = 0
    for name, rows in series.items():
        raw[name] = np.full(len(cell), np.nan)
        raw[name][at[begin : begin + len(rows)]] = rows.value
        begin += len(rows)
    stamps = cell % _STRIDE * _NS + stamp.min()
    return _placed(lattice, run_issue, run_available, cell // _STRIDE, stamps, _components(raw))


_NS = 1_000_000_000
_STRIDE = 1 << 34  # seconds: more than five hundred years


def _runs(issue: Ns, available: Ns) -> tuple[Ns, Ns, Steps]:
    """Issue (R,) and availability (R,) of the runs, in the order of the latter, and each row's run."""
    issues, by_issue = np.unique(issue, return_inverse=True)
    times, by_time = np.unique(available, return_inverse=True)
    code, run = np.unique(by_time * len(issues) + by_issue, return_inverse=True)
    return issues[code % len(issues)], times[code // len(issues)], np.asarray(run, dtype=np.int64)


def _components(raw: Mapping[str, Floats]) -> dict[str, Floats]:
    """Components [m/s] towards east and north at all heights whose direction is known, speeds, and the rest."""
    found: dict[str, Floats] = {}
    for name, speed in raw.items():
        if match := _SPEED.match(name):
            height = match[1]
            found[f"speed_{height}"] = speed
            from_deg = raw.get(f"wind_direction_{height}m")
            if from_deg is not None:
                found[f"east_{height}"] = -speed * np.sin(np.deg2rad(from_deg))
                found[f"north_{height}"] = -speed * np.cos(np.deg2rad(from_deg))
        elif name in OTHERS:
            found[name] = speed
    return found


def _placed(lattice: Lattice, issue: Ns, available: Ns, run: Steps, stamp: Ns, columns: Mapping[str, Floats]) -> Winds:
    drawn = {name: _on_lattice(lattice, run, stamp, values) for name, values in columns.items()}
    first = min((int(step.min()) for _, step, _ in drawn.values() if len(step)), default=0)
    last = max((int(step.max()) for _, step, _ in drawn.values() if len(step)), default=0)
    wide = last - first + 1
    cell = np.unique(np.concatenate([r * wide + s - first for r, s, _ in drawn.values()]))
    table = {}
    for name, (r, s, values) in drawn.items():
        table[name] = np.full(len(cell), np.nan)
        table[name][np.searchsorted(cell, r * wide + s - first)] = values
    speeds = np.stack([values for name, values in table.items() if name.startswith("speed_")])
    windy = np.isfinite(speeds).any(axis=0)  # a run without wind must not hide an older one that has it
    cell, table = cell[windy], {name: values[windy] for name, values in table.items()}
    of_run, step = cell // wide, cell % wide + first
    key = step * len(available) + of_run
    order = np.argsort(key, kind="stable")
    position = np.empty(len(order), dtype=np.int64)
    position[order] = np.arange(len(order))
    return Winds(lattice, issue, available, of_run, step, table, order, key[order], position)


def _on_lattice(lattice: Lattice, run: Steps, stamp: Ns, value: Floats) -> tuple[Steps, Steps, Floats]:
    """Run, step and value of all lattice points that lie on a stamp or between two near stamps of one run."""
    known = np.isfinite(value)
    run, stamp, value = run[known], stamp[known], value[known]
    cell = (stamp - lattice.origin_ns) // lattice.step_ns
    near = (run[1:] == run[:-1]) & (np.diff(stamp) <= max(BRIDGED_NS, lattice.step_ns))
    alone = np.concatenate([[True], ~near]) & ((stamp - lattice.origin_ns) % lattice.step_ns == 0)
    count = np.where(near, np.diff(cell), 0)
    left = np.repeat(np.arange(len(count)), count)
    nth = np.arange(len(left)) - np.repeat(np.cumsum(count) - count, count) + 1
    step = cell[left] + nth
    share = (lattice.end_ns(step) - stamp[left]) / np.maximum(stamp[left + 1] - stamp[left], 1)
    between = value[left] + share * (value[left + 1] - value[left])
    return (
        np.concatenate([run[alone], run[left]]),
        np.concatenate([cell[alone], step]),
        np.concatenate([value[alone], between]),
    )
