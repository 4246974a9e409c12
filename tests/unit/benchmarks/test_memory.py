"""A process's memory is its own, not that of what started it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks import memory
from benchmarks.memory import peak_mb, resident_mb
from benchmarks.processes import run
from benchmarks.rows import CannotMeasure

HELD_MB = 300


@pytest.fixture
def _book() -> None:
    if not Path("/proc/self/status").is_file():
        pytest.skip("no /proc on this system")


@pytest.mark.usefixtures("_book")
def test_what_was_held_and_let_go_is_in_the_peak_only() -> None:
    before = peak_mb()
    held = bytearray(HELD_MB * 10**6)
    held[::4096] = b"x" * len(held[::4096])
    assert resident_mb() > HELD_MB
    del held
    assert peak_mb() >= max(before, HELD_MB)
    assert resident_mb() < peak_mb() - HELD_MB / 2


@pytest.mark.usefixtures("_book")
def test_a_process_does_not_inherit_the_peak_of_its_parent() -> None:
    held = bytearray(HELD_MB * 10**6)
    held[::4096] = b"x" * len(held[::4096])
    ran = run([sys.executable, "-c", "from benchmarks.memory import peak_mb; print(peak_mb())"])
    assert 5 < float(ran.output) < HELD_MB / 2 < resident_mb()


def test_a_system_without_the_book_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(memory, "_BOOK", tmp_path / "none")
    with pytest.raises(CannotMeasure, match="which this system lacks"):
        peak_mb()
