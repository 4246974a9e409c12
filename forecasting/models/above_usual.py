"""What is to be expected above the mean of like days: what rare days do, and where in its cycle a works stands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.clock import Ns
from forecasting.models import recent
from forecasting.models.cycles import Cycle
from forecasting.models.rare_days import RareDays

Floats = NDArray[np.float64]
Steps = NDArray[np.int64]
RESTING = ("load", "net_load")  # kinds that people's days off and shifts bear on


@dataclass(frozen=True, eq=False)
class AboveUsual:
    """Learnt once from all of the past, so that a forecast need not look back on it."""

    rare: RareDays
    cycle: Cycle

    @classmethod
    def of(
        cls,
        past: recent.Past,
        base: Floats,
        issue_ns: Ns,
        step: Steps,
        actual: Floats,
        years: recent.Past | None = None,
    ) -> AboveUsual:
        """From what was measured, and from past forecasts' bases (I, H) and what came (I, H), NaN where unknown.

        `years` is a longer past for the days that come once in one; by default the same.
        """
        long = past if years is None else years
        slot = long.clock.slot(np.arange(long.history.grid.count))
        known = long.history.value, long.departure, long.history.available_ns
        rare = RareDays.of(long.days, slot, long.history.grid.per_day, *known)
        return cls(rare, Cycle.of(past, issue_ns, step, actual - base - _of_rare(rare, past, base, issue_ns, step)))

    def columns(self, past: recent.Past, base: Floats, issue_ns: Ns, step: Steps) -> dict[str, Floats]:
        """Both departures (I, H) by name, and under `BASE` the base with them."""
        rare = _of_rare(self.rare, past, base, issue_ns, step)
        cycle = self.cycle.above(past, issue_ns, step)
        return {"rare_day": rare, "cycle": cycle, recent.BASE: base + rare + cycle}


def _of_rare(rare: RareDays, past: recent.Past, base: Floats, issue_ns: Ns, step: Steps) -> Floats:
    slot = past.clock.slot(np.arange(past.history.grid.count))
    return rare.shares(past.days, slot, step, issue_ns) * np.abs(base)
