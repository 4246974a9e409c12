"""What an asset can be told to do: the span of each of its set-points, from its own ratings."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dispatch.asset import Asset

# Of plant whose power is bounded by a rating of another name.
_RATINGS = ("max_kw", "peak_kw", "rated_kw", "electric_kw", "capacity_kw")
_POWER = "power_kw"


@dataclass(frozen=True)
class Span:
    """From the least to the most that a set-point may be; zero besides where ``may_rest``."""

    least: float
    most: float
    may_rest: bool = True

    def holds(self, value: float) -> bool:
        """Can it be followed?"""
        return (self.may_rest and value == 0) or self.least <= value <= self.most

    def __str__(self) -> str:
        span = f"{self.least:g} to {self.most:g}"
        return f"0, or {span}" if self.may_rest and self.least > 0 else span


def limits(asset: Asset, quantity: str) -> Span | None:
    """The span of one set-point; None where the asset's file bounds no such thing."""
    if quantity == "on":
        return Span(0.0, float(getattr(asset, "units", None) or getattr(asset, "count", None) or 1))
    count = float(getattr(asset, "count", 1))
    own = getattr(asset, quantity, None)
    if isinstance(own, float | int) and quantity in type(asset).model_fields:
        reserve = float(getattr(asset, "fast_reserve_kw", 0.0)) if quantity in ("charge_kw", "discharge_kw") else 0.0
        return Span(0.0, float(own) - reserve)
    if quantity != _POWER:
        return None
    for name in _RATINGS:
        most = getattr(asset, name, None)
        if isinstance(most, float | int):
            least = getattr(asset, "min_kw", None)
            return Span(float(least) if isinstance(least, float | int) else 0.0, float(most) * count)
    needed = [need.capacity_kw for need in asset.needs if math.isfinite(need.capacity_kw)]
    return Span(0.0, needed[0]) if needed else None
