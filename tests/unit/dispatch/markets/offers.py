"""Invented flexibility of sites, for tests of bids."""

from __future__ import annotations

from datetime import date

import numpy as np

from dispatch.flexibility.offers import Flexibility
from dispatch.signals import Horizon

DAY = date(2026, 3, 30)


def horizon(day: date = DAY, minutes: float = 15) -> Horizon:
    return Horizon.local_day(day, "Europe/Berlin", minutes)


def offers(sites: int, steps: Horizon, seed: int = 0, most_kw: float = 600.0) -> list[Flexibility]:
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(sites):
        widths = rng.uniform(0, most_kw, (2, 3, steps.steps))
        costs = np.cumsum(rng.uniform(0.005, 0.05, (2, 3, steps.steps)), axis=1)
        made.append(Flexibility(steps.hours, widths[0], widths[1], costs[0], costs[1] - 0.08))
    return made


def constant(kw: float, cost: float, steps: Horizon, down_cost: float = 0.0) -> Flexibility:
    full = np.full((1, steps.steps), float(kw))
    return Flexibility(steps.hours, full, full, np.full_like(full, cost), np.full_like(full, down_cost))
