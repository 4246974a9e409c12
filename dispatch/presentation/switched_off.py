"""When connections are switched off as planned, for the pictures."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dispatch.assets.grid_connection import GridConnection
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
