"""The client that FlexMeasures' own people wrote drives the service from the token to the schedule."""

from __future__ import annotations

import pytest

from benchmarks.cases.doors.flexmeasures import STEPS, drive
from benchmarks.cases.doors.server import Served
from benchmarks.cases.doors.steps import failed

pytestmark = pytest.mark.slow  # shares a store and an event loop with others, which two processes do not bear yet


def test_flexmeasures_client_drives_the_door_end_to_end(doors: Served) -> None:
    found = drive(doors)
    assert failed(found) == []
    assert len(found) == len(STEPS)
