"""Batch work of data centres that is done at another site."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from dispatch.assets.data_centre import DataCentre
from dispatch.config.mistakes import near_miss
from dispatch.errors import Problem
from dispatch.fields.frozen import Frozen, NonNegative
from dispatch.fleet.members import Member
from dispatch.fleet.shared.base import Shared
from dispatch.fleet.shared.scope import Builder, Label
from dispatch.loads.data_centre_work import MOVES_ACROSS
from dispatch.signals import Array


class Path(Frozen):
    """Work may go from one site to another."""

    origin: str
    destination: str
    most_kw: NonNegative | None = Field(default=None, description="most IT power that is done there for it")
    cost_per_kwh: NonNegative = Field(default=0.0, description="of IT energy, on top of what the data centre asks")
    latency_ms: NonNegative | None = Field(default=None, description="of the line between them")


class MovableWork(Shared):
    r"""Batch work w that leaves site o is done in the same step at the sites that paths lead to.

    .. math:: l_{nt} = Σ_d w_{nd,t} - Σ_o w_{on,t}, \quad 0 ≤ w_{od,t} ≤ \bar W_{od}, \quad
              cost = Σ Δt_t κ_{od} w_{od,t}

    l is what the site's data centres (``pool_reach: fleet``) send less what they receive. Since each batch is still
    *done* between its arrival and its deadline, wherever that is, the work of all sites is the work that arrived,
    within its windows. Without paths all sites may work for each other.
    """

    kind: Literal["movable_work"] = "movable_work"
    paths: tuple[Path, ...] = Field(default=(), description="allowed; default: from each site to each other")
    cost_per_kwh: NonNegative = Field(default=0.0, description="of the paths that are not written out")
    latency_max_ms: NonNegative | None = Field(default=None, description="longer paths are not used")

    single: ClassVar[bool] = True

    @model_validator(mode="after")
    def _latency_known(self) -> Self:
        unknown = [p for p in self.paths if p.latency_ms is None]
        if self.latency_max_ms is not None and (unknown or not self.paths):
            raise ValueError("latency_max_ms needs paths, each with its latency_ms")
        return self

    @property
    def needs(self) -> tuple[str, ...]:
        """Work that leaves."""
        return ("work_leaving_kw",)

    def member(self, member: Member) -> Member:
        """Its data centres may send and receive."""
        state = {name: dict(values) for name, values in member.state.items()}
        for asset in member.site.assets:
            if isinstance(asset, DataCentre) and asset.pool_reach == "fleet":
                state[asset.name] = state.get(asset.name, {}) | {MOVES_ACROSS: 1.0}
        return replace(member, state=state)

    def used(self, names: tuple[str, ...]) -> tuple[Path, ...]:
        """The paths between sites of those names."""
        if not self.paths:
            pairs = ((o, d) for o in names for d in names if o != d)
            return tuple(Path(origin=o, destination=d, cost_per_kwh=self.cost_per_kwh) for o, d in pairs)
        longest = np.inf if self.latency_max_ms is None else self.latency_max_ms
        return tuple(p for p in self.paths if (p.latency_ms or 0.0) <= longest)

    def problems(self, names: Sequence[str], labels: Sequence[Mapping[str, Label]]) -> Iterator[Problem]:
        """Paths that begin or end at no site of its own, too."""
        yield from super().problems(names, labels)
        mine = [name for name, own in zip(names, self.members(names, labels), strict=True) if own]
        for place, path in enumerate(self.paths):
            for end in ("origin", "destination"):
                if getattr(path, end) not in mine:
                    text = f"'{getattr(path, end)}' is none of its sites"
                    yield Problem(f"paths[{place}].{end}", text, near_miss(getattr(path, end), mine))

    def add(self, builder: Builder, group: str, weight: Array) -> None:
        """A balance per site and step, a column per path and step."""
        scope = builder.scope
        names = tuple(name for name, own in zip(scope.names, weight, strict=True) if own)
        rows = {}
        for name in names:  # few sites have data centres
            one = np.array([float(other == name) for other in scope.names])
            rows[name] = builder.rows(group, f"work leaving {name}", "work_leaving_kw", one, lower=0.0, upper=0.0)
        most = float(weight @ scope.import_kw)
        for path in self.used(names):
            if not {path.origin, path.destination} <= set(rows):
                continue  # a part of the fleet is planned
            cost = path.cost_per_kwh * scope.horizon.hours
            flow = builder.columns(group, path_name(path), cost, most if path.most_kw is None else path.most_kw)
            builder.put(rows[path.origin], flow, -1.0)
            builder.put(rows[path.destination], flow, 1.0)


def path_name(path: Path) -> str:
    """For people."""
    return f"work from {path.origin} to {path.destination}"
