r"""Limits that several plants share: a feeder, a transformer, or one inverter for a PV plant and a battery.

.. math:: -\bar P^{import}_g ≤ Σ_{i ∈ g} p_{ist} ≤ \bar P^{export}_g

with p what asset i puts into its electricity bus, in every scenario and step. Of plant between an ac and a dc bus only
the ac side counts: the other flows inside the group. The limits are hard; where no plan keeps them, the rung
``relaxed`` may pass them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_array

from dispatch.asset import Rows
from dispatch.fields.grid import Group
from dispatch.part import Part
from dispatch.site import Site

if TYPE_CHECKING:
    import cvxpy as cp

EXPORT, IMPORT = "export above the group's limit", "import above the group's limit"


@dataclass(frozen=True)
class Shared:
    """A group, and which buses count of each of its assets.

    Attributes:
        buses: by asset name, names of its electricity buses.
    """

    group: Group
    buses: Mapping[str, frozenset[str]]


def shared(site: Site) -> tuple[Shared, ...]:
    """The site's groups."""
    members = {asset.name: asset for asset in site.assets}
    electric = {bus.name: bus.current for bus in site.buses if bus.carrier == "electricity"}
    out = []
    for group in site.groups:
        counted = {
            name: frozenset(b for b, current in electric.items() if current == "ac" or not members[name].bus_currents)
            for name in group.assets
        }
        out.append(Shared(group, counted))
    return tuple(out)


def constraints(
    groups: Sequence[Shared], rows: Mapping[str, Rows[Any]], parts: Mapping[str, Part], steps: int
) -> dict[tuple[str, str], cp.Constraint]:
    """(scenario, step) each, by group and what it limits."""
    made: dict[tuple[str, str], cp.Constraint] = {}
    for one in groups:
        terms = list(_terms(one, rows, parts))
        power = sum(terms[1:], terms[0])
        ones = np.ones((next(iter(rows.values())).scenarios, steps))
        if one.group.max_export_kw is not None:
            made[one.group.name, EXPORT] = power <= one.group.max_export_kw * ones
        if one.group.max_import_kw is not None:
            made[one.group.name, IMPORT] = -power <= one.group.max_import_kw * ones
    return made


def _terms(one: Shared, rows: Mapping[str, Rows[Any]], parts: Mapping[str, Part]) -> Iterator[Any]:
    """(scenario, step) what each kind's members in the group put into their electricity buses."""
    for kind, own in rows.items():
        for port in parts[kind].ports.values():
            at = [own.buses[bus % len(own.buses)] for bus in port.bus]
            weight = np.array([bus in one.buses.get(name, ()) for bus, name in zip(at, own.names, strict=True)], float)
            if weight.any():
                shape = (own.scenarios, own.count)
                yield csr_array((weight, (own.scenario, np.arange(own.count))), shape=shape) @ port.power_kw
