"""The process that answers when the worker's child was killed may be killed too: an answer comes all the same."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dispatch.errors import SolveError
from dispatch.service.work import reserve


@pytest.fixture(autouse=True)
def _own_process() -> Iterator[None]:
    reserve.close()
    yield
    reserve.close()


def dies_at_first(folder: str, improved: Callable[[Any], None]) -> int:
    """Ends as somebody else would end it, twice; then answers how often it was asked."""
    del improved
    place = Path(folder)
    count = len(list(place.iterdir())) + 1
    (place / str(count)).touch()
    if count < 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return count


def always_dies(improved: Callable[[Any], None]) -> None:
    del improved
    os.kill(os.getpid(), signal.SIGKILL)


def test_another_process_answers_for_one_that_was_killed(tmp_path: Path) -> None:
    assert reserve.answer(dies_at_first, str(tmp_path)) == 3


def test_what_kills_every_process_is_told_in_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reserve, "_AGAIN_S", 2.0)
    began = time.monotonic()
    with pytest.raises(SolveError, match="ended"):
        reserve.answer(always_dies)
    assert 2.0 <= time.monotonic() - began < 30


def test_an_error_is_no_reason_to_ask_again(tmp_path: Path) -> None:
    with pytest.raises(SolveError, match="there is no"):
        reserve.answer(_wrong, str(tmp_path))
    assert len(list(tmp_path.iterdir())) == 1


def _wrong(folder: str, improved: Callable[[Any], None]) -> None:
    del improved
    (Path(folder) / str(time.time_ns())).touch()
    raise SolveError("there is no answer")
