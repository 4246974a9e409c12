"""The command in this process: what is typed, and how it ended."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from dispatch.cli import main
from tests.unit.dispatch.small_park import measured, write


class Ended(NamedTuple):
    status: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """The command in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PARKWATT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "100")

    def go(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["parkwatt", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        text = capsys.readouterr()
        return Ended(int(left.value.code or 0), text.out, text.err)

    return go


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A park with history up to the day before the clock goes forward."""
    write(tmp_path)
    measured("2024-03-30").to_csv(tmp_path / "measured.csv", index=False)
    return tmp_path / "park.yaml"


def refused(ended: Ended, *parts: str) -> None:
    """One message, status 2, no stack trace, nothing on standard output."""
    assert ended.status == 2, ended
    assert "Traceback" not in ended.err
    assert ended.out == ""
    for part in parts:
        assert part in ended.err, ended.err
