"""How much more a network can take: the largest added rating at a bus that passes no limit in any step.

A candidate is a way to share an addition among buses; all of it at one bus, or some at each. Per kW of rating the
addition injects what its profile says, in one or several variants (a store gives or takes), each of which must hold.

For every candidate r = max {r : no limit passed at p + r · share · profile[v, t] for all variants v, steps t} by
bisection, all candidates side by side in one batch of AC power flows. A bisection looks at a few cases (v, t) only;
then the rating is checked in every one, and where one fails it joins the few and the bisection goes on below. What
comes out has been checked in every case, whatever the few were.

The search is for the end of the range that begins at nothing: smaller ratings are taken to hold where a larger one
does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from grid_models.errors import GridError
from grid_models.injections import Injections
from grid_models.limits import Breach, Limits, violations
from grid_models.network import Array, Index, Network
from grid_models.power_flow import Flows, bus_power, solve_batch

_COLUMNS = 4096
# Cases that a bisection begins with, by each criterion; and how many join it where a full check fails.
_FIRST, _JOIN = 3, 3
TOLERANCE_PU = 1e-6
_NONE = 1e-9


@dataclass(frozen=True)
class Capacity:
    """What one candidate can take.

    Attributes:
        rating_kw: the largest added rating that holds in all steps, to the tolerance below.
        binding: what a little more would pass first, and in which step; None where nothing binds up to the most
            that was asked for.
        variant: of the profile, in which it would.
    """

    rating_kw: float
    binding: Breach | None
    variant: int = 0


@dataclass(frozen=True, eq=False)
class Addition:
    """What is added, per kW of its rating.

    kw_per_kw    (V, T) injected active power, consumption negative; every variant must hold
    kvar_per_kw  (V, T) injected reactive power
    shares       (C, N) how each candidate shares its rating among the network's buses; rows sum to 1
    """

    kw_per_kw: Array
    kvar_per_kw: Array
    shares: Array

    @classmethod
    def at_buses(cls, network: Network, buses: Sequence[str], kw_per_kw: Array) -> Addition:
        """One candidate per bus, at unity power factor."""
        shares = np.zeros((len(buses), len(network.bus_names)))
        shares[np.arange(len(buses)), network.bus_index(buses)] = 1.0
        profile = np.atleast_2d(np.asarray(kw_per_kw, dtype=np.float64))
        return cls(profile, np.zeros_like(profile), shares)

    def together(self, weights: Array) -> Addition:
        """One candidate: all of these at once, in proportion to ``weights``."""
        return replace(self, shares=(weights / weights.sum())[None] @ self.shares)


def without_addition(
    network: Network,
    own: Injections,
    background: Injections | None,
    limits: Limits,
    tolerance_pu: float = TOLERANCE_PU,
) -> tuple[Flows, list[Breach]]:
    """The network as it is, and the limits it passes already, worst first."""
    flows = solve_batch(network, own, background)
    return flows, violations(network, flows, limits, tolerance_pu=tolerance_pu)


def capacities(
    network: Network,
    own: Injections,
    background: Injections | None,
    addition: Addition,
    limits: Limits,
    *,
    most_kw: float,
    tolerance_kw: float = 10.0,
    tolerance_pu: float = TOLERANCE_PU,
    progress: Callable[[float], None] = lambda _: None,
) -> list[Capacity]:
    """The largest rating of every candidate, up to ``most_kw``, to within ``tolerance_kw``.

    Args:
        own, background: what is injected without the addition; their sum must pass no limit.
        tolerance_pu: a limit counts as passed beyond it.
        progress: told the share that is done.

    Raises:
        GridError: the network passes a limit without any addition (names element and step), shapes do not fit, or
            ``most_kw`` or ``tolerance_kw`` is not above 0.
    """
    if not (most_kw > 0 and tolerance_kw > 0):
        raise GridError(f"most_kw {most_kw:g} and tolerance_kw {tolerance_kw:g} must be above 0")
    if addition.kw_per_kw.shape[1] != own.steps:
        raise GridError(f"the addition has {addition.kw_per_kw.shape[1]} steps, the injections have {own.steps}")
    flows, broken = without_addition(network, own, background, limits, tolerance_pu)
    if broken:
        raise GridError(f"network {network.name!r} passes a limit without any addition: {told(broken[0])}")
    search = _Search(network, *bus_power(network, own, background), addition, limits, tolerance_pu)
    low, high = np.zeros(search.candidates), np.full(search.candidates, float(most_kw))
    watched = [search.first_cases(flows, row) for row in range(search.candidates)]
    left = np.arange(search.candidates)
    while left.size:
        _bisect(search, left, watched, low, high, tolerance_kw)
        failed = search.full_check(left, low, partial(_part_done, progress, left.size / low.size))
        for row, cases in failed.items():
            high[row], low[row] = low[row], 0.0
            watched[row] = np.union1d(watched[row], cases)
        left = np.array(sorted(failed), dtype=np.int64)
    return [search.capacity(row, watched[row], low[row], high[row], most_kw) for row in range(search.candidates)]


def _part_done(progress: Callable[[float], None], left: float, share: float) -> None:
    progress(1 - (1 - share) * left)


def told(breach: Breach) -> str:
    """A breach in words, without the clock, which the caller knows."""
    if breach.kind == "no_solution":
        return f"no AC solution in step {breach.step}"
    what = breach.kind.replace("_", " ")
    return f"{breach.element}, {what} {breach.value:.4f} {breach.unit} (limit {breach.limit:.4f}) in step {breach.step}"


def _bisect(
    search: _Search, rows: Index, watched: Sequence[NDArray[np.int64]], low: Array, high: Array, tolerance_kw: float
) -> None:
    """Narrow [low, high] of the rows, in place, by their watched cases: low holds, high does not or is the end."""
    open_ = rows[search.holds(rows, high, watched)]
    low[open_] = high[open_]
    while (open_ := rows[high[rows] - low[rows] > tolerance_kw]).size:
        middle = low + (high - low) / 2
        good = search.holds(open_, middle, watched)
        low[open_[good]], high[open_[~good]] = middle[open_[good]], middle[open_[~good]]


@dataclass(frozen=True, eq=False)
class _Search:
    """What does not change while ratings do. A case is a variant and a step, numbered v · T + t."""

    network: Network
    p_kw: Array
    q_kvar: Array
    addition: Addition
    limits: Limits
    tolerance_pu: float

    @property
    def candidates(self) -> int:
        return int(self.addition.shares.shape[0])

    @property
    def steps(self) -> int:
        return int(self.p_kw.shape[1])

    def first_cases(self, flows: Flows, row: int) -> NDArray[np.int64]:
        """Steps at the extremes of voltage, loading, exchange and profile, of every variant."""
        bus = int(np.argmax(self.addition.shares[row]))
        marks = [np.nanmax(flows.vm_pu, axis=0), -np.nanmin(flows.vm_pu, axis=0), flows.slack_p_kw, -flows.slack_p_kw]
        marks += [np.nanmax(flows.branch_loading_pu, axis=0), flows.vm_pu[bus], -flows.vm_pu[bus]]
        found: list[NDArray[np.int64]] = []
        for variant, profile in enumerate(self.addition.kw_per_kw):
            size = np.abs(profile)
            scaled = [size, *(_unit(mark) * size for mark in marks)]
            chosen = np.concatenate([np.argsort(-mark, kind="stable")[:_FIRST] for mark in scaled])
            found.append(np.unique(chosen) + variant * self.steps)
        return np.concatenate(found).astype(np.int64)

    def holds(self, rows: Index, rating_kw: Array, watched: Sequence[NDArray[np.int64]]) -> NDArray[np.bool_]:
        """(rows,) whether a rating passes no limit in the watched cases."""
        if not rows.size:
            return np.zeros(0, dtype=bool)
        sizes = [watched[row].size for row in rows]
        excess = self.excess(np.repeat(rows, sizes), np.concatenate([watched[row] for row in rows]), rating_kw)
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        return np.asarray(np.maximum.reduceat(excess, starts) <= 0)

    def full_check(
        self, rows: Index, rating_kw: Array, progress: Callable[[float], None]
    ) -> dict[int, NDArray[np.int64]]:
        """By row that fails in any case: its worst cases. Cases without power are those of the network as it is."""
        acts = (np.abs(self.addition.kw_per_kw) + np.abs(self.addition.kvar_per_kw)) > _NONE
        cases = np.flatnonzero(acts.ravel())
        failed = {}
        for place, row in enumerate(rows):
            excess = self.excess(np.full(cases.size, row), cases, rating_kw) if rating_kw[row] > 0 else np.zeros(1)
            worst = np.argsort(-excess, kind="stable")[:_JOIN]
            if excess[worst[0]] > 0:
                failed[int(row)] = cases[worst[excess[worst] > 0]]
            progress((place + 1) / rows.size)
        return failed

    def excess(self, rows: Index, cases: NDArray[np.int64], rating_kw: Array) -> Array:
        """(K,) by how much the worst limit is passed, as a share of it; infinite without a solution."""
        out = np.empty(cases.size)
        for start in range(0, cases.size, _COLUMNS):
            part = slice(start, start + _COLUMNS)
            out[part] = self._worst(self.solve(rows[part], cases[part], rating_kw[rows[part]]))
        return out

    def solve(self, rows: Index, cases: NDArray[np.int64], rating_kw: Array) -> Flows:
        """The network with an addition, a column for each row and case."""
        variant, step = np.divmod(cases, self.steps)
        at = self.addition.shares[rows].T * rating_kw
        p_kw = self.p_kw[:, step] + at * self.addition.kw_per_kw[variant, step]
        q_kvar = self.q_kvar[:, step] + at * self.addition.kvar_per_kw[variant, step]
        return solve_batch(self.network, Injections(self.network.bus_names, p_kw, q_kvar))

    def _worst(self, flows: Flows) -> Array:
        high, low = self.limits.voltage_max_pu[:, None], self.limits.voltage_min_pu[:, None]
        high, low = high + self.tolerance_pu, low - self.tolerance_pu
        most = self.limits.branch_loading_max_pu[:, None] + self.tolerance_pu
        shares = np.vstack([flows.vm_pu / high - 1, 1 - flows.vm_pu / low, flows.branch_loading_pu / most - 1])
        worst = np.where(np.isnan(shares), -np.inf, shares).max(axis=0)
        return np.where(flows.converged, worst, np.inf)

    def capacity(self, row: int, watched: NDArray[np.int64], low_kw: float, high_kw: float, most_kw: float) -> Capacity:
        """The rating, and what the next larger one tried passes first."""
        if low_kw >= most_kw:
            return Capacity(float(low_kw), None)
        ratings = np.full(self.candidates, high_kw)
        excess = self.excess(np.full(watched.size, row), watched, ratings)
        case = watched[[int(np.argmax(excess))]]
        flows = self.solve(np.array([row]), case, np.array([high_kw]))
        first = violations(self.network, flows, self.limits, tolerance_pu=0.0)[0]
        variant, step = divmod(int(case[0]), self.steps)
        return Capacity(float(low_kw), replace(first, step=step), variant)


def _unit(values: Array) -> Array:
    """Scaled to 0 … 1, so that it can be weighed with a profile."""
    low, high = np.nanmin(values), np.nanmax(values)
    return np.asarray(0.1 + (values - low) / (high - low) if high > low else np.ones_like(values))
