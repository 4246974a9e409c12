"""When connections are switched off as planned, for the pictures, and plant is out of service, for the findings."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dispatch.assets.grid_connection import GridConnection
from dispatch.fields.out_of_service import touched
from dispatch.report.data import Span
from dispatch.signals import Horizon
from dispatch.site import Site
from dispatch.tariff.contracts import available


def switched_off(site: Site, horizon: Horizon) -> Iterator[Span]:
    """Runs of steps in which the same connections are off; without any that is on, the park is an island."""
    connections = [asset for asset in site.assets if isinstance(asset, GridConnection)]
    if not connections:
        return
    off = np.stack([available(asset.planned_outages, horizon) == 0 for asset in connections])
    changes = np.flatnonzero((off[:, 1:] != off[:, :-1]).any(axis=0)) + 1
    for first, after in zip([0, *changes.tolist()], [*changes.tolist(), horizon.steps], strict=True):
        names = [asset.name for asset, is_off in zip(connections, off[:, first], strict=True) if is_off]
        if names:
            island = "; the park is an island" if len(names) == len(connections) else ""
            yield Span(f"{' and '.join(names)} off as planned{island}", first, after - 1)


def out_of_service(site: Site, horizon: Horizon) -> Iterator[Span]:
    """Each span of an asset's file that reaches into the horizon, with its reason."""
    for asset in site.assets:
        for span in asset.out_of_service:
            steps = np.flatnonzero(touched((span,), horizon))
            if steps.size:
                reason = f" ({span.reason})" if span.reason else ""
                yield Span(f"{asset.name} out of service{reason}", int(steps[0]), int(steps[-1]))
