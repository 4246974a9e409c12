"""Clients that others wrote, driving a server on loopback with a worker's child process beside it.

A row is the steps that succeeded; its bar is all of them, and its reference how many there are.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.cases.doors import flexmeasures, openadr
from benchmarks.cases.doors.server import Served, serving
from benchmarks.cases.doors.steps import Step, failed
from benchmarks.rows import CannotMeasure, Measured, row
from dispatch.service.runner.child import Child
from dispatch.service.runner.policy import Policy

INPUTS = ("dispatch/service", "benchmarks/cases/doors")


def _measured(drive: Callable[[Served], Sequence[Step]], client: str) -> Measured:
    try:
        __import__(client)
    except ImportError:
        raise CannotMeasure(f"{client} is not installed") from None
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), Child(Policy())) as served:
        steps = drive(served)
    for line in failed(steps):
        print(line)  # noqa: T201 - what a reader of the log needs to mend it
    return Measured(sum(not step.trouble for step in steps), len(steps))


@row(
    "service", name="flexmeasures-client end to end", unit="steps", bar=f">= {len(flexmeasures.STEPS)}", slow=True,
    inputs=INPUTS,
)  # fmt: skip
def flexmeasures_steps() -> Measured:
    return _measured(flexmeasures.drive, "flexmeasures_client")


@row("service", name="openadr3 end to end", unit="steps", bar=f">= {len(openadr.STEPS)}", slow=True, inputs=INPUTS)
def openadr_steps() -> Measured:
    return _measured(openadr.drive, "openadr3")
