"""One of several schedules for a day: production plans that are compared for money and carbon."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from dispatch.asset import Asset, Carrier, Given, Inputs, Mode, Rows
from dispatch.errors import DataError
from dispatch.fields.frozen import Finite, Frozen, NonNegative, Positive
from dispatch.fields.series import TableFile
from dispatch.loads import flexible
from dispatch.part import Account, Part, Port, Violation, breaches, mistakes
from dispatch.ruling import Ruling
from dispatch.signals import Array, Horizon

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def _names_apart(schedules: tuple[DaySchedule, ...]) -> tuple[DaySchedule, ...]:
    names = [schedule.name for schedule in schedules]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"'{twice[0]}' names two schedules")
    return schedules


class DaySchedule(Frozen):
    """What a schedule draws, from local midnight on, and what it is worth."""

    name: str = Field(min_length=1)
    power_kw: tuple[NonNegative, ...] = Field(min_length=1)
    cost: Finite = Field(default=0.0, description="money for a day by this schedule, beside its energy")
    output_value: Finite = Field(default=0.0, description="money that its product brings in a day")


class ScheduleChoice(Asset):
    r"""Each day one schedule out of N: the same product by other shifts, another product, or none.

    .. math::
        Σ_k z_{dk} = 1, \quad z_{dk} ∈ \{0, 1\}, \quad P_t = Σ_k z_{d(t) k} p_{kt}, \quad
        cost_t = Σ_k z_{d(t) k} (c_k - v_k) Δt / day

    p is the schedule's mean power over a step, so the steps need not be those of the schedule; what a schedule does
    not say (the end of a long day) it does not draw. Cost and value of a day spread evenly over its hours, so a horizon
    that holds part of a day counts that part. The choice is one for all scenarios where commitment is shared; for the
    day in which the horizon begins it may have been made (``chosen``). Binaries: one per schedule and day; the
    relaxation mixes schedules, which a limit on power can make worth while.

    Series ``chosen``: the number of each step's schedule, from 1 on in the order of the file.
    """

    never_out: ClassVar[str] = "give it a schedule that draws nothing for days on which it rests"

    kind: Literal["schedule_choice"] = "schedule_choice"
    bus: str
    schedules: Annotated[tuple[DaySchedule, ...], AfterValidator(_names_apart)] = Field(
        default=(), description="the schedules, written out"
    )
    table: TableFile | None = Field(default=None, description="or a file with a column of kW for each, a row per step")
    cost: dict[str, Finite] = Field(default={}, description="money for a day by schedule of the table; default 0")
    output_value: dict[str, Finite] = Field(default={}, description="value of its product by schedule of the table")
    step_minutes: Positive = Field(default=15.0, description="how long each value of a schedule lasts")
    chosen: int = Field(default=0, ge=0, description="number of the schedule that the first day follows; 0: open")

    bus_fields: ClassVar[Mapping[str, Carrier | None]] = {"bus": None}

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.schedules) == (self.table is not None):
            raise ValueError("give either schedules, written out, or a table: {file: …} with a column for each")
        if self.table is None and (self.cost or self.output_value):
            raise ValueError("cost and output_value belong to a table; schedules written out have their own")
        if self.table is None and self.chosen > len(self.schedules):
            raise ValueError(f"chosen {self.chosen} is none of the {len(self.schedules)} schedules, counted from 1")
        return self

    @property
    def choices(self) -> tuple[DaySchedule, ...]:
        """All schedules, wherever they are written.

        Raises:
            DataError: the table has not been read, holds a negative power, or lacks a schedule that has a cost.
        """
        if self.table is None:
            return self.schedules
        names = self.table.names
        if not names:
            raise DataError(f"schedules of '{self.name}': '{self.table.file}' has not been read; load the park's file")
        unknown = sorted({*self.cost, *self.output_value} - {*names})
        if unknown:
            raise DataError(f"'{self.name}' prices schedule '{unknown[0]}'; its table has {', '.join(names[:5])}, …")
        for name, power in zip(names, self.table.values, strict=True):
            if min(power) < 0:
                raise DataError(f"schedule '{name}' of '{self.name}' draws {min(power):g} kW: power is 0 or more")
        return tuple(
            DaySchedule.model_construct(
                name=name, power_kw=power, cost=self.cost.get(name, 0.0), output_value=self.output_value.get(name, 0.0)
            )
            for name, power in zip(names, self.table.values, strict=True)
        )

    @property
    def structure(self) -> tuple[object, ...]:
        """Bus and schedules: their power and money are constants of the compiled problem."""
        return (*super().structure, self.step_minutes, self.choices)

    def schedule_of(self, number: float) -> DaySchedule:
        """The schedule behind a value of the series ``chosen``."""
        return self.choices[round(number) - 1]

    @classmethod
    def signals(cls, rows: Rows[Self], inputs: Inputs) -> dict[str, Array]:
        """Where each time of the clock lies, (cell, step), by day; the days' shares; which schedules are open."""
        horizon, masks = inputs.horizon, flexible.day_masks(inputs.horizon)
        overlap = _overlap(horizon, _cell_h(rows), _cells(rows))
        real, first = _open(rows, inputs)
        out = {"of_day": np.array(masks)}
        for slot, mask in enumerate(masks):
            out[f"clock_{slot}"] = overlap * mask
            out[f"share_{slot}"] = (_share(horizon) * mask)[None, :]
            out[f"open_{slot}"] = (first if slot == 0 else real) * float(mask.any())
            out[f"used_{slot}"] = np.full((rows.count, 1), float(mask.any()))
        return out

    @classmethod
    def part(cls, rows: Rows[Self], given: Given, mode: Mode) -> Part:
        """One choice a day and what it draws and costs."""
        import cvxpy as cp
        import scipy.sparse as sp

        single, steps = flexible.deciding(rows, mode), given.horizon.steps
        width, cells, slots = _most(rows), _cells(rows), len(flexible.day_masks(given.horizon))
        count, numbers = single.count * width, np.arange(1.0, width + 1)[None, :]
        choice = cp.Variable((count, slots), boolean=True)
        # Power by the clock stands between choice and steps: a product of 20 000 parameters took cvxpy half a minute.
        by_clock = cp.Variable((single.count * cells, slots), nonneg=True)
        # A variable, so that it is among the decisions that a plan passes on: to executed days, to explanations.
        chosen = cp.Variable((single.count, steps))
        gather, number = (sp.kron(sp.eye_array(single.count), k, format="csr") for k in (numbers**0, numbers))
        table, worth = _constants(single)
        drawn: Any = np.zeros((single.count, steps))
        money: Any = np.zeros((single.count, steps))
        constraints = [by_clock == table @ choice, chosen == (number @ choice) @ given["of_day"]]
        for slot in range(slots):  # days, not steps
            one = choice[:, slot : slot + 1]
            day = cp.reshape(by_clock[:, slot], (single.count, cells), order="C")
            drawn, money = drawn + day @ given[f"clock_{slot}"], money + (worth @ one) @ given[f"share_{slot}"]
            constraints += [
                one <= given[f"open_{slot}"][:count],
                gather @ one == given[f"used_{slot}"][: single.count],
            ]
        power = flexible.spread(rows, drawn)
        return Part(
            ports={"demand": Port(rows.bus(), -power)},
            constraints=constraints,
            cost_step=flexible.spread(rows, money),
            series={"power_kw": power, "chosen": chosen},
            inner={"choice": choice, "by_clock_kw": by_clock},
        )

    @classmethod
    def complete(cls, rows: Rows[Self], given: Inputs, values: dict[str, Array]) -> dict[str, Array]:
        """The choice behind the numbers, or the numbers behind a choice, and its power by the clock."""
        choice = values.get("choice")
        if choice is None:
            choice = _choose(rows, given, flexible.per_row(rows, values["chosen"]))["choice"]
        (table, _), masks = _constants(rows), np.array(flexible.day_masks(given.horizon))
        number = np.arange(1.0, _most(rows) + 1) @ choice.reshape(rows.count, -1, masks.shape[0])
        return values | {"choice": choice, "chosen": number @ masks, "by_clock_kw": np.asarray(table @ choice)}

    @classmethod
    def check(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """One whole number a day, and the power of that schedule read off the clock."""
        chosen, power, names = flexible.per_row(rows, series["chosen"]), series["power_kw"], rows.names
        days = [start.date() for start in given.horizon.local_start]
        first = np.array([days.index(day) for day in days])
        most = np.array([[len(m.choices)] for m in rows.members * rows.scenarios])
        before = rows.state(given, "chosen")
        told = np.where((before > 0) & (first == 0), np.abs(chosen - before), 0.0)
        expected, _ = _followed(rows, given, chosen)
        return [
            *breaches(names, "mixes schedules", np.abs(chosen - np.round(chosen)), 0.0, "-", 1e-3),
            *breaches(names, "changes its schedule within a day", np.abs(chosen - chosen[:, first]), 0.0, "-", 1e-3),
            *breaches(names, "follows no schedule", np.maximum(1 - chosen, chosen - most), 0.0, "-", 1e-3),
            *breaches(names, "leaves the schedule that was chosen before", told, 0.0, "-", 1e-3),
            *mistakes(names, "power differs from its schedule", np.abs(power - expected), 0.0, "kW", 1e-3),
        ]

    @classmethod
    def account(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> Account:
        """Power and money of the schedules chosen."""
        power, money = _followed(rows, given, flexible.per_row(rows, series["chosen"]))
        return Account({"demand": -power}, money=money.sum(axis=1))

    @classmethod
    def rule(cls, rows: Rows[Self], given: Inputs, state: Ruling) -> dict[str, Array]:
        """The first schedule, or the one that was chosen."""
        return _choose(rows, given, np.ones((rows.count, given.horizon.steps)))

    @classmethod
    def follow(cls, rows: Rows[Self], given: Inputs, wanted: Mapping[str, Array]) -> dict[str, Array]:
        """The schedules wanted; the first one where none is."""
        nothing = np.ones((rows.count, given.horizon.steps))
        return _choose(rows, given, wanted.get("chosen", nothing))

    @classmethod
    def settle(cls, rows: Rows[Self], given: Inputs, state: Ruling, values: dict[str, Array]) -> dict[str, Array]:
        """Where power lacks on a day, the schedule that draws least while it does."""
        lacking = np.maximum(-state.share(rows.bus(), np.ones((rows.count, given.horizon.steps))), 0)
        if lacking.max() < _SOME_KW:
            return values
        # One choice for all scenarios: the worst of them decides.
        worst = lacking.reshape(rows.scenarios, len(rows.members), -1).max(axis=0)
        short = np.tile(worst, (rows.scenarios, 1)) > _SOME_KW
        (table, _), (real, first) = _constants(rows), _open(rows, given)
        choice, overlap = values["choice"].copy(), _overlap(given.horizon, _cell_h(rows), _cells(rows))
        for slot, mask in enumerate(flexible.day_masks(given.horizon)):
            where = (short * mask) @ (overlap * given.horizon.hours).T
            drawn = (table.T @ where.reshape(-1, 1))[:, 0]
            allowed = (first if slot == 0 else real)[:, 0] > 0
            offered = np.where(allowed, drawn, np.inf).reshape(rows.count, -1)
            held = choice[:, slot].reshape(rows.count, -1)
            better = offered.min(axis=1) < np.where(held > 0, offered, 0).sum(axis=1) - _SOME_KW
            least = np.eye(offered.shape[1])[offered.argmin(axis=1)]
            choice[:, slot] = np.where(better[:, None], least, held).ravel()
        return {"choice": choice}

    @classmethod
    def told(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[str]:
        """The schedule of each day by its name."""
        dates = [start.date() for start in given.horizon.local_start]
        days = sorted(set(dates))
        out = []
        for row, member in enumerate(rows.members):
            names = [member.schedule_of(series["chosen"][row, dates.index(day)]).name for day in days]
            out += [f"{member.name}: schedule '{name}' on {day:%d %b}" for name, day in zip(names, days, strict=True)]
        return out

    @classmethod
    def carry(
        cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array], steps: int
    ) -> dict[str, dict[str, float]]:
        """The schedule of the day that goes on."""
        goes_on = given.horizon.local_start[steps - 1].date() == given.horizon.local_end[steps - 1].date()
        last = np.round(series["chosen"][:, steps - 1])
        return {m.name: {"chosen": float(last[row]) if goes_on else 0.0} for row, m in enumerate(rows.members)}


_SOME_KW = 1e-6


def _most(rows: Rows[Any]) -> int:
    """How many schedules the member with the most has; the others' list is padded."""
    return max(len(member.choices) for member in rows.members)


def _mean_kw(schedules: Sequence[DaySchedule], minutes: float, horizon: Horizon) -> Array:
    """(schedule, step) mean power over each step by the clock; nothing after a schedule's end."""
    hours = minutes / 60
    values = np.zeros((len(schedules), max(len(s.power_kw) for s in schedules)))
    for row, schedule in enumerate(schedules):
        values[row, : len(schedule.power_kw)] = schedule.power_kw
    since = np.array([_since_midnight_h(start) for start in horizon.local_start])
    energy = np.hstack([np.zeros((len(schedules), 1)), np.cumsum(values, axis=1) * hours])

    def until(at_h: Array) -> Array:
        place = np.clip(at_h / hours, 0, values.shape[1])
        whole = np.minimum(np.floor(place + 1e-9).astype(int), values.shape[1] - 1)
        return np.asarray(energy[:, whole] + values[:, whole] * (place - whole) * hours)

    return (until(since + horizon.hours) - until(since)) / horizon.hours


def _since_midnight_h(moment: datetime) -> float:
    """Hours of the clock since local midnight."""
    return moment.hour + moment.minute / 60 + moment.second / 3600


def _day_h(day: date, zone: Any) -> float:
    """Length of a local day: 23, 24 or 25 hours."""
    midnights = [datetime.combine(d, time(), zone).timestamp() for d in (day, day + timedelta(days=1))]
    return (midnights[1] - midnights[0]) / 3600


def _share(horizon: Horizon) -> Array:
    """(T,) share of its day that each step is."""
    days = [_day_h(start.date(), start.tzinfo) for start in horizon.local_start]
    return np.asarray(horizon.hours / np.array(days))


def _cell_h(rows: Rows[Any]) -> float:
    """The longest piece of the clock in which no schedule changes."""
    return math.gcd(*(round(3600 * 1000 * member.step_minutes / 60) for member in rows.members)) / 3600 / 1000


def _cells(rows: Rows[Any]) -> int:
    """How many of those pieces the longest schedule has."""
    lasting = max(len(s.power_kw) * m.step_minutes / 60 for m in rows.members for s in m.choices)
    return int(max(math.ceil(min(lasting, 25.0) / _cell_h(rows) - 1e-9), 1))


def _overlap(horizon: Horizon, cell_h: float, cells: int) -> Array:
    """(cell, step) share of each step that lies in a piece of its day's clock."""
    since = np.array([_since_midnight_h(start) for start in horizon.local_start])
    begin = np.arange(cells)[:, None] * cell_h
    lasting = np.minimum(since + horizon.hours, begin + cell_h) - np.maximum(since, begin)
    return np.asarray(np.maximum(lasting, 0) / horizon.hours)


def _constants(rows: Rows[Any]) -> tuple[csr_array, csr_array]:
    """(row · cell, choice) power of each schedule by the clock, and (row, choice) its money for a day."""
    import scipy.sparse as sp

    width, cells, cell_h, tables, money = _most(rows), _cells(rows), _cell_h(rows), [], []
    for member in rows.members:
        table, worth = np.zeros((cells, width)), np.zeros((1, width))
        for k, schedule in enumerate(member.choices):
            values = np.repeat(schedule.power_kw, round(member.step_minutes / 60 / cell_h))[:cells]
            table[: len(values), k], worth[0, k] = values, schedule.cost - schedule.output_value
        tables.append(table)
        money.append(worth)
    return sp.block_diag(tables * rows.scenarios, format="csr"), sp.block_diag(money * rows.scenarios, format="csr")


def _open(rows: Rows[Any], inputs: Inputs) -> tuple[Array, Array]:
    """(choice, 1) whether it is a schedule, and whether the first day may have it."""
    width, before = _most(rows), rows.state(inputs, "chosen")
    count = np.array([[len(m.choices)] for m in rows.members * rows.scenarios])
    for name, number, most in zip(rows.names, before[:, 0], count[:, 0], strict=True):
        if number > most:
            raise DataError(f"'{name}': chosen {number:g} is none of its {most} schedules, counted from 1")
    numbers = np.arange(width) + 1
    real = numbers <= count
    first = np.where(before > 0, numbers == before, real)
    return real.astype(float).reshape(-1, 1), first.astype(float).reshape(-1, 1)


def _choose(rows: Rows[Any], given: Inputs, wanted: Array) -> dict[str, Array]:
    """The choice of each day by the number that its first step wants; one that was made stays."""
    masks, width = flexible.day_masks(given.horizon), _most(rows)
    before = rows.state(given, "chosen")[:, 0]
    most = np.array([len(m.choices) for m in rows.members * rows.scenarios])
    choice = np.zeros((rows.count, width, len(masks)))
    for slot, mask in enumerate(masks):
        if mask.any():
            number = np.clip(np.round(wanted[:, int(mask.argmax())]), 1, most)
            number = np.where((before > 0) & (slot == 0), before, number).astype(int)
            choice[np.arange(rows.count), number - 1, slot] = 1.0
    return {"choice": choice.reshape(rows.count * width, -1)}


def _followed(rows: Rows[Any], given: Inputs, chosen: Array) -> tuple[Array, Array]:
    """(row, step) power and money of the schedules chosen, step by step off the clock."""
    power, money = np.zeros_like(chosen), np.zeros_like(chosen)
    days = _share(given.horizon)
    for row, member in enumerate(rows.members * rows.scenarios):
        for number in np.unique(chosen[row][np.isfinite(chosen[row])]):
            place = int(np.clip(np.round(number), 1, len(member.choices))) - 1
            schedule, at = member.choices[place], chosen[row] == number
            power[row, at] = _mean_kw([schedule], member.step_minutes, given.horizon)[0, at]
            money[row, at] = (schedule.cost - schedule.output_value) * days[at]
    return power, money
