"""A batch of sites as one with many members: every kind answers for all of its plant of all sites at once.

Each site keeps its buses: plant and buses are renamed ``site/name``, so that nothing of one is taken for another's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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
            for plant in member.site.assets:
                assets.setdefault(plant.kind, []).append(_renamed(plant, prefix))
        buses = tuple(f"{m.name}/{bus}" for m in members for bus in m.site.bus_names)
        first = members[0].site
        asked = (first.reserve_h, first.reserve_directions, first.outage_h, first.activation_h)
        rows = {kind: Rows(tuple(own), 1, buses, *asked) for kind, own in sorted(assets.items())}
        return cls(tuple(members), Inputs(horizon, 1, series, state), rows)

    @property
    def count(self) -> int:
        """Number of sites."""
        return len(self.members)

    @cached_property
    def _made(self) -> dict[str, dict[str, Array]]:
        return {}

    def coefficients(self, kind: str) -> dict[str, Array]:
        """A kind's, by name, for all rows."""
        if kind not in self._made:
            rows = self.rows[kind]
            self._made[kind] = coefficients(type(rows.members[0]), rows, self.inputs)
        return self._made[kind]

    def given(self, kind: str) -> Given:
        """A kind's coefficients as its part reads them: numbers."""
        values = self.coefficients(kind).items()
        plain = {name.removeprefix("signal:").removeprefix("rating:"): value for name, value in values}
        return Given(self.inputs.horizon, plain)

    def parameters(self, problem: Problem, row_by_row: Collection[str]) -> dict[int, Array]:
        """By parameter id, (site, entry) values, each site's column by column as cvxpy keeps them.

        Args:
            problem: whose parameters they are.
            row_by_row: kinds that are asked for all sites at once; the others are asked site by site.
        """
        out: dict[int, Array] = {}
        for kind in self.rows:
            own = problem.parameters(kind)
            shapes = {name: parameter.shape for name, parameter in own.items()}
            together = self._together(kind, shapes) if kind in row_by_row else None
            values = together or self._each(kind, shapes)
            out |= {parameter.id: values[name] for name, parameter in own.items()}
        return out | problem.standing()

    def _together(self, kind: str, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Array] | None:
        """One call for all; None where the answer is not that of the first and the last site asked by themselves."""
        made = self.coefficients(kind)
        leads = {name: (self.count * shape[0], *shape[1:]) for name, shape in shapes.items()}
        if any(name not in made or made[name].shape != lead for name, lead in leads.items()):
            return None
        blocks = {name: made[name].reshape(self.count, *shape) for name, shape in shapes.items()}
        for n in {0, self.count - 1}:
            alone = self._single(n, kind)
            if any(not np.array_equal(alone[name], block[n], equal_nan=True) for name, block in blocks.items()):
                return None
        return {name: _by_column(block) for name, block in blocks.items()}

    def _each(self, kind: str, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Array]:
        made = [self._single(n, kind) for n in range(self.count)]
        for member, own in zip(self.members, made, strict=True):
            for name, shape in shapes.items():
                has = own[name].shape if name in own else None
                if has != shape:
                    raise ContractError(f"'{member.name}', {kind}, {name}: shape {has}, built with {shape}")
        return {name: _by_column(np.array([own[name] for own in made])) for name in shapes}

    def _single(self, n: int, kind: str) -> dict[str, Array]:
        """One site's coefficients, under its own names."""
        member = self.members[n]
        rows: Rows[Any] = member.site.rows(1)[kind]
        return coefficients(type(rows.members[0]), rows, member.inputs(self.inputs.horizon))


def _by_column(block: Array) -> Array:
    """(site, entry) of (site, row, column …): a column of rows behind the other."""
    if block.ndim == 2:
        return block
    return np.ascontiguousarray(np.moveaxis(block, 1, -1)).reshape(block.shape[0], -1)


def _renamed(asset: Asset, prefix: str) -> Asset:
    """The asset under names that no other site has."""
    buses = {field: prefix + str(bus) for field in asset.bus_fields if (bus := getattr(asset, field)) is not None}
    return asset.model_copy(update={"name": prefix + asset.name, **buses})
