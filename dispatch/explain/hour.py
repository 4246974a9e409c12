"""One hour of a plan in figures and words: prices, what every asset does there, and what holds it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dispatch.asset import Asset
from dispatch.explain.binding import Binding, Priced
from dispatch.explain.figures import figure
from dispatch.explain.moments import spans
from dispatch.fields.out_of_service import touched
from dispatch.schedule import Solved
from dispatch.signals import Array

_SMALL_KW = 0.05


@dataclass(frozen=True)
class Deed:
    """What one asset does at one bus in an hour, on the published path.

    Attributes:
        power_kw: into the bus: what it gives +, what it takes −; mean of the hour.
        price_per_kwh: what a kWh is worth at that bus.
        kept_per_kwh: what a kWh is worth to a store that keeps it; None for what stores nothing.
        held_by: limits of the asset that bind in the hour.
        out: when in the hour it is out of service, and why; empty where it is not.
    """

    asset: str
    bus: str
    power_kw: float
    price_per_kwh: float
    kept_per_kwh: float | None
    held_by: tuple[Binding, ...]
    out: str = ""

    def reason(self, currency: str) -> str:
        """Why it does that, in a sentence."""
        limits = "; ".join(f"{b.named.what} (1 {b.unit} more saves {figure(b.total, 3)})" for b in self.held_by)
        if self.out:
            return f"{self.out}; {limits}" if limits else self.out
        if self.kept_per_kwh is not None:
            here = f"here it is worth {figure(self.price_per_kwh)}"
            kept = f"a kWh kept is worth {figure(self.kept_per_kwh)} {currency}, {here}"
            return f"{kept}; {limits}" if limits else kept
        return limits


def deeds(priced: Priced, steps: np.ndarray, asset: str | None = None) -> Iterator[Deed]:
    """What each asset does at each of its buses in these steps, and why."""
    limits = priced.limits(steps)
    hours = priced.problem.horizon.hours[steps]
    prices = price_at(priced, steps)
    for solved in priced.schedule.kinds.values():
        for row, member in enumerate(solved.rows.members):
            if asset not in {None, member.name}:
                continue
            kept = priced.content_worth(member.name)
            mine, out = tuple(b for b in limits if b.named.asset == member.name), _out(member, priced, steps)
            for bus, power in _powers(solved, row):
                mean = float(np.average(power[steps], weights=hours))
                worth = None if kept is None or np.isnan(kept[steps[-1]]) else float(kept[steps[-1]])
                yield Deed(member.name, bus, mean if abs(mean) > _SMALL_KW else 0.0, prices[bus], worth, mine, out)


def _out(member: Asset, priced: Priced, steps: np.ndarray) -> str:
    """When in these steps a member is out of service, and the reasons that its file gives."""
    horizon = priced.problem.horizon
    at = {span: steps[touched((span,), horizon)[steps]] for span in member.out_of_service}
    reasons = "; ".join(dict.fromkeys(span.reason for span, found in at.items() if found.size and span.reason))
    found = np.unique(np.concatenate([np.zeros(0, int), *at.values()]))
    return f"out of service {spans(horizon, found)}{f' ({reasons})' if reasons else ''}" if found.size else ""


def price_at(priced: Priced, steps: np.ndarray) -> dict[str, float]:
    """Local price by bus, mean of these steps on the published path."""
    schedule, problem = priced.schedule, priced.problem
    hours = problem.horizon.hours[steps]
    if schedule.price_per_kwh is None:
        return dict.fromkeys(problem.site.bus_names, float("nan"))
    means = np.average(schedule.price_per_kwh[0][:, steps], axis=1, weights=hours)
    return dict(zip(problem.site.bus_names, means.tolist(), strict=True))


def _powers(solved: Solved, row: int) -> Iterator[tuple[str, Array]]:
    names = solved.rows.buses
    for port, power in solved.power_kw.items():
        yield names[solved.bus[port][row] % len(names)], power[row]
