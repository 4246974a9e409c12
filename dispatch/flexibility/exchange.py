"""What an aggregate is asked for, moved among devices until it is met or a set of steps proves that it cannot be.

Every device keeps its own limits at all times; only the distance r_t = asked − Σ_n y_nt moves. A device *exchanges* an
amount between steps t and s where y_t may rise and y_s fall by it with all sums between kept: how much, is the least
slack on the way. Distances travel along exchanges to where there is one of the other sign, by the push–relabel rule
(S. Fujishige, X. Zhang 1996, for submodular flows): each step has a label, no greater than the number of exchanges to a
place that can take its distance; a push goes to a label one lower. T + 1 places: the last stands for "outside the
horizon" and takes and gives without limit, which is how a device's total changes.

Where no exchange leaves a set A of steps, all devices have the most that A can hold, Σ y(A) = b(A), so what is left
over in A is exactly asked(A) − b(A): the certificate. The sum of what is left is the least there can be.
"""

from __future__ import annotations

import numpy as np

from dispatch.flexibility.chains import Chains
from dispatch.signals import Array

_ZERO = 1e-13  # of the aggregate's scale: rounding
_ROUNDS = 400  # pushes and labels per step squared, far above what the theory allows


def settled(chains: Chains, asked: Array, begin: Array) -> tuple[Array, Array, np.ndarray, np.ndarray]:
    """Profiles (T, N) whose sum is ``asked`` (T,), or as near as can be by the sum of absolute distances.

    Args:
        chains: closed limits.
        asked: energy per step.
        begin: (T, N) profiles within the limits to begin from.

    Returns:
        The profiles; the distances (T,) that are left; the set of steps (T,) that proves those above zero (more was
        asked than b), and the one that proves those below (less was asked than p).
    """
    raising = _Exchange(chains, begin, asked)
    above = raising.run()
    lowering = _Exchange(chains.mirrored(), -raising.y[:-1], -asked)
    below = lowering.run()
    return -lowering.y[:-1], -lowering.distance[:-1], above, below


class _Exchange:
    """Pushes distances above zero, one step and all devices at a time."""

    def __init__(self, chains: Chains, begin: Array, asked: Array) -> None:
        endless, sums = np.full((1, begin.shape[1]), np.inf), np.cumsum(begin, axis=0)
        self.steps = begin.shape[0]
        self.y = np.vstack([begin, np.zeros_like(endless)])
        self.may_rise = np.maximum(np.vstack([chains.high - begin, endless]), 0)
        self.may_fall = np.maximum(np.vstack([begin - chains.low, endless]), 0)
        self.over, self.under = np.maximum(chains.ceil - sums, 0), np.maximum(sums - chains.floor, 0)
        self.distance = np.append(asked - begin.sum(axis=1), 0.0)
        self.zero = _ZERO * max(chains.scale, float(np.abs(asked).max(initial=0)))
        self.far = self.steps + 2
        self.label = np.ones(self.steps + 1, int)
        self.label[self.distance < -self.zero] = 0
        self.label[self.steps] = 0

    def run(self) -> np.ndarray:
        """Until nothing above zero can move; the set of steps from which nothing could."""
        limit = _ROUNDS * (self.steps + 2) ** 2
        for _ in range(limit):
            active = np.flatnonzero((self.distance[:-1] > self.zero) & (self.label[:-1] < self.far))
            if not active.size:
                break
            self._discharge(int(active[np.argmax(self.label[active])]))
        stuck = self.distance[:-1] > self.zero
        return self._closure(stuck) if stuck.any() else np.zeros(self.steps, bool)

    def _discharge(self, step: int) -> None:
        room = self._room(step)
        there = room > self.zero
        there[step] = False
        if not there.any():
            self.label[step] = self.far
            return
        self.label[step] = max(self.label[step], self.label[there].min() + 1)
        # No place has some label below: nothing above it reaches a place that can take anything.
        used = np.bincount(self.label, minlength=self.far + 1)[: self.label[step]]
        if (used == 0).any():
            self.label[self.label > int(np.argmin(used != 0))] = self.far
            return
        lower = np.flatnonzero(there & (self.label == self.label[step] - 1))
        for place in lower[np.argsort(-room[lower], kind="stable")]:
            if self.distance[step] <= self.zero:
                break
            self._push(step, int(place))

    def _room(self, step: int) -> Array:
        """(T + 1,) how much all devices together can exchange: more in ``step``, less in another."""
        out, rise = np.zeros(self.steps + 1), self.may_rise[step]
        if step < self.steps:
            slack = np.minimum.accumulate(np.minimum(self.over[step:], rise), axis=0)
            out[step + 1 :] = np.minimum(slack, self.may_fall[step + 1 :]).sum(axis=1)
        if step > 0:
            slack = np.minimum.accumulate(np.minimum(self.under[:step], rise)[::-1], axis=0)[::-1]
            out[:step] = np.minimum(slack, self.may_fall[:step]).sum(axis=1)
        return out

    def _push(self, step: int, place: int) -> None:
        later = place > step
        between = slice(step, place) if later else slice(place, step)
        slack = (self.over if later else self.under)[between].min(axis=0)
        moved = np.minimum(np.minimum(self.may_rise[step], self.may_fall[place]), slack)
        total = float(moved.sum())
        if total > self.distance[step]:
            moved *= self.distance[step] / total  # each device its share: nobody is used up before the others
            total = float(self.distance[step])
        sign = 1.0 if later else -1.0
        self.over[between] -= sign * moved
        self.under[between] += sign * moved
        self.may_rise[step] -= moved
        self.may_fall[step] += moved
        self.may_rise[place] += moved
        self.may_fall[place] -= moved
        self.y[step] += moved
        self.y[place] -= moved
        self.distance[step] -= total
        self.distance[place] += total

    def _closure(self, places: np.ndarray) -> np.ndarray:
        """The places that exchanges reach from some: the set that holds as much as it can."""
        reached, waiting = np.append(places, False), [int(n) for n in np.flatnonzero(places)]
        while waiting:
            step = waiting.pop()
            new = (self._room(step) > self.zero) & ~reached
            reached |= new
            waiting += [int(n) for n in np.flatnonzero(new)]
        return np.asarray(reached[:-1])


def levelled(chains: Chains, asked: Array) -> Array:
    """(T, N) profiles that follow ``asked`` (T,) as long as they can, all devices at one relative level of content.

    What each can reach from its last level is known exactly, so each keeps its limits; the common level is found by
    bisection. It rarely fails to follow where it could, which the exchange repairs.
    """
    steps, count = chains.low.shape
    out, level, span = np.empty((steps, count)), np.zeros(count), chains.ceil - chains.floor
    for step in range(steps):
        low = np.maximum(chains.floor[step], level + chains.low[step])
        high = np.maximum(np.minimum(chains.ceil[step], level + chains.high[step]), low)
        wanted = float(level.sum() + asked[step])
        new = _at_level(chains.floor[step], span[step], low, high, wanted)
        out[step], level = new - level, new
    return out


def _at_level(floor: Array, span: Array, low: Array, high: Array, wanted: float) -> Array:
    """Sums that add up to ``wanted``, each between low and high, at one share of their spans where they can be."""
    if wanted <= low.sum():
        return low
    if wanted >= high.sum():
        return high
    under, over = 0.0, 1.0
    for _ in range(26):
        middle = (under + over) / 2
        if np.clip(floor + middle * span, low, high).sum() < wanted:
            under = middle
        else:
            over = middle
    new = np.clip(floor + under * span, low, high)
    rest = wanted - float(new.sum())
    room = high - new if rest > 0 else new - low
    return np.asarray(new + rest * room / max(float(room.sum()), 1e-300)) if rest else new
