"""The client that FlexMeasures' own people wrote drives the service from the token to the schedule."""

from __future__ import annotations

from benchmarks.cases.doors.flexmeasures import STEPS, drive
from benchmarks.cases.doors.server import Served
from benchmarks.cases.doors.steps import failed


def test_flexmeasures_client_drives_the_door_end_to_end(doors: Served) -> None:
    found = drive(doors)
    assert failed(found) == []
    assert len(found) == len(STEPS)
