"""Jobs on Ray: the child is Ray's driver, and the worker kills it like any other."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from dispatch.service.runner.child import Child
from dispatch.service.runner.places import Outcome
from dispatch.service.runner.policy import Policy
from dispatch.service.runner.trouble import Trouble
from dispatch.service.work import Kind
from tests.unit.dispatch.service.runner.processes import is_gone, pids_in


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_jobs_run_on_ray_and_end_with_the_child(kinds: Mapping[str, Kind], tmp_path: Path) -> None:
    heard: list[str] = []

    def asked(seconds: float, **request: object) -> Outcome | Trouble:
        return child.call(kinds["echo"], {"attempt": 1, **request}, seconds, heard.append, lambda: None)

    with contextlib.closing(Child(Policy(executor="ray", start_s=200.0))) as child:
        assert asked(200.0, value=[1]) == Outcome({"value": [1]})
        assert heard == ["given to Ray"]
        users = asked(200.0, do="data")
        assert isinstance(users, Trouble)
        assert users.is_users
        assert isinstance(asked(200.0, do="kill"), Trouble)
        began = time.monotonic()
        late = asked(8.0, do="group", file=str(tmp_path / "pids"))
        assert isinstance(late, Trouble)
        assert late.is_final
        assert time.monotonic() - began < 20
        assert is_gone(pids_in(tmp_path / "pids")[0], 30)
