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


class Adder:
    """An object whose answers depend on all it was told before."""

    def __init__(self, start: float) -> None:
        if start < 0:
            raise DataError("starts below zero")
        self.sum = start

    def add(self, value: float) -> float:
        self.sum = self.sum * 0.7 + value
        return self.sum

    def look(self, _: object) -> float:
        return self.sum

    def pid(self, _: object) -> int:
        return os.getpid()

    def behave(self, how: str) -> str:
        return behave(how)
