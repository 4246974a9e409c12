"""What test chunks do: importable by name, so that a worker of any sort finds it."""

from __future__ import annotations

import os
import time

import numpy as np

from dispatch.errors import DataError


def noise(seed: int) -> bytes:
    """Numbers whose bytes depend on every operation."""
    values = np.random.default_rng(seed).normal(size=200)
    return np.cumsum(np.sin(values) * 1e3).tobytes()


def pid(_: int) -> int:
    return os.getpid()


def behave(how: str) -> str:
    if how == "mistake":
        raise DataError("column 'x' is missing")
    if how == "bug":
        raise ZeroDivisionError("by zero")
    if how == "die":
        os._exit(9)
    if how == "sleep":
        time.sleep(60)
    return how
