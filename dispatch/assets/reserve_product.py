"""Reserve that is sold: capacity held ready over blocks of hours, at a price."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal

import numpy as np
from pydantic import Field

from dispatch.asset import Given, Inputs, Mode, Rows, full
from dispatch.fields.frozen import NonNegative, Positive
from dispatch.fields.series import Signal, signal_values
from dispatch.part import Account, Part, Violation, breaches
from dispatch.ruling import Ruling
from dispatch.signals import Array, Horizon
from dispatch.units.reserve_asked import ReserveAsked, is_direction


class ReserveProduct(ReserveAsked):
    r"""Capacity k sold in one direction, the same in every step of a block, drawn from what the site's plant offers.

    .. math::
        0 ≤ k_t ≤ \bar K, \quad k_t = k_{t-1} \text{ within a block}, \quad 0 ≤ s_t ≤ k_t \\
        cost = Σ_t Δt_t (ρ_t s_t - π_t (k_t - s_t))

    The site's balance of reserve is asked for k − s, and so is the room that its connections have
    (:mod:`dispatch.terms.called`). Blocks begin at local midnight and last ``block_hours`` on the
    clock. In a block that has begun before the horizon, ``held_kw`` is sold already and k is that; what the plant
    cannot hold of it is short (s): it is not paid and costs the penalty ρ, which is money.
    """

    kind: Literal["reserve_product"] = "reserve_product"
    offer_kw: NonNegative = Field(description="the most that may be sold")
    price_per_kwh: Signal = Field(description="for a kW held for an hour")
    block_hours: Positive = Field(default=4.0, le=24, description="length of a block, from local midnight on")
    penalty_per_kwh: NonNegative = Field(default=100.0, description="for a kW that is sold and not held for an hour")
    held_kw: NonNegative = Field(default=0.0, description="sold in the block in which the horizon begins")

    @property
    def asks_for_grid(self) -> bool:
        """What is sold is called by the grid."""
        return True

    def known(self, horizon: Horizon) -> dict[str, Array]:
        """The price."""
        values = signal_values(self.price_per_kwh, horizon.local_start, horizon.local_end, f"price of '{self.name}'")
        return {"price_per_kwh": np.array(values)[None, :]}

    def block(self, moment: datetime) -> tuple[object, int]:
        """Day and number of the block that holds a moment."""
        clock_h = moment.hour + moment.minute / 60 + moment.second / 3600
        return moment.date(), int((clock_h + 1e-9) // self.block_hours)

    def begins_inside(self, horizon: Horizon) -> bool:
        """Has the block of the first step begun before the horizon?"""
        start = horizon.local_start[0]
        return self.block(start - timedelta(seconds=1)) == self.block(start)

    @classmethod
    def ratings(cls, rows: Rows[ReserveProduct], horizon: Horizon) -> dict[str, Array]:
        """Price of a shortfall, (row, step)."""
        return {
            "penalty_per_kw": rows.field("penalty_per_kwh") * horizon.hours,
        }

    @classmethod
    def signals(cls, rows: Rows[ReserveProduct], inputs: Inputs) -> dict[str, Array]:
        """Price per kW and step, which steps go on with the block before, and what is sold in the first one."""
        goes_on, begun = _blocks(rows, inputs.horizon)
        return {
            "price_per_kw": rows.series(inputs, "price_per_kwh") * inputs.horizon.hours,
            "goes_on": goes_on,
            "begun": begun,
            "begun_kw": begun * rows.state(inputs, "held_kw"),
            # What is sold already may be more than would be offered today.
            "most_kw": np.where(_first_block(goes_on, begun), rows.state(inputs, "held_kw"), rows.field("offer_kw")),
        }

    @classmethod
    def part(cls, rows: Rows[ReserveProduct], given: Given, mode: Mode) -> Part:
        """What is sold, less what is short, asked of the site's plant."""
        import cvxpy as cp

        shape = (rows.count, given.horizon.steps)
        sold, short = cp.Variable(shape, nonneg=True), cp.Variable(shape, nonneg=True)
        constraints = [
            sold <= given["most_kw"],
            short <= sold,
            cp.multiply(given["begun"], sold[:, :1]) == given["begun_kw"],
        ]
        if shape[1] > 1:
            changes = cp.multiply(given["goes_on"][:, 1:], sold[:, 1:] - sold[:, :-1])
            constraints.append(changes == np.zeros((shape[0], shape[1] - 1)))
        held = sold - short
        asked = {way: full(rows, given.horizon, is_direction(rows, way)) for way in ("up", "down")}
        return Part(
            ports={},
            constraints=constraints,
            cost_step=cp.multiply(given["penalty_per_kw"], short) - cp.multiply(given["price_per_kw"], held),
            reserve_up_kw=-cp.multiply(asked["up"], held) if asked["up"].any() else None,
            reserve_down_kw=-cp.multiply(asked["down"], held) if asked["down"].any() else None,
            series={"sold_kw": sold, "sold_short_kw": short},
        )

    @classmethod
    def check(cls, rows: Rows[ReserveProduct], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Sold within the offer, alike in every step of a block, and in the first block what was sold before."""
        sold, short, names = series["sold_kw"], series["sold_short_kw"], rows.names
        found = [
            *breaches(names, "negative sale", -sold, 0.0, "kW"),
            *breaches(names, "negative shortfall", -short, 0.0, "kW"),
            *breaches(names, "shortfall above what is sold", short, sold, "kW"),
        ]
        for row in range(rows.count):
            member, name = rows.members[row % len(rows.members)], (names[row],)
            at = [member.block(start) for start in given.horizon.local_start]
            first = np.array([block == at[0] for block in at]) & member.begins_inside(given.horizon)
            held = given.state.get(member.name, {}).get("held_kw", member.held_kw)
            most = np.where(first, held, member.offer_kw)
            level = [sold[row, at.index(block)] for block in at]
            found += breaches(name, "sells more than its offer", sold[row][None, :], most[None, :], "kW")
            found += breaches(name, "changes within a block", np.abs(sold[row] - level)[None, :], 0.0, "kW", 1e-3)
            apart = np.abs(sold[row] - held) * first
            found += breaches(name, "differs from what was sold before", apart[None, :], 0.0, "kW", 1e-3)
        return found

    @classmethod
    def account(cls, rows: Rows[ReserveProduct], given: Inputs, series: Mapping[str, Array]) -> Account:
        """What is held is paid, what is short is fined."""
        held = series["sold_kw"] - series["sold_short_kw"]
        hours = given.horizon.hours
        earned = (held * rows.series(given, "price_per_kwh")) @ hours
        fined = (series["sold_short_kw"] @ hours) * rows.field("penalty_per_kwh")[:, 0]
        return Account(
            {},
            money=fined - earned,
            reserve_up_kw=-held * is_direction(rows, "up"),
            reserve_down_kw=-held * is_direction(rows, "down"),
        )

    @classmethod
    def rule(cls, rows: Rows[ReserveProduct], given: Inputs, state: Ruling) -> dict[str, Array]:
        """Without a plan nothing is sold, and what was sold before counts as short."""
        first = _first_block(*_blocks(rows, given.horizon))
        sold = np.where(first, rows.state(given, "held_kw"), 0.0)
        return {"sold_kw": sold, "sold_short_kw": sold}

    @classmethod
    def carry(
        cls, rows: Rows[ReserveProduct], given: Inputs, series: Mapping[str, Array], steps: int
    ) -> dict[str, dict[str, float]]:
        """What is sold in the block that goes on."""
        last, out = given.horizon.local_end[steps - 1], {}
        for row, member in enumerate(rows.members):
            goes_on = member.block(given.horizon.local_start[steps - 1]) == member.block(last)
            out[member.name] = {"held_kw": float(series["sold_kw"][row, steps - 1]) if goes_on else 0.0}
        return out


def _blocks(rows: Rows[ReserveProduct], horizon: Horizon) -> tuple[Array, Array]:
    """(row, step) 1 where a step is in the block of the one before, and (row, 1) where the first block has begun."""
    goes_on = []
    for member in rows.members:
        at = [member.block(start) for start in horizon.local_start]
        goes_on.append([member.begins_inside(horizon), *(one == other for one, other in pairwise(at))])
    table = np.tile(np.array(goes_on, float), (rows.scenarios, 1))
    return table, table[:, :1]


def _first_block(goes_on: Array, begun: Array) -> np.ndarray:
    """(row, step) is the step in the block that had begun before the horizon?"""
    return np.asarray((np.cumprod(goes_on, axis=1) * begun) > 0)
