"""Vertices of exact aggregates by the greedy rule, all devices at a time.

For a value c_t per unit of y_t the best profile takes the steps by falling |c_t| and gives each the most (c_t ≥ 0) or
the least (c_t < 0) that is possible beside those already settled (arXiv 2503.23458, theorem on linear optimisation;
J. Edmonds 1970). With limits closed, the most of one step is min(high_t, ceil_t − floor_{t−1}), and what it does to the
limits of all other sums is one running sum: T steps of work on (T, N) arrays, .02 s for 1 000 devices and 96 steps.
"""

from __future__ import annotations

import numpy as np

from dispatch.flexibility.chains import Chains
from dispatch.signals import Array

# Columns that stay in the cache together.
_BLOCK = 256


def vertex(chains: Chains, value: Array) -> Array:
    """(T, N) the profile y of each device with the greatest Σ value · y.

    Args:
        chains: closed limits.
        value: (T,) per unit of y, the same for all devices.
    """
    order = np.argsort(-np.abs(value), kind="stable")
    return _settled(chains, [(int(step), bool(value[step] >= 0)) for step in order])


def extreme(chains: Chains, steps: np.ndarray, most: bool) -> float:
    """b(A), the most that the devices can take in the steps A together; p(A), the least, for ``most=False``.

    Args:
        chains: closed limits.
        steps: (T,) truth values: A.
        most: which of the two.
    """
    places = np.flatnonzero(steps)
    return float(_settled(chains, [(int(step), most) for step in places])[places].sum())


def _settled(chains: Chains, order: list[tuple[int, bool]]) -> Array:
    steps, count = chains.low.shape
    out = np.zeros((steps, count))
    for start in range(0, count, _BLOCK):
        part = slice(start, start + _BLOCK)
        state = _Limits(chains, part)
        for step, most in order:
            out[step, part] = state.settle(step, most)
    return out


class _Limits:
    """Limits of sums of some devices, with a leading zero for the sum of nothing, as steps are settled one by one."""

    def __init__(self, chains: Chains, part: slice) -> None:
        low, high = chains.low[:, part], chains.high[:, part]
        zero = np.zeros((1, low.shape[1]))
        self.floor, self.ceil = np.vstack([zero, chains.floor[:, part]]), np.vstack([zero, chains.ceil[:, part]])
        self.lows, self.highs = np.vstack([zero, np.cumsum(low, axis=0)]), np.vstack([zero, np.cumsum(high, axis=0)])

    def settle(self, step: int, most: bool) -> Array:
        """Give a step the most or the least; (N,)."""
        end = step + 1
        floor, ceil, lows, highs = self.floor, self.ceil, self.lows, self.highs
        least, greatest = lows[end] - lows[step], highs[end] - highs[step]
        room = ceil[end] - floor[step] if most else floor[end] - ceil[step]
        given = np.minimum(greatest, room) if most else np.maximum(least, room)
        lows[end:] += given - least
        highs[end:] += given - greatest
        # Only the side that was pushed moves: that no more (or less) was possible, the limits said already.
        if most:
            np.maximum(floor[end:], lows[end:] + (floor[step] + given - lows[end]), out=floor[end:])
            np.minimum(ceil[:end], lows[:end] + (ceil[end] - given - lows[step]), out=ceil[:end])
        else:
            np.minimum(ceil[end:], highs[end:] + (ceil[step] + given - highs[end]), out=ceil[end:])
            np.maximum(floor[:end], highs[:end] + (floor[end] - given - highs[step]), out=floor[:end])
        return np.asarray(given)
