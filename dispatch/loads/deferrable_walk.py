"""Deferrable work followed along the clock, run by run: what its audit goes by; the optimiser knows nothing of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from dispatch.asset import Inputs
from dispatch.loads.windows import edges_s
from dispatch.signals import Array, Horizon


def walked(member: Any, given: Inputs, starts: Array) -> tuple[Array, Array, Array, Array]:
    """(step,) power of a member's runs, how many are under way, starts outside windows, and those beyond the number."""
    horizon, edge = given.horizon, edges_s(given.horizon)
    state = given.state.get(member.name, {})
    begins = [(edge[s], bool(starts[s] > 0.5)) for s in range(horizon.steps)]
    since = float(state.get("underway_h", member.underway_h))
    runs = [at for at, is_start in begins if is_start] + ([edge[0] - 3600 * since] if since > 0 else [])
    power, busy = np.zeros(horizon.steps), np.zeros(horizon.steps)
    for at in runs:
        hours = (edge - at) / 3600
        power += np.diff(member.drawn_kwh(hours)) / horizon.hours
        busy += (hours[:-1] > -1e-9) & (hours[:-1] < member.lasting_h - 1e-9)
    outside, over = np.zeros(horizon.steps), np.zeros(horizon.steps)
    spans = _spans(member, horizon)
    left = [_left(member.runs, "runs_done", member, given, begin) for begin, _ in spans]
    for step in np.flatnonzero(starts > 0.5):
        last = edge[step] + 3600 * member.lasting_h
        fits = [k for k, (begin, end) in enumerate(spans) if begin - 1 <= edge[step] and last <= end + 1]
        outside[step] = not fits
        if fits:
            left[fits[0]] -= 1
            over[step] = max(-left[fits[0]], 0)
    return power, busy, outside, over


def flow(member: Any, given: Inputs, free: Array) -> tuple[Array, Array, Array]:
    """(step,) power outside windows, energy in each step's window beyond what is wanted, and the least power there."""
    edge, hours = edges_s(given.horizon), given.horizon.hours
    stray, above, least = free.copy(), np.zeros_like(free), np.zeros_like(free)
    there = ~member.stands(given.horizon)
    for begin, end in _spans(member, given.horizon):
        inside = (edge[:-1] >= begin - 1) & (edge[1:] <= end + 1)
        left = _left(member.energy_kwh, "done_kwh", member, given, begin)
        stray[inside] = 0.0
        above[inside] = (free * hours)[inside].sum() - left
        works = inside & there
        least[works] = min(member.min_kw, left / hours[works].sum()) if works.any() else 0.0
    return stray, above, least


def _spans(member: Any, horizon: Horizon) -> list[tuple[float, float]]:
    """Windows that are due within the horizon."""
    edge = edges_s(horizon)
    spans = [(-np.inf, edge[-1])] if member.window is None else member.window.spans(horizon)
    return [(begin, end) for begin, end in spans if edge[0] < end <= edge[-1]]


def _left(amount: float, done: str, member: Any, given: Inputs, begin: float) -> float:
    """What a window still asks for, less what was done of it before the horizon."""
    if begin >= edges_s(given.horizon)[0]:
        return amount
    return max(amount - float(given.state.get(member.name, {}).get(done, getattr(member, done))), 0.0)


def due_kwh(member: Any, given: Inputs) -> float:
    """What all windows that are due still ask for."""
    begins = [begin for begin, _ in _spans(member, given.horizon)]
    runs = sum(_left(member.runs, "runs_done", member, given, b) for b in begins) if member.profile_kw else 0.0
    return runs * float(member.run_kwh) + sum(_left(member.energy_kwh, "done_kwh", member, given, b) for b in begins)
