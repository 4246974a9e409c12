"""What of a carbon account is carried from one window of a rolling plan to the next, and what that leaves to emit.

A quota of a month or a year counts from its start, a cap by the day from midnight. A window that holds no whole days is
planned under one cap over all of it: what is left of today's, the whole of the days within, and of the last its share.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from datetime import datetime, timedelta

import numpy as np

from dispatch.carbon_wanted.settings import ACCOUNT, CarbonSettings, Quota
from dispatch.carbon_wanted.wishes import EmissionsWish, Window
from dispatch.emissions.periods import periods, same_period
from dispatch.emissions.position import CarbonPosition
from dispatch.emissions.quota import base, settled
from dispatch.schedule import Schedule
from dispatch.signals import Array, Horizon

_LENGTH_H: Mapping[Window, float] = {"hour": 1.0, "day": 24.0}


def carried(schedule: Schedule, steps: int) -> dict[str, float]:
    """The account after the first ``steps`` steps of scenario 0, as ``Inputs.state`` takes it; {} where nothing is."""
    asked, horizon = schedule.carbon, schedule.inputs.horizon
    state = schedule.inputs.state.get(ACCOUNT, {})
    starts, following = horizon.local_start, horizon.local_end[steps - 1]
    out: dict[str, float] = {}
    quota = asked.settings.quota
    if quota is not None and quota.per != "horizon":
        now = np.array([same_period(start, following, quota.per) for start in starts[:steps]])
        before = state.get("emitted_to_date_t", quota.emitted_to_date_t)
        goes_on = same_period(starts[0], following, quota.per)
        emitted = covered_kg(schedule, quota.covers)[0, :steps] / 1000
        out["emitted_to_date_t"] = before * goes_on + float(emitted[now].sum())
    for wish in asked.caps:
        key, last = _key(wish), _window_of(following, wish.over)
        mine = np.array([_window_of(start, wish.over) == last for start in starts[:steps]])
        before = state.get(key, 0.0) * (_window_of(starts[0], wish.over) == last)
        out[key] = before + float(covered_kg(schedule, wish.covers)[0, :steps][mine].sum()) / 1000
    return out


def covered_kg(schedule: Schedule, covers: str) -> Array:
    """(scenario, step) emissions that a quota or a cap covers."""
    out = np.zeros((schedule.scenarios, schedule.inputs.horizon.steps))
    for solved in schedule.kinds.values():
        if covers == "all" or not type(solved.rows.members[0]).is_network:
            np.add.at(out, solved.rows.scenario, solved.co2_step_kg)
    return out


def left_kg(wish: EmissionsWish, horizon: Horizon, account: Mapping[str, float], span_h: float) -> float:
    """What a window may emit under a cap, given what was emitted in the hour, the day or the span that goes on.

    Args:
        wish: the cap.
        horizon: the window.
        account: carried in.
        span_h: hours from the window's start to the end of all windows.
    """
    most, before, hours = 1000 * wish.emissions_max_t, 1000 * account.get(_key(wish), 0.0), horizon.hours
    if wish.over == "horizon":
        return max(most - before, 0.0) * min(float(hours.sum()) / max(span_h, 1e-9), 1.0)
    names = [_window_of(start, wish.over) for start in horizon.local_start]
    lasting = dict.fromkeys(names, 0.0)
    for name, length in zip(names, hours, strict=True):
        lasting[name] += float(length)
    following = _window_of(horizon.local_end[-1], wish.over)
    # The last one may go on after the window; the first has begun before it, and only what is left of it counts.
    shares = [min(h / _LENGTH_H[wish.over], 1.0) if name == following else 1.0 for name, h in lasting.items()]
    return max(most - before, 0.0) * (shares[0] if len(shares) == 1 else 1.0) + most * sum(shares[1:])


def _key(wish: EmissionsWish) -> str:
    return f"emitted_{wish.over}_{wish.covers}_t"


def _window_of(moment: datetime, over: Window) -> Hashable:
    if over == "horizon":
        return over
    day = moment.date()
    return (day, moment.hour, moment.utcoffset() or timedelta()) if over == "hour" else day


def executed(settings: CarbonSettings, schedule: Schedule) -> CarbonPosition:
    """The account of steps that are done: settled as cheaply as can be; no certificate changes hands.

    Nothing is expected of the rest of the period: what days add then adds up to what the period costs.
    """
    quota = settings.quota
    if quota is None:
        return CarbonPosition(settings=settings.model_copy(update={"certificates": None}))
    quota = quota.model_copy(update={"expected_day_t": 0.0})
    mine = settings.model_copy(update={"quota": quota, "certificates": None})
    return CarbonPosition(settings=mine, quota=_settled(quota, schedule))


def _settled(quota: Quota, schedule: Schedule) -> dict[str, Array]:
    before, free = base(quota, schedule.inputs)
    covered = covered_kg(schedule, quota.covers) @ periods(schedule.inputs.horizon, quota.per).mask / 1000
    obligation = before + covered
    out = settled(quota, obligation - free, obligation)
    anyway = settled(quota, before - free, before)["money"].sum() if quota.per != "horizon" else 0.0
    shape = covered.shape
    held = {"before_t": np.broadcast_to(before, shape), "free_t": np.broadcast_to(free, shape)}
    return {**out, **held, "covered_t": covered, "money": out["money"].sum(axis=1) - anyway}
