"""What became of limits on traced carbon: what the plan's meters really get, what rows said, what can be reached."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dispatch.carbon_wanted.flow_limits import FlowLimitWish
from dispatch.schedule import Schedule
from dispatch.signals import Array

_KEPT_KG, _KEPT_SHARE = 1e-3, 1e-6


@dataclass(frozen=True, eq=False)
class Counted:
    """A meter's account on one plan, (scenario, window).

    Attributes:
        energy_kwh, carbon_kg: as traced.
        over_kg: of the carbon, above the limit; below zero what is left of it.
    """

    energy_kwh: Array
    carbon_kg: Array
    over_kg: Array

    @classmethod
    def of(cls, wish: FlowLimitWish, energy_kwh: Array, carbon_kg: Array) -> Counted:
        """Against a limit."""
        most = wish.kg_max if wish.kg_max is not None else (wish.kg_per_kwh_max or 0.0) * energy_kwh
        return cls(energy_kwh, carbon_kg, carbon_kg - most)


@dataclass(frozen=True, eq=False)
class FlowLimit:
    """What became of one limit.

    Attributes:
        wish: as in the park's file.
        counted: the published plan, traced.
        row_kg: (scenario, window) what its own row counts above the limit; None where the first plan was the best.
        reached: the least that plans came to which would hold it at any price; None where the plan holds it.
    """

    wish: FlowLimitWish
    counted: Counted
    row_kg: Array | None
    reached: Counted | None = None

    @property
    def over_kg(self) -> Array:
        """(scenario, window) above the limit."""
        return np.maximum(self.counted.over_kg, 0.0)

    @property
    def passed(self) -> np.ndarray:
        """(window,) where the published path is above it, but for rounding."""
        return over_limit(self.counted.over_kg[0], self.counted.carbon_kg[0])

    @property
    def gap_kg(self) -> float:
        """The largest difference of a row from what is traced, on the published path."""
        return 0.0 if self.row_kg is None else float(np.abs(self.counted.over_kg[0] - self.row_kg[0]).max())

    def told(self) -> str:
        """In words: kept or by how much passed, and what can be reached."""
        worst = int(np.argmax(self.counted.over_kg[0]))
        amount = self._amount(self.counted, worst)
        gap = f"rows and tracing differ by {self.gap_kg:.2g} kg at most"
        if not self.passed.any():
            return f"{self.wish.text}: kept, at most {amount}; {gap}"
        windows = f"in {int(self.passed.sum())} of {self.passed.size} windows, " if self.passed.size > 1 else ""
        over = f"{windows}over by {self.over_kg[0].sum():,.4g} kg, most with {amount}"
        return f"{self.wish.text}: {over}; {self._could()}; {gap}"

    def _could(self) -> str:
        if self.reached is None:
            return "what can be reached was not asked"
        if not over_limit(self.reached.over_kg[0], self.reached.carbon_kg[0]).any():
            return f"it can be kept, but that costs more than its penalty of {self.wish.penalty_per_kg:g} per kg"
        worst = int(np.argmax(self.reached.over_kg[0]))
        return f"the least that a plan comes to without leaving more undone: {self._amount(self.reached, worst)}"

    def _amount(self, found: Counted, window: int) -> str:
        carbon, energy = found.carbon_kg[0, window], found.energy_kwh[0, window]
        if self.wish.kg_max is not None:
            return f"{carbon:,.4g} kg"
        return f"{carbon / energy:.4g} kg/kWh" if energy > 0 else "nothing taken"


@dataclass(frozen=True, eq=False)
class FlowProof:
    """All limits of a site, and how the plan was found.

    Attributes:
        limits: in the order of the park's file.
        rounds: plans that were traced, the first among them.
        passed_before: windows that the first plan passed on the published path.
        basis: what the published plan was traced on.
    """

    limits: tuple[FlowLimit, ...]
    rounds: int
    passed_before: int
    basis: str = "the park's own balances"

    def told(self) -> Iterator[tuple[str, bool]]:
        """A sentence on each, and whether it is kept."""
        for limit in self.limits:
            yield limit.told(), not limit.passed.any()


def rewritten(schedule: Schedule, limits: Sequence[FlowLimit]) -> Schedule:
    """The schedule with what is really passed, in place of what the rows count."""
    over, penalty = dict(schedule.wish_over_kg), schedule.penalty.copy()
    for limit in limits:
        penalty += limit.wish.penalty_per_kg * (limit.over_kg - over[limit.wish.text]).sum(axis=1)
        over[limit.wish.text] = limit.over_kg
    return replace(schedule, wish_over_kg=over, penalty=penalty)


def over_limit(over_kg: Array, carbon_kg: Array) -> np.ndarray:
    """Which windows are over their limit by more than rounding."""
    return np.asarray(over_kg > _KEPT_KG + _KEPT_SHARE * np.abs(carbon_kg))
