"""What was done, as arrays: schedules cut to steps, joined again, and audited over the whole of a span.

A piece holds every asset's (asset, step) arrays of the executed path. Joined end to end they are one schedule, which
the audit walks from the first state on: stores from their first level, units from their first hours, peaks over the
month. Nothing in it knows where one window ended and the next began, so a jump at a seam is a violation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dispatch.accounts import carbon_carry
from dispatch.asset import Asset, Inputs, Rows
from dispatch.carbon_wanted.wishes import EmissionsWish
from dispatch.problem import Problem
from dispatch.replay.case import Case
from dispatch.schedule import Proof, Schedule, Solved
from dispatch.signals import Array
from dispatch.site import Site
from dispatch.stores.stock import Storage
from dispatch.tables import by_step

_SUMS = ("cost_step", "co2_step_kg", "penalty_step", "supply_kw", "unclean_kw", "reserve_up_kw", "reserve_down_kw")

State = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Piece:
    """Executed steps.

    Attributes:
        first: the first step, counted in the span.
        steps: how many there are.
        arrays: (asset, step) by ``kind/field/name``.
        period_money: by kind, (asset, window) money that is not of a step: demand charges, as far as it adds to them.
        seams: by ``asset/quantity``, state handed in at the starts of the windows within, (window,); NaN: none.
        starts: (window,) steps of those starts, counted in the span.
        notes: (window,) by name: what the plans of those windows were (changed, adopted, rung …).
    """

    first: int
    steps: int
    arrays: Mapping[str, Array]
    period_money: Mapping[str, Array]
    seams: Mapping[str, Array]
    starts: Array
    notes: Mapping[str, Array]


def cut(schedule: Schedule, first: int, steps: int, state: State, notes: Mapping[str, float]) -> Piece:
    """The first ``steps`` steps of scenario 0, executed as one window that began with ``state``."""
    total = schedule.inputs.horizon.steps
    arrays: dict[str, Array] = {}
    money: dict[str, Array] = {}
    for kind, solved in schedule.kinds.items():
        members = len(solved.rows.members)
        by_name = {f"power_kw/{n}": v for n, v in solved.power_kw.items()}
        by_name |= {f"series/{n}": v for n, v in solved.series.items() if v.shape[-1] == total and by_step(n)}
        by_name |= {f"{name}/": getattr(solved, name) for name in _SUMS}
        arrays |= {f"{kind}/{name}": values[:members, :steps] for name, values in by_name.items()}
        money[kind] = solved.cost_period[:members].sum(axis=1, keepdims=True)
    seams = {f"{asset}/{name}": np.array([value]) for asset, of in state.items() for name, value in of.items()}
    return Piece(
        first,
        steps,
        dict(sorted(arrays.items())),
        dict(sorted(money.items())),
        dict(sorted(seams.items())),
        np.array([float(first)]),
        {n: np.array([float(v)]) for n, v in notes.items()},
    )


def split(piece: Piece, first: int, steps: int) -> Piece:
    """Some of its steps, with the windows that begin in them."""
    at = first - piece.first
    arrays = {key: values[:, at : at + steps] for key, values in piece.arrays.items()}
    inside = (piece.starts >= first) & (piece.starts < first + steps)
    money = {kind: values[:, inside] for kind, values in piece.period_money.items()}
    seams = {key: values[inside] for key, values in piece.seams.items()}
    notes = {key: values[inside] for key, values in piece.notes.items()}
    return Piece(first, steps, arrays, money, seams, piece.starts[inside], notes)


def join(parts: Sequence[Piece]) -> Piece:
    """One after the other, without a gap. What some windows lack, such as a state before the first, is NaN there."""

    def by_window(of: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
        keys = sorted({key for part in of for key in part})
        lacking = [np.full(part.starts.size, np.nan) for part in parts]
        return {k: np.concatenate([p.get(k, gap) for p, gap in zip(of, lacking, strict=True)]) for k in keys}

    # A series of periods may have, in a window of as many steps, passed for one of steps.
    keys = sorted(set.intersection(*(set(part.arrays) for part in parts)))
    return Piece(
        parts[0].first,
        sum(part.steps for part in parts),
        {key: np.concatenate([part.arrays[key] for part in parts], axis=1) for key in keys},
        {
            kind: np.concatenate([part.period_money[kind] for part in parts], axis=1)
            for kind in sorted(parts[0].period_money)
        },
        by_window([part.seams for part in parts]),
        np.concatenate([part.starts for part in parts]),
        by_window([part.notes for part in parts]),
    )


def came(case: Case, first: int, steps: int, state: State) -> Inputs:
    """Inputs in which what really came over these steps comes."""
    horizon = case.window(first, steps)
    series = dict(case.site.known_series(horizon))
    part = slice(first, first + steps)
    series |= {(name, need.quantity): case.actual[name][None, part] for name, need in case.needs.items()}
    return Inputs(horizon, 1, series, state)


def without_end(site: Site) -> Site:
    """The site as it runs: nothing asked for at an end, for a seam is none, and no outage that never comes.

    That the site could survive one is a plan's promise: it looks further ahead than a window that is executed.
    """
    changes = {"end_penalty_per_kwh": 0.0, "at_end": "in_time"}
    assets = tuple(
        a.model_copy(update={n: v for n, v in changes.items() if n in type(a).model_fields})
        for a in site.assets
        if not a.asks_outage_h
    )
    return site.model_copy(update={"assets": assets})


Buses = Mapping[str, Mapping[str, np.ndarray]]


def buses(case: Case) -> Buses:
    """By kind and port, (asset,) the bus each stands on."""
    parts = Problem(case.site, came(case, 0, 1, {})).parts
    return {kind: {port: side.bus for port, side in part.ports.items()} for kind, part in parts.items()}


def schedule(case: Case, piece: Piece, state: State, at: Buses) -> Schedule:
    """The executed steps as one schedule on what came, from the state before the first of them."""
    inputs = came(case, piece.first, piece.steps, state)
    kinds = {
        kind: _solved(kind, rows, piece, at[kind], inputs) for kind, rows in without_end(case.site).rows(1).items()
    }

    def total(name: str) -> Array:
        return np.array([sum(float(getattr(solved, name).sum()) for solved in kinds.values())])

    money = total("cost_step") + total("cost_period")
    proof = Proof("rule_based", float(money[0]), -np.inf, np.inf, 0, 0, False)
    made = Schedule(inputs, np.ones(1), kinds, money, total("co2_step_kg"), total("penalty_step"), {}, proof)
    # The wishes are the ledger's to look at: they are held day by day, not over what happens to be one piece.
    caps = tuple(wish for wish in case.site.wishes if isinstance(wish, EmissionsWish))
    account = carbon_carry.executed(case.site.carbon, made)
    carriers = dict(zip(case.site.bus_names, case.site.bus_carriers, strict=True))
    account = replace(account, followed=caps, carriers=carriers)
    return replace(made, money=made.money + account.money, carbon=account)


def _solved(kind: str, rows: Rows[Any], piece: Piece, bus: Mapping[str, np.ndarray], inputs: Inputs) -> Solved:
    def of(field: str) -> dict[str, Array]:
        start = f"{kind}/{field}/"
        return {key.removeprefix(start): values for key, values in piece.arrays.items() if key.startswith(start)}

    values, series = {name: of(name)[""] for name in _SUMS}, of("series")
    cls: type[Asset] = type(rows.members[0])
    if cls.counts_on or issubclass(cls, Storage):
        # The windows' own are of ends that were none, and of sums that begin anew in each: the whole path says it.
        values["penalty_step"] = _at_the_end(cls.account(rows, inputs, series).penalty, values["cost_step"])
    return Solved(rows, bus, of("power_kw"), series, cost_period=piece.period_money[kind], **values)


def _at_the_end(money: Array | float, like: Array) -> Array:
    """(asset, step) an amount per asset in the last step."""
    out = np.zeros_like(like)
    out[:, -1] = money
    return out
