"""Every provider of weather, prices and carbon intensity against a server that speaks its service's format."""

from __future__ import annotations

import pytest

from benchmarks.cases.services.behaviours import BEHAVIOURS, Behaviour
from benchmarks.cases.services.probes import PROBES, Probe


@pytest.mark.parametrize("probe", PROBES, ids=[probe.name for probe in PROBES])
@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=[behaviour.__name__ for behaviour in BEHAVIOURS])
def test_it_behaves(probe: Probe, behaviour: Behaviour) -> None:
    behaviour(probe)
