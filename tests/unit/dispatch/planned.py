"""A plan made from given series instead of a forecast: for tests of what follows the solve."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from dispatch.asset import Inputs, Mode
from dispatch.audit import audit
from dispatch.network.check import GridProof
from dispatch.plan import Plan
from dispatch.planning.certificate import certificate
from dispatch.planning.comparison import compare
from dispatch.planning.outlook import Outlook, known_inputs
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.signals import Array
from dispatch.site import Site
from dispatch.solve import solve

ISSUED = datetime(2024, 2, 29, 12, tzinfo=UTC)


def planned(
    site: Site,
    inputs: Inputs,
    *,
    schedule: Schedule | None = None,
    grid: GridProof | None = None,
    actual: Mapping[str, Array] | None = None,
) -> Plan:
    """The plan of one day whose outlook is ``inputs``, all scenarios alike in weight."""
    weights = np.full(inputs.scenarios, 1 / inputs.scenarios)
    needs: dict[str, Any] = {asset.name: need for asset in site.assets for need in asset.needs}
    outlook = Outlook(inputs, weights, None, needs)
    schedule = schedule or solve(Problem(site, inputs, Mode("exact")))
    found = audit(schedule)
    came = None if actual is None else known_inputs(site, inputs.horizon, needs, dict(actual))
    return Plan(
        site=site,
        horizon=inputs.horizon,
        issue_time=ISSUED,
        outlook=outlook,
        schedule=schedule,
        audit=found,
        grid=grid,
        outcomes=compare(site, schedule, came),
        actual=dict(actual or {}),
        certificate=certificate(site, ISSUED, outlook, schedule, found, grid, {}),
    )
