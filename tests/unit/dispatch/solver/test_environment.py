"""What children inherit: no thread copies the environment while another has written into it."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from dispatch.solver import environment


def test_a_copy_is_made_before_or_after_what_is_written_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARKWATT_TEST_KEPT", "mine")
    monkeypatch.delenv("PARKWATT_TEST_NEW", raising=False)
    with ThreadPoolExecutor(1) as other:
        with environment.written({"PARKWATT_TEST_KEPT": "theirs", "PARKWATT_TEST_NEW": "1"}):
            copy = other.submit(environment.of_child)
            with pytest.raises(TimeoutError):
                copy.result(0.1)
            assert os.environ["PARKWATT_TEST_KEPT"] == "theirs"
        assert copy.result()["PARKWATT_TEST_KEPT"] == "mine"
        assert "PARKWATT_TEST_NEW" not in copy.result()


def test_what_failed_leaves_the_environment_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARKWATT_TEST_NEW", raising=False)
    before = dict(os.environ)
    with pytest.raises(OSError, match="no process"), environment.written({"PARKWATT_TEST_NEW": "1"}):
        raise OSError("no process")
    assert dict(os.environ) == before


def test_a_child_finds_the_modules_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", ["", "here", "there"])
    assert environment.of_child()["PYTHONPATH"] == os.pathsep.join(["here", "there"])
