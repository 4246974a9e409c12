"""Cables between two electricity buses of one site."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from dispatch.asset import Asset, Carrier, Given, Inputs, Mode, Rows, full
from dispatch.fields.frozen import Positive
from dispatch.part import Account, Part, Port, Violation, breaches
from dispatch.ruling import Ruling
from dispatch.signals import Array, Horizon
from dispatch.worth import Activity, Worth


class Cable(Asset):
    """A lossless connection with a rating: −P̄ ≤ f ≤ P̄, written as two non-negative flows forth and back.

    Losses and voltages are the AC model's; a cable is part of the network, so its ports are no injections there. Flows
    are transport flows: cables in a loop share power as is cheapest, where alternating current shares it by impedance
    (no Kirchhoff voltage law). ``in_loops`` says which; a plan that a ``grid`` proves is free of the question.
    """

    kind: Literal["cable"] = "cable"
    bus: str
    far_bus: str = Field(description="the end away from the grid connection")
    rating_kw: Positive

    is_network: ClassVar[bool] = True
    rule_order: ClassVar[int] = 4
    relieves: ClassVar[bool] = True
    bus_fields: ClassVar[Mapping[str, Carrier | None]] = {"bus": "electricity", "far_bus": "electricity"}

    def worth(self, inputs: Inputs) -> Worth:
        """Either side of it."""
        ways = ((self.bus, self.far_bus), (self.far_bus, self.bus))
        return Worth(tuple(Activity({one: 1.0}, {other: 1.0}) for one, other in ways))

    @classmethod
    def ratings(cls, rows: Rows[Cable], horizon: Horizon) -> dict[str, Array]:
        """The rating, (row, step)."""
        return {"rating_kw": full(rows, horizon, rows.field("rating_kw"))}

    @classmethod
    def part(cls, rows: Rows[Cable], given: Given, mode: Mode) -> Part:
        """Flow from ``far_bus`` to ``bus`` and back."""
        import cvxpy as cp

        shape = (rows.count, given.horizon.steps)
        inward, outward = cp.Variable(shape, nonneg=True), cp.Variable(shape, nonneg=True)
        return Part(
            ports={
                "near": Port(rows.bus(), inward - outward),
                "far": Port(rows.bus("far_bus"), outward - inward),
            },
            constraints=[inward + outward <= given["rating_kw"]],
            series={"inward_kw": inward, "outward_kw": outward},
        )

    @classmethod
    def check(cls, rows: Rows[Cable], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Within its rating in both directions."""
        flow = series["inward_kw"] - series["outward_kw"]
        return breaches(rows.names, "flow above rating", np.abs(flow), rows.field("rating_kw"), "kW")

    @classmethod
    def account(cls, rows: Rows[Cable], given: Inputs, series: Mapping[str, Array]) -> Account:
        """What leaves one end arrives at the other."""
        inward = series["inward_kw"] - series["outward_kw"]
        return Account({"near": inward, "far": -inward}, at={"far": "far_bus"})

    @classmethod
    def rule(cls, rows: Rows[Cable], given: Inputs, state: Ruling) -> dict[str, Array]:
        """Carries whatever the far end has over or lacks, the outermost cable first."""
        near, far = rows.bus(), rows.bus("far_bus")
        left, flow = state.residual_kw.copy(), np.zeros((rows.count, given.horizon.steps))
        for row in _outermost_first(near, far):  # a handful of cables, each depends on those behind it
            rating = rows.field("rating_kw")[row]
            flow[row] = np.clip(left[far[row]], -rating, rating)
            left[far[row]] -= flow[row]
            left[near[row]] += flow[row]
        return {"inward_kw": np.maximum(flow, 0), "outward_kw": np.maximum(-flow, 0)}

    @classmethod
    def settle(cls, rows: Rows[Cable], given: Inputs, state: Ruling, values: dict[str, Array]) -> dict[str, Array]:
        """Leaves at the far end what the near end could not take or give, so that those there give way."""
        near, far = rows.bus(), rows.bus("far_bus")
        left = state.residual_kw.copy()
        inward, outward = values["inward_kw"].copy(), values["outward_kw"].copy()
        for row in reversed(_outermost_first(near, far)):
            back = np.clip(left[near[row]], -outward[row], inward[row])
            inward[row] -= np.maximum(back, 0)
            outward[row] -= np.maximum(-back, 0)
            left[near[row]] -= back
            left[far[row]] += back
        return {"inward_kw": inward, "outward_kw": outward}


def in_loops(cables: Sequence[Cable]) -> list[str]:
    """Names of the cables whose ends others join as well, two side by side among them."""
    number = {bus: k for k, bus in enumerate(dict.fromkeys(b for c in cables for b in (c.bus, c.far_bus)))}
    ends = np.array([[number[c.bus], number[c.far_bus]] for c in cables], dtype=np.int64).reshape(-1, 2)

    def joined(row: int) -> bool:  # a handful of cables: each is taken out once
        site = np.arange(len(number))
        for near, far in np.delete(ends, row, axis=0):
            site[site == site[near]] = site[far]
        return bool(site[ends[row, 0]] == site[ends[row, 1]])

    return [cable.name for row, cable in enumerate(cables) if joined(row)]


def loop_warning(assets: Iterable[Asset], proven: bool) -> str | None:
    """What a reader of a park must know of cables in a loop that no network model proves; None where there are none."""
    names = [] if proven else in_loops([asset for asset in assets if isinstance(asset, Cable)])
    if not names:
        return None
    return (
        f"cables {', '.join(names)} form a loop: their flows are transport flows, shared as is cheapest and not by "
        "impedance (no voltage law), so that the plan may cost less than the network allows; name a network under grid "
        "to have it proven"
    )


def _outermost_first(near: np.ndarray, far: np.ndarray) -> list[int]:
    """Rows in an order in which every cable comes after those that end at its far bus; in a ring, as they come."""
    order: list[int] = []
    waiting = list(range(near.size))
    while waiting:
        free = [row for row in waiting if far[row] not in {near[other] for other in waiting if other != row}]
        order += free or waiting[:1]
        waiting = [row for row in waiting if row not in order]
    return order
