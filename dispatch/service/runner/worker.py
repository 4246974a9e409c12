"""A worker process: what it is told, what it listens to, and how it ends."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dispatch.service import work
from dispatch.service.logs import log_as_json
from dispatch.service.runner.child import Child
from dispatch.service.runner.housekeeping import Housekeeping
from dispatch.service.runner.lifeline import end_with
from dispatch.service.runner.policy import Policy
from dispatch.service.runner.presence import Presence
from dispatch.service.runner.runner import Runner
from dispatch.service.store import Store
from dispatch.service.work import Kind

_LOG = logging.getLogger("parkwatt.workers")
_LAST_S = 10.0
_READY_S = 120.0  # after so long a worker begins without
_LOOK_S = 0.1


def serve(store: Store, policy: Policy, gone: Callable[[Callable[[], None]], None] | None = None) -> None:
    """Do jobs from a store until SIGTERM or SIGINT; the main thread of a process.

    Args:
        gone: is given what to call when nobody needs the worker any more.
    """
    os.nice(policy.nice)
    kinds = work.find(policy.kinds, ours=policy.ours)
    child = Child(policy, [kind.module for kind in kinds.values()])
    runner = Runner(store, kinds, child, policy, Housekeeping(store, policy))

    def told(_number: int, _frame: Any) -> None:
        runner.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)
    if gone is not None:
        gone(runner.stop_now)
    with Presence(store, runner.name, policy, lambda: runner.doing):
        try:
            _make_ready(kinds, child, runner)
            runner.loop()
        finally:
            child.close()


def _make_ready(kinds: Mapping[str, Kind], child: Child, runner: Runner) -> None:
    """See that the floors of all kinds answer at once before a job is claimed; beside the child, which starts too."""

    def rehearse() -> None:
        for kind in kinds.values():
            try:
                kind.ready()
            except Exception:  # noqa: BLE001 - a floor that cannot be rehearsed may answer when it is asked
                _LOG.warning("%s: its floor could not be made ready", kind.name, exc_info=True)

    thread = threading.Thread(target=rehearse, name="rehearsal", daemon=True)
    thread.start()
    child.ready(lambda: runner.goes_on)
    until = time.monotonic() + _READY_S
    while thread.is_alive() and runner.goes_on and time.monotonic() < until:
        thread.join(_LOOK_S)


def main() -> None:
    """A worker of a supervisor: settings come by standard input, whose end is the supervisor's."""
    line = sys.stdin.buffer.readline()
    if not line:
        return
    told = json.loads(line)
    log_as_json(told["log_level"])
    wanted = told["policy"]
    policy = Policy(**{**wanted, "kinds": tuple(wanted["kinds"])})
    store = Store.open(told["url"], Path(told["data"]), migrate=False)
    try:
        serve(store, policy, lambda stop: end_with(sys.stdin.buffer, stop, _LAST_S))
    finally:
        store.close()
