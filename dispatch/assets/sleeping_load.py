"""Equal cells of which some may sleep: base stations at night, servers, lifts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from dispatch.asset import Asset, Carrier, Given, Inputs, Mode, Rows, full, shifted
from dispatch.errors import DataError
from dispatch.fields.frozen import NonNegative, Positive
from dispatch.fields.series import Signal
from dispatch.loads import flexible
from dispatch.part import Account, Part, Port, Violation, breaches, mistakes
from dispatch.ruling import Ruling
from dispatch.signals import Array, Horizon


class SleepingLoad(Asset):
    r"""N cells, of which n are awake; the traffic q must fit into those.

    .. math::
        n_t ≥ \max(⌈q_t / Q⌉, n^{min}), \quad n_t ≤ N, \quad n_t \text{ whole}, \quad 0 ≤ v_t ≥ n_t - n_{t-1} \\
        P_t = n_t P^{on} + (N - n_t) P^{sleep}, \quad cost_t = c v_t

    With ``relaxed`` n is a real number and the traffic is not rounded up: for many cells, or for shares of one. Rounded
    bounds and differences of neighbours make a totally unimodular matrix, so that the relaxation is integral unless
    something beside the price, such as a limit on power, bears on n. The number awake is one decision for all scenarios
    where commitment is shared.

    Source: sleep modes by traffic as in Oh, Son & Krishnamachari, "Dynamic base station switching-on/off strategies for
    green cellular networks", IEEE Trans. Wireless Communications 12, 2013.
    """

    kind: Literal["sleeping_load"] = "sleeping_load"
    bus: str
    count: int = Field(ge=1, description="cells alike")
    traffic: Signal = Field(description="in the unit of cell_capacity, for all cells together")
    cell_capacity: Positive = Field(description="traffic that one cell awake carries")
    min_awake: int = Field(default=1, ge=0, description="cells that never sleep, for coverage")
    awake_kw: Positive = Field(description="power of a cell awake")
    sleep_kw: NonNegative = Field(default=0.0, description="power of a cell asleep")
    wake_cost: NonNegative = Field(default=0.0, description="money for waking one cell")
    relaxed: bool = Field(default=False, description="the number awake need not be whole")
    awake_before: NonNegative | None = Field(default=None, description="awake before the horizon; default: all")

    bus_fields: ClassVar[Mapping[str, Carrier | None]] = {"bus": "electricity"}

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.min_awake > self.count:
            raise ValueError(f"min_awake {self.min_awake} is more than the count of {self.count} cells")
        if (self.awake_before or 0) > self.count:
            raise ValueError(f"awake_before {self.awake_before:g} is more than the count of {self.count} cells")
        if self.sleep_kw > self.awake_kw:
            raise ValueError(f"sleep_kw {self.sleep_kw:g} is more than awake_kw {self.awake_kw:g}")
        return self

    @property
    def structure(self) -> tuple[object, ...]:
        """Bus, and whether numbers are whole."""
        return (*super().structure, self.relaxed)

    def known(self, horizon: Horizon) -> dict[str, Array]:
        """The traffic.

        Raises:
            DataError: it is negative, or more than all cells carry.
        """
        found = flexible.steps_of(self, ("traffic",), horizon)
        most = self.count * self.cell_capacity
        worst = found["traffic"][0]
        if worst.min() < 0 or worst.max() > most * (1 + 1e-9):
            step = int(np.argmax(np.abs(worst - np.clip(worst, 0, most))))
            when = horizon.local_start[step].isoformat()
            raise DataError(f"traffic of '{self.name}' is {worst[step]:g} at {when}; its cells carry 0 to {most:g}")
        return found

    @classmethod
    def ratings(cls, rows: Rows[Self], horizon: Horizon) -> dict[str, Array]:
        """Powers, number and the cost of waking, (row, step)."""
        awake, asleep, count = (rows.field(name) for name in ("awake_kw", "sleep_kw", "count"))
        there = ~rows.standing(horizon)
        values = {"more_kw": awake - asleep, "all_asleep_kw": count * asleep * there, "count": count * there}
        values["wake_cost"] = rows.field("wake_cost")
        return {name: full(rows, horizon, value) for name, value in values.items()}

    @classmethod
    def signals(cls, rows: Rows[Self], inputs: Inputs) -> dict[str, Array]:
        """The least number awake, and the number before the horizon."""
        return {"least": _least(rows, inputs), "before": _before(rows, inputs)}

    @classmethod
    def part(cls, rows: Rows[Self], given: Given, mode: Mode) -> Part:
        """Cells awake, and those woken."""
        import cvxpy as cp

        single, steps = flexible.deciding(rows, mode), given.horizon.steps
        count, shape = single.count, (single.count, steps)
        whole = np.array([not m.relaxed for m in single.members * single.scenarios])
        awake = cp.Variable(shape, integer=flexible.where_whole(whole, steps)) if whole.any() else cp.Variable(shape)
        woken = cp.Variable(shape, nonneg=True)
        constraints = [
            awake >= given["least"][:count],
            awake <= given["count"][:count],
            woken >= awake - shifted(given["before"][:count], awake),
        ]
        number, started = flexible.spread(rows, awake), flexible.spread(rows, woken)
        power = given["all_asleep_kw"] + cp.multiply(given["more_kw"], number)
        return Part(
            ports={"demand": Port(rows.bus(), -power)},
            constraints=constraints,
            cost_step=cp.multiply(given["wake_cost"], started),
            series={"awake": awake, "woken": woken, "power_kw": power},
        )

    @classmethod
    def complete(cls, rows: Rows[Self], given: Inputs, values: dict[str, Array]) -> dict[str, Array]:
        """How many are woken."""
        return values | {"woken": _woken(rows, given, values["awake"])}

    @classmethod
    def check(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Numbers, what they carry, and what they draw."""
        awake, woken = (flexible.per_row(rows, series[name]) for name in ("awake", "woken"))
        names, whole = rows.names, 1 - rows.field("relaxed")
        carried, apart = awake * rows.field("cell_capacity"), series["power_kw"] - _power(rows, given, awake)
        traffic = rows.series(given, "traffic")
        return [
            *breaches(names, "a cell is awake by half", np.abs(awake - np.round(awake)) * whole, 0.0, "-"),
            *breaches(names, "traffic that no cell carries", traffic - carried, 0.0, "of traffic"),
            *breaches(names, "fewer awake than must be", _fewest(rows, given) - awake, 0.0, "-"),
            *breaches(names, "more awake than there are", awake, rows.field("count"), "-"),
            *mistakes(names, "waking not counted", _woken(rows, given, awake) - woken, 0.0, "-"),
            *mistakes(names, "power differs from its cells", np.abs(apart), 0.0, "kW"),
        ]

    @classmethod
    def account(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> Account:
        """Power of the cells, and the cost of waking them."""
        awake = flexible.per_row(rows, series["awake"])
        money = _woken(rows, given, awake).sum(axis=1) * rows.field("wake_cost")[:, 0]
        return Account({"demand": -_power(rows, given, awake)}, money=money)

    @classmethod
    def told(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[str]:
        """How many are awake, and what sleep saves."""
        out = []
        for row, member in enumerate(rows.members):
            awake, power = flexible.per_row(rows, series["awake"])[row], series["power_kw"][row]
            saved = float((member.count * member.awake_kw - power) @ given.horizon.hours)
            text = f"{awake.min():g} to {awake.max():g} of {member.count} awake; sleep saves {saved:,.1f} kWh"
            out.append(f"{member.name}: {text}")
        return out

    @classmethod
    def rule(cls, rows: Rows[Self], given: Inputs, state: Ruling) -> dict[str, Array]:
        """All cells stay awake."""
        return {"awake": np.where(rows.standing(given.horizon), 0.0, rows.field("count"))}

    @classmethod
    def follow(cls, rows: Rows[Self], given: Inputs, wanted: Mapping[str, Array]) -> dict[str, Array]:
        """As many as wanted, no fewer than the traffic needs."""
        nothing = np.zeros((rows.count, given.horizon.steps))
        awake = np.maximum(np.ceil(wanted.get("awake", nothing) - 1e-6), _least(rows, given))
        return {"awake": np.where(rows.standing(given.horizon), 0.0, np.minimum(awake, rows.field("count")))}

    @classmethod
    def settle(cls, rows: Rows[Self], given: Inputs, state: Ruling, values: dict[str, Array]) -> dict[str, Array]:
        """Puts cells to sleep where power lacks, as far as the traffic lets it."""
        lacking = np.maximum(-state.share(rows.bus(), _power(rows, given, values["awake"])), 0)
        # One decision for all scenarios.
        worst = lacking.reshape(rows.scenarios, len(rows.members), -1).max(axis=0)
        saved = np.maximum(rows.field("awake_kw") - rows.field("sleep_kw"), 1e-9)
        fewer = np.ceil(np.tile(worst, (rows.scenarios, 1)) / saved - 1e-6)
        return {"awake": np.maximum(values["awake"] - fewer, _least(rows, given))}

    @classmethod
    def carry(
        cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array], steps: int
    ) -> dict[str, dict[str, float]]:
        """Cells awake after the last of these steps."""
        last = series["awake"][:, steps - 1]
        return {member.name: {"awake_before": float(last[row])} for row, member in enumerate(rows.members)}


def _least(rows: Rows[Any], inputs: Inputs) -> Array:
    """(row, step) cells that the traffic needs, whole ones where numbers are whole."""
    needed = rows.series(inputs, "traffic") / rows.field("cell_capacity")
    whole = np.where(rows.field("relaxed") > 0, needed, np.ceil(needed - 1e-9))
    return np.maximum(whole, _fewest(rows, inputs))


def _fewest(rows: Rows[Any], inputs: Inputs) -> Array:
    """(row, step) cells that never sleep, while there is power for any."""
    return np.where(rows.standing(inputs.horizon), 0.0, rows.field("min_awake"))


def _before(rows: Rows[Any], inputs: Inputs) -> Array:
    """(row, 1) cells awake before the horizon."""
    before = rows.state(inputs, "awake_before")
    return np.where(np.isnan(before), rows.field("count"), before)


def _woken(rows: Rows[Any], given: Inputs, awake: Array) -> Array:
    """(row, step) how many more are awake than before."""
    return np.maximum(np.diff(np.hstack([_before(rows, given), awake]), axis=1), 0)


def _power(rows: Rows[Any], given: Inputs, awake: Array) -> Array:
    """(row, step) power of those awake and those asleep; none of cells that are out of service."""
    power = awake * rows.field("awake_kw") + (rows.field("count") - awake) * rows.field("sleep_kw")
    return np.where(rows.standing(given.horizon) & (awake <= 0), 0.0, power)
