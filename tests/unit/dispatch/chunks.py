"""What test chunks do: importable by name, so that a worker of any sort finds it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

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


def environment(name: str) -> str | None:
    return os.environ.get(name)


def dies_first(chunk: tuple[str, int]) -> int:
    """Kills its process the first so many times; then the number of times it was begun."""
    log, times = Path(chunk[0]), chunk[1]
    with log.open("a", encoding="utf-8") as file:
        file.write("begun\n")
    begun = len(log.read_text(encoding="utf-8").splitlines())
    if begun <= times:
        os.kill(os.getpid(), signal.SIGKILL)
    return begun


def raises(log: str) -> None:
    with Path(log).open("a", encoding="utf-8") as file:
        file.write("begun\n")
    raise ZeroDivisionError("by zero")


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
