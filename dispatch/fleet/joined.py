"""A batch of sites as one with many members: every kind answers for all of its plant of all sites at once.

Each site keeps its buses: plant and buses are renamed ``site/name``, so that nothing of one is taken for another's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from dispatch.asset import Asset, Given, Inputs, Rows
from dispatch.errors import ContractError
from dispatch.fleet.members import Member
from dispatch.problem import Problem, coefficients
from dispatch.signals import Array, Horizon


@dataclass(frozen=True)
class Joined:
    """Sites side by side; the rows of a kind are site by site.

    Attributes:
        members: the sites.
        inputs: of all, by the plant's new names.
        rows: by kind.
    """

    members: tuple[Member, ...]
    inputs: Inputs
    rows: Mapping[str, Rows[Any]]

    @classmethod
    def of(cls, members: Sequence[Member], horizon: Horizon) -> Joined:
        """The batch."""
        series: dict[tuple[str, str], Array] = {}
        state: dict[str, Mapping[str, float]] = {}
        assets: dict[str, list[Asset]] = {}
        for member in members:
            prefix = f"{member.name}/"
            for (asset, quantity), values in member.inputs(horizon).series.items():
                series[prefix + asset, quantity] = values
            state |= {prefix + asset: values for asset, values in member.state.items()}
            for asset in member.site.assets:
                assets.setdefault(asset.kind, []).append(_renamed(asset, prefix))
        buses = tuple(f"{m.name}/{bus}" for m in members for bus in m.site.bus_names)
        first = members[0].site
        asked = (first.reserve_h, first.reserve_directions, first.outage_h)
        rows = {kind: Rows(tuple(own), 1, buses, *asked) for kind, own in sorted(assets.items())}
        return cls(tuple(members), Inputs(horizon, 1, series, state), rows)

    @property
    def count(self) -> int:
        """Number of sites."""
        return len(self.members)

    @cached_property
    def coefficients(self) -> dict[str, dict[str, Array]]:
        """By kind and name, for all rows."""
        return {kind: coefficients(type(rows.members[0]), rows, self.inputs) for kind, rows in self.rows.items()}

    def given(self, kind: str) -> Given:
        """A kind's coefficients as its part reads them: numbers."""
        values = self.coefficients[kind].items()
        plain = {name.removeprefix("signal:").removeprefix("rating:"): value for name, value in values}
        return Given(self.inputs.horizon, plain)

    def parameters(self, problem: Problem) -> dict[int, Array]:
        """By parameter id, (site, entry) values, each site's column by column as cvxpy keeps them."""
        out: dict[int, Array] = {}
        for kind, made in self.coefficients.items():
            for name, parameter in problem.parameters(kind).items():
                out[parameter.id] = self._by_site(kind, name, made.get(name), parameter.shape)
        return out | problem.standing()

    def _by_site(self, kind: str, name: str, value: Array | None, shape: tuple[int, ...]) -> Array:
        lead = (self.count * shape[0], *shape[1:])
        if value is None or value.shape != lead:
            has = "none" if value is None else f"shape {value.shape}"
            raise ContractError(f"{kind}, {name}: {has} for {self.count} sites, one has {shape}")
        own = value.reshape(self.count, *shape)
        return np.ascontiguousarray(np.moveaxis(own, 1, -1)).reshape(self.count, -1)


def _renamed(asset: Asset, prefix: str) -> Asset:
    """The asset under names that no other site has."""
    buses = {field: prefix + str(bus) for field in asset.bus_fields if (bus := getattr(asset, field)) is not None}
    return asset.model_copy(update={"name": prefix + asset.name, **buses})
