r"""Devices as one linear program: what the exact class does not cover, prices by device, and a second opinion.

A device that loses energy by going to and fro draws p⁺ and gives p⁻; x is the content that
:class:`dispatch.fields.flexible_devices.Devices` defines.

*Outer*: both may happen in one step, which burns energy that a real device cannot burn; every real profile is among
these. *Inner*: a second content l, moved by one rate κ, g ≤ κ ≤ d, in both directions, must keep the upper limit too:

.. math:: l_t = k_t l_{t-1} + h_t κ_t (p_t^+ - p_t^-) ≤ \overline{x}_t

What the net power really stores is never more than l (a power moves at most κ in its own direction's favour) and
never less than x: every net profile of the inner set is possible without burning. Around a profile that burns nothing,
with κ = g where it draws and d where it gives, l is the true content: the inner sets of all κ together are the true
set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from dispatch.errors import DataError, SolveError
from dispatch.fields.flexible_devices import Devices
from dispatch.signals import Array
from dispatch.solver.highs import Matrices, load

# Money for a kWh away from what is asked, in times of the largest price: nothing is worth missing it.
_AWAY = 1e3


@dataclass(frozen=True)
class Behind:
    """Connections, G of them, behind which devices stand: what those of each draw together is limited.

    Attributes:
        names: (G,).
        of: (N,) which connection each device stands behind.
        least_kw, most_kw: (G, T) limits of their net draw.

    Raises:
        DataError: shapes that do not fit.
    """

    names: tuple[str, ...]
    of: np.ndarray
    least_kw: Array
    most_kw: Array

    def __post_init__(self) -> None:
        shape = (len(self.names), self.least_kw.shape[-1])
        if self.least_kw.shape != shape or self.most_kw.shape != shape:
            raise DataError(f"limits have shapes {self.least_kw.shape}, {self.most_kw.shape}; accepted: {shape}")
        if self.of.size and not (self.of.min() >= 0 and self.of.max() < len(self.names)):
            raise DataError(f"a device stands behind connection {self.of.max()}; accepted: 0 to {len(self.names) - 1}")

    def sums(self, power_kw: Array) -> Array:
        """(G, T) of powers (N, T)."""
        out = np.zeros_like(self.least_kw)
        np.add.at(out, self.of, power_kw)
        return out

    def broken(self, power_kw: Array, tolerance: float = 1e-6) -> list[str]:
        """Connections whose limits powers (N, T) break, in words."""
        sums = self.sums(power_kw)
        room = tolerance * np.maximum(1.0, np.abs(sums))
        over = np.maximum(self.least_kw - sums, sums - self.most_kw)
        return [
            f"{self.names[g]}: {sums[g, t]:g} kW in step {t}, outside [{self.least_kw[g, t]:g}, {self.most_kw[g, t]:g}]"
            for g, t in np.argwhere(~(over <= room))
        ]

    def some(self, which: np.ndarray, first: int = 0) -> Behind:
        """For some devices only, from a step on."""
        return Behind(self.names, self.of[which], self.least_kw[:, first:], self.most_kw[:, first:])


@dataclass(frozen=True)
class Found:
    """A solution.

    Attributes:
        power_kw: (N, T) net draw.
        burnt_kw: (N, T) drawn and given at once.
        above_kw, below_kw: (T,) how far the total is above and below what was asked.
        dual: (T,) what one more kW asked for would cost.
        objective: of the program.
    """

    power_kw: Array
    burnt_kw: Array
    above_kw: Array
    below_kw: Array
    dual: Array
    objective: float


class Linear:
    """A program that is built once and solved for many profiles or values.

    Args:
        devices: whose limits it holds.
        kappa: (N, T) rates of the inner set; None: the outer set.
        tracking: the total is bound to a profile, with what it misses at a price; else free.
        behind: the connections that devices stand behind, if these are limited.
    """

    def __init__(
        self, devices: Devices, kappa: Array | None = None, *, tracking: bool = True, behind: Behind | None = None
    ) -> None:
        self.devices, self.kappa, self.tracking, self.behind = devices, kappa, tracking, behind
        count, steps = devices.count, devices.steps
        cells, self.two = count * steps, np.flatnonzero(devices.lossy)
        lossy = self.two.size * steps
        sizes = [cells, lossy, cells, lossy if kappa is not None else 0, *([steps, steps] if tracking else [0, 0])]
        ends = np.cumsum([0, *sizes])
        self.draw, self.give, self.content, self.linear, self.above, self.below = (
            np.arange(a, b) for a, b in pairwise(ends)
        )
        self.size = int(ends[-1])
        self.solver = load(self._matrices(kappa))

    def track(self, profile_kw: Array, prices: Array | None = None) -> Found:
        """The total nearest to a profile by energy; among those, the cheapest at (N, T) money per kWh drawn."""
        hours, away = self.devices.hours, np.ones(self.devices.steps)
        if prices is not None:
            away = away * _AWAY * max(float(np.abs(prices).max(initial=0)), 1e-6)
            self._cost(prices * hours)
        for columns in (self.above, self.below):
            self.solver.changeColsCost(columns.size, columns.astype(np.int32), away * hours)
        for step, power in enumerate(profile_kw):
            self.solver.changeRowBounds(int(self.sum_rows[step]), float(power), float(power))
        return self._read()

    def best(self, value: Array) -> Found:
        """The total of greatest Σ value · power, (T,) or (N, T) per kW."""
        self._cost(-np.broadcast_to(value, (self.devices.count, self.devices.steps)))
        return self._read()

    def least(self) -> Found:
        """The profiles that draw and give the least energy; nothing is burnt for less."""
        for columns in (self.draw, self.give):
            hours = np.tile(self.devices.hours, columns.size // self.devices.steps)
            self.solver.changeColsCost(columns.size, columns.astype(np.int32), hours)
        return self._read()

    def possible(self) -> bool:
        """Has it any solution?"""
        import highspy

        self.solver.run()
        return bool(self.solver.getModelStatus() == highspy.HighsModelStatus.kOptimal)

    def _none(self) -> DataError | SolveError:
        """Why there is no optimum: a device without any profile, or the solver's word."""
        for n in range(self.devices.count):
            kappa = None if self.kappa is None else self.kappa[[n]]
            if not Linear(self.devices.some([n]), kappa, tracking=False).possible():
                way = "its limits" if kappa is None else "its limits at the inner bound's rates of energy"
                text = f"'{self.devices.names[n]}' has no profile that keeps {way}"
                return DataError(f"{text}; accepted: limits of power and content that fit together")
        status = self.solver.modelStatusToString(self.solver.getModelStatus())
        return SolveError(f"the devices' linear program has no optimum: {status}")

    def _cost(self, per_kw: Array) -> None:
        self.solver.changeColsCost(self.draw.size, self.draw.astype(np.int32), per_kw.ravel().astype(float))
        given = -per_kw[self.two].ravel()
        self.solver.changeColsCost(self.give.size, self.give.astype(np.int32), given.astype(float))

    def _read(self) -> Found:
        import highspy

        self.solver.run()
        if self.solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            raise self._none()
        solution, shape = self.solver.getSolution(), (self.devices.count, self.devices.steps)
        x, dual = np.array(solution.col_value), np.array(solution.row_dual)
        draw, give = x[self.draw].reshape(shape).copy(), np.zeros(shape)
        give[self.two] = x[self.give].reshape(-1, shape[1])
        nothing = np.zeros(shape[1])
        return Found(
            draw - give,
            np.minimum(np.maximum(draw, 0), give),
            x[self.above] if self.tracking else nothing,
            x[self.below] if self.tracking else nothing,
            dual[self.sum_rows] if self.tracking else nothing,
            float(self.solver.getInfo().objective_function_value),
        )

    def _matrices(self, kappa: Array | None) -> Matrices:
        from scipy.sparse import csc_array

        devices, inner = self.devices, kappa is not None
        steps, two = devices.steps, self.two
        first, second = np.arange(self.content.size), self.content.size + np.arange(self.linear.size)
        self.sum_rows = self.content.size + self.linear.size + np.arange(steps if self.tracking else 0)
        rate = np.where(devices.lossy[:, None], devices.gain, devices.rate) * devices.hours
        entries = _stock(first, self.content, devices.keep, steps)
        entries.append((first, self.draw, -rate))
        own = first.reshape(-1, steps)[two]
        entries.append((own, self.give, (devices.drain * devices.hours)[two]))
        if inner:
            moved = (np.asarray(kappa) * devices.hours)[two]
            draw = self.draw.reshape(-1, steps)[two]
            entries += [*_stock(second, self.linear, devices.keep[two], steps)]
            entries += [(second, draw, -moved), (second, self.give, moved)]
        if self.tracking:
            by_step = np.tile(self.sum_rows, devices.count)
            entries += [(by_step, self.draw, 1.0), (np.tile(self.sum_rows, two.size), self.give, -1.0)]
            entries += [(self.sum_rows, self.above, -1.0), (self.sum_rows, self.below, 1.0)]
        height = self.content.size + self.linear.size + self.sum_rows.size
        row_low, row_high = np.zeros(height), np.zeros(height)
        if self.behind is not None:
            entries += self._connections(height)
            row_low = np.append(row_low, self.behind.least_kw.ravel())
            row_high = np.append(row_high, self.behind.most_kw.ravel())
        row, column, value = _joined(entries)
        low, high = self._bounds()
        rows = csc_array((value, (row, column)), shape=(row_low.size, self.size))
        return Matrices(np.zeros(self.size), 0.0, rows, row_low, row_high, low, high, np.zeros(self.size, bool))

    def _connections(self, first: int) -> list[tuple[Any, Any, Any]]:
        """Sums behind each connection and in each step."""
        assert self.behind is not None
        steps, of = self.devices.steps, self.behind.of
        at = first + of[:, None] * steps + np.arange(steps)
        return [(at, self.draw, 1.0), (at[self.two], self.give, -1.0)]

    def _bounds(self) -> tuple[Array, Array]:
        devices, two = self.devices, self.two
        low, high = np.zeros(self.size), np.full(self.size, np.inf)
        least, most = devices.least_kw.copy(), devices.most_kw.copy()
        low[self.give] = np.maximum(-most[two], 0).ravel()
        high[self.give] = np.maximum(-least[two], 0).ravel()
        least[two], most[two] = np.maximum(least[two], 0), np.maximum(most[two], 0)
        low[self.draw], high[self.draw] = least.ravel(), most.ravel()
        low[self.content], high[self.content] = devices.least_kwh.ravel(), devices.most_kwh.ravel()
        low[self.linear], high[self.linear] = -np.inf, devices.most_kwh[two].ravel()[: self.linear.size]
        return low, high


_Entries = Sequence[tuple[Any, Any, Any]]


def _stock(rows: np.ndarray, columns: np.ndarray, keep: Array, steps: int) -> list[tuple[Any, Any, Any]]:
    """x_t − k_t x_{t−1} of each device."""
    later = np.flatnonzero(np.arange(rows.size) % steps > 0)
    return [(rows, columns, 1.0), (rows[later], columns[later - 1], -keep.ravel()[later])]


def _joined(entries: _Entries) -> tuple[np.ndarray, np.ndarray, Array]:
    rows = np.concatenate([np.ravel(row) for row, _, _ in entries])
    columns = np.concatenate([np.ravel(column) for _, column, _ in entries])
    values = np.concatenate([np.ravel(v) if np.ndim(v) else np.full(np.size(r), v) for r, _, v in entries])
    return rows, columns, values
