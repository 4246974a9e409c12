"""The lines of a price that rises by steps: their greatest is the cost, in a plan and in an account alike."""

from __future__ import annotations

import numpy as np

from dispatch.signals import Array


def lines(price: float, interval: float, growth: float, steps: int) -> tuple[Array, Array]:
    """Value at no excess and slope, (steps + 1,) each, of the lines whose greatest is the cost of an excess.

    Args:
        price: within the first interval, and of what is left below it.
        interval: after which the price rises.
        growth: by which share of the first price it does.
        steps: intervals after which it stays.
    """
    return line(np.arange(steps + 1), price, interval, growth)


def line(k: Array | np.ndarray, price: float, interval: float, growth: float) -> tuple[Array, Array]:
    """Value at no excess and slope of the lines that hold once k intervals are passed, of k's shape."""
    slope = price * (1 + k * growth)
    below = price * (k + growth * k * (k - 1) / 2) * interval
    return np.asarray(below - slope * k * interval), np.asarray(slope)
