"""What a park does without the solver: every kind's own rule, or a plan that is followed, and then who gives way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dispatch.asset import Asset, Rows
from dispatch.assets.cable import Cable
from dispatch.assets.direct_line import DirectLine
from dispatch.assets.thermal import Thermal
from dispatch.problem import Problem
from dispatch.ruling import Ruling
from dispatch.schedule import Proof, Schedule
from dispatch.signals import Array
from dispatch.solver.highs import Quality
from dispatch.stores.electric import ElectricStorage
from dispatch.terms.standing import stilled
from dispatch.units.fired import Fired
from dispatch.units.generation import VariableGeneration

_MOST_PASSES = 5
_MOST_NESTED = 3
_BALANCED_KW = 1e-6
_SUPPLY = 6
"""From this place in the cascade on, kinds bring what lacks from outside."""


def rule_based(
    problem: Problem,
    planned: Mapping[str, Mapping[str, Array]] | None = None,
    guards: Mapping[type, Array] | None = None,
) -> Schedule:
    """What the park does without a plan: each kind's rule in order, then, in reverse, those that give way.

    Giving way is repeated while something is left: what one pass frees at one kind, the next passes on to another.

    Args:
        problem: compiled, with its data up to date.
        planned: by kind, decisions that are followed instead of the kind's rule, as far as nothing is left over.
        guards: by class, (row, step) what it gives at the most until kinds that relieve it have been asked.
    """
    return cascade(problem, planned or {}, tuple(problem.rows), "rule_based", guards)


def guards(problem: Problem, planned: Mapping[str, Mapping[str, Array]]) -> dict[type, Array]:
    """By class, what it gives at the most until others have been asked, as a plan and the problem's state say.

    Args:
        planned: by kind, decisions over the problem's steps and what else the plan said.
    """
    out: dict[type, Array] = {}
    for kind, rows in problem.rows.items():
        cls: type[Asset] = type(rows.members[0])
        most = cls.guard(rows, problem.inputs, planned.get(kind, {}))
        if most is not None:
            out[cls] = most
    return out


def cascade(
    problem: Problem,
    planned: Mapping[str, Mapping[str, Array]],
    giving_way: Sequence[str],
    quality: Quality,
    guards: Mapping[type, Array] | None = None,
) -> Schedule:
    """Decisions by plan or rule, kind after kind; then those of ``giving_way`` take up what is left, in reverse."""
    state = Ruling(problem.standing_kw())
    order = sorted(problem.rows, key=lambda kind: _order(problem, kind))
    chosen: dict[str, dict[str, Array]] = {}
    # What is decided comes first: a cable carries what a store behind it takes, though cables precede stores that rule.
    for kind in sorted(order, key=lambda kind: not planned.get(kind)):
        state = _ruled(problem, kind, planned, chosen, state)
    settling = [kind for kind in reversed(order) if kind in giving_way]
    # Fuel is saved before wind and sun are lost, and processes beside it give way before it is burnt.
    settling.sort(key=lambda kind: (_is_free(problem, kind), -_order(problem, kind), _burns(problem, kind)))
    if any(type(rows.members[0]).gives_more for rows in problem.rows.values()):
        # What one plant no longer gives, the next may make, and supplies give for it at once; no load sheds yet. Those
        # that others feed give way last: a plant stops for want of power when neither store nor source of it is left.
        supplies = [kind for kind in settling if _order(problem, kind) >= _SUPPLY]
        early = [one for kind in settling if _order(problem, kind) > 0 for one in (kind, *supplies)]
        for _ in range(_MOST_PASSES):
            if np.abs(state.residual_kw).max() < _BALANCED_KW:
                break
            state = _settled(problem, early, chosen, Ruling(state.residual_kw, sheds=False, spent=state.spent))
    state = _passes(problem, settling, chosen, state)
    if guards:
        _guarded(problem, settling, chosen, state, guards)
    return problem.read(Proof(quality, problem.settle_totals(), -np.inf, np.inf, 0, 0, False), None)


def _ruled(
    problem: Problem,
    kind: str,
    planned: Mapping[str, Mapping[str, Array]],
    chosen: dict[str, dict[str, Array]],
    state: Ruling,
) -> Ruling:
    """What is left over after a kind has done as planned, or by its rule; its decisions go into ``chosen``."""
    rows = problem.rows[kind]
    seen = None if planned.get(kind) else _beyond_cables(problem, rows, chosen, state)
    decided = planned.get(kind) or type(rows.members[0]).rule(rows, problem.inputs, seen or state)
    chosen[kind] = stilled(rows, problem.horizon, decided)
    problem.put(kind, chosen[kind])
    state = Ruling(state.residual_kw + problem.net_kw(kind))
    if seen is None:
        return state
    cables = problem.rows["cable"]
    without = Ruling(state.residual_kw - problem.net_kw("cable"))
    chosen["cable"] = stilled(cables, problem.horizon, Cable.rule(cables, problem.inputs, without))
    problem.put("cable", chosen["cable"])
    return Ruling(without.residual_kw + problem.net_kw("cable"))


def _beyond_cables(
    problem: Problem, rows: Rows[Any], chosen: Mapping[str, Mapping[str, Array]], state: Ruling
) -> Ruling | None:
    """What electric stores see of what cables have brought to their near ends; None: only what is left at their bus.

    By then nothing is left at far ends but what a cable could not carry. What is left at the near end is shared among
    the stores by their rating, wherever they stand; the cables then carry what these take or give.
    """
    if "cable" not in chosen or not isinstance(rows.members[0], ElectricStorage):
        return None
    root = _near_ends(problem.rows["cable"], state.residual_kw.shape[0])
    bus, rated = rows.bus(), rows.field("charge_kw")[:, 0]
    if (root[bus] == bus).all():
        return None
    at, together = (np.bincount(of, rated, state.residual_kw.shape[0]) for of in (bus, root[bus]))
    share = np.divide(at, together[root], out=np.zeros_like(at), where=together[root] > 0)
    here = np.arange(root.size)
    own = np.where((root == here)[:, None], 0.0, state.residual_kw)
    return Ruling(own + state.residual_kw[root] * share[:, None])


def _near_ends(cables: Rows[Any], buses: int) -> np.ndarray:
    """(bus,) the bus nearest to the connection of those that cables join, the bus itself where none do."""
    towards = np.arange(buses)
    towards[cables.bus("far_bus")] = cables.bus()
    for _ in range(cables.count):  # a handful, in a row at the most; rings end after as many
        towards = towards[towards]
    return towards


def _order(problem: Problem, kind: str) -> int:
    cls: type[Asset] = type(problem.rows[kind].members[0])
    return cls.rule_order


def _settled(
    problem: Problem,
    kinds: Sequence[str],
    chosen: dict[str, dict[str, Array]],
    state: Ruling,
    turns: int | None = None,
    nested: int = _MOST_NESTED,
) -> Ruling:
    """What is left after each of ``kinds`` in turn has given way; their new decisions go into ``chosen``.

    What a kind opens in giving way, those before it are asked for first, and it is not: a battery that charges less at
    noon lacks in the evening, and then the grid gives more before a load is shed.

    Args:
        turns: how many of them have a turn; None: all.
        nested: how often those before one that opens something are asked within each other; time is bounded by it.
    """
    for turn, kind in enumerate(kinds[:turns]):
        if np.abs(state.residual_kw).max() < _BALANCED_KW:
            break
        before_kw = state.residual_kw
        if state.residual_kw.min() < -_BALANCED_KW:
            state = _given_back(problem, kinds, chosen, state)
        state = _settled_one(problem, kind, chosen, state)
        if turn and nested and _opens(before_kw, state.residual_kw):
            state = _settled(problem, kinds, chosen, state, turn, nested - 1)
    return state


def _opens(before_kw: Array, after_kw: Array) -> bool:
    """Is there a lack or a surplus that was not there, or a larger one?"""
    lacks = after_kw < np.minimum(before_kw, 0) - _BALANCED_KW
    return bool((lacks | (after_kw > np.maximum(before_kw, 0) + _BALANCED_KW)).any())


def _given_back(problem: Problem, kinds: Sequence[str], chosen: dict[str, dict[str, Array]], state: Ruling) -> Ruling:
    """What lacks after plant that has curtailed gives it after all, before fuel is burnt.

    Only in the steps and at the buses that lack: where there is a surplus, each gives way in its turn.
    """
    surplus = np.maximum(state.residual_kw, 0)
    left = state.left(state.residual_kw - surplus)
    for kind in (kind for kind in kinds if _is_free(problem, kind)):
        left = _settled_one(problem, kind, chosen, left)
    return state.left(left.residual_kw + surplus)


def _passes(problem: Problem, kinds: Sequence[str], chosen: dict[str, dict[str, Array]], state: Ruling) -> Ruling:
    for _ in range(_MOST_PASSES):
        if np.abs(state.residual_kw).max() < _BALANCED_KW:
            break
        state = _settled(problem, kinds, chosen, Ruling(state.residual_kw))
    return state


def _guarded(
    problem: Problem,
    kinds: Sequence[str],
    chosen: dict[str, dict[str, Array]],
    state: Ruling,
    guards: Mapping[type, Array],
) -> None:
    """Others give before a guarded kind passes its guard; all stays as it was where something would lack for it later.

    A store that spares a peak at noon may be wanted in the evening, when the connection is at its limit.
    """
    before = {kind: dict(values) for kind, values in chosen.items()}
    relieved = _relieved(problem, kinds, chosen, state, guards)
    if relieved.residual_kw.min() < min(state.residual_kw.min(), 0.0) - _BALANCED_KW:
        for kind, values in before.items():
            problem.put(kind, values)
        return
    _passes(problem, kinds, chosen, relieved)


def _relieved(
    problem: Problem,
    kinds: Sequence[str],
    chosen: dict[str, dict[str, Array]],
    state: Ruling,
    guards: Mapping[type, Array],
) -> Ruling:
    """What is left where stores, and plant that costs little, give what a guarded kind gives beyond its guard.

    What a store gives here it lacks later: the guarded kind gives that as far as its guard lets it, and what still
    lacks then beyond it. Stores that hold reserve ready are not asked.
    """
    guarded = [kind for kind in kinds if type(problem.rows[kind].members[0]) in guards]
    asked = [k for k in kinds if type(problem.rows[k].members[0]).relieves and not problem.rows[k].reserve_h]
    state = Ruling(state.residual_kw, guards=guards)
    for kind in guarded:
        state = _settled_one(problem, kind, chosen, state)
    for _ in range(_MOST_PASSES):
        before_kw = state.residual_kw
        state = _settled(problem, [*guarded, *asked], chosen, state)
        if np.abs(state.residual_kw - before_kw).max() < _BALANCED_KW:
            break
    return _settled(problem, guarded, chosen, Ruling(state.residual_kw))


def _is_free(problem: Problem, kind: str) -> bool:
    """Wind and PV: what they do not give is lost, or sold by a line's own connection for little."""
    return isinstance(problem.rows[kind].members[0], VariableGeneration | DirectLine)


def _burns(problem: Problem, kind: str) -> bool:
    """Units that burn fuel for what they give."""
    return isinstance(problem.rows[kind].members[0], Thermal | Fired)


def _settled_one(problem: Problem, kind: str, chosen: dict[str, dict[str, Array]], state: Ruling) -> Ruling:
    rows, before = problem.rows[kind], problem.net_kw(kind)
    settled = type(rows.members[0]).settle(rows, problem.inputs, state, chosen[kind])
    chosen[kind] = stilled(rows, problem.horizon, settled)
    problem.put(kind, chosen[kind])
    return state.left(state.residual_kw + problem.net_kw(kind) - before)
