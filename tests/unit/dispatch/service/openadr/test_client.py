"""A client package that others wrote drives the node, as business logic and as VEN."""

from __future__ import annotations

from benchmarks.cases.doors.openadr import STEPS, drive
from benchmarks.cases.doors.server import Served
from benchmarks.cases.doors.steps import failed


def test_the_openadr3_client_drives_the_node_end_to_end(doors: Served) -> None:
    found = drive(doors)
    assert failed(found) == []
    assert len(found) == len(STEPS)
