"""A kind of job for tests: it answers what it was asked, or misbehaves as it was told.

The request's ``do`` says what happens in run: a key of ``_DEEDS``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dispatch.errors import DataError
from dispatch.service.store import Tx
from dispatch.service.store.jobs import Job

Asked = dict[str, Any]


def prepare(tx: Tx, job: Job) -> Asked:
    if job.request.get("prepare") == "data":
        raise DataError("site 'a' has no measurements")
    return {**job.request, "attempt": job.attempt, "tenant": tx.tenant}


def run(asked: Asked, progress: Callable[[str], None]) -> Asked:
    if asked["attempt"] <= asked.get("times", 99):
        _DEEDS[asked.get("do", "echo")](asked, progress)
    value = asked.get("value")
    return {"value": value[:1] if asked.get("do") == "short" and asked["attempt"] <= asked["times"] else value}


def check(asked: Asked, outcome: Asked) -> str | None:
    if "floor" in outcome:
        return "the rule's answer is wrong" if asked["floor"] == "wrong" else None
    whole = outcome["value"] == asked.get("value")
    return None if whole else f"{len(outcome['value'])} values of {len(asked['value'])}"


def floor(asked: Asked, reason: str) -> Asked | None:
    return {"value": None, "floor": reason} if asked.get("floor") else None


def commit(tx: Tx, job: Job, outcome: Asked) -> dict[str, Any]:
    if job.request.get("commit") == "data":
        raise DataError("no longer there")
    if job.request.get("commit") == "raise":
        raise ValueError("a mistake of ours")
    tx.audit("echo", job.id)
    return {"value": outcome["value"], "quality": "safe_state" if "floor" in outcome else "optimal", **_told(outcome)}


def _told(outcome: Asked) -> dict[str, Any]:
    return {"reason": outcome["floor"]} if "floor" in outcome else {}


def _raise(_asked: Asked, _progress: Callable[[str], None]) -> None:
    raise ValueError("a mistake of ours in /a/path")


def _data(_asked: Asked, _progress: Callable[[str], None]) -> None:
    raise DataError("the forecast needs 14 days of measurements, found 2")


def _kill(_asked: Asked, _progress: Callable[[str], None]) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _crash(_asked: Asked, _progress: Callable[[str], None]) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def _hang(asked: Asked, progress: Callable[[str], None]) -> None:
    progress("hanging")
    time.sleep(asked.get("seconds", 60))


def _allocate(asked: Asked, _progress: Callable[[str], None]) -> None:
    bytearray(asked["bytes"])


def _progress(asked: Asked, progress: Callable[[str], None]) -> None:
    for number in range(asked["lines"]):
        progress(f"step {number}")
        time.sleep(asked.get("pause_s", 0.0))


def _clock(asked: Asked, progress: Callable[[str], None]) -> None:
    for _ in range(asked["lines"]):
        progress(str(time.time()))
        time.sleep(asked["pause_s"])


def _group(asked: Asked, _progress: Callable[[str], None]) -> None:
    """Start a process of its own, say which, and hang."""
    started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    Path(asked["file"]).write_text(f"{os.getpid()} {started.pid}")
    time.sleep(60)


def _nothing(_asked: Asked, _progress: Callable[[str], None]) -> None:
    return


_DEEDS = {
    "echo": _nothing, "short": _nothing, "raise": _raise, "data": _data, "kill": _kill, "crash": _crash, "hang": _hang,
    "allocate": _allocate, "progress": _progress, "group": _group, "clock": _clock,
}  # fmt: skip
