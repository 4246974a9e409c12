"""Lines of a bill, and those that follow from other lines: power factor, the least that a month costs, taxes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dispatch.tariff.components import Component
from dispatch.tariff.power_factor import adjustment

_MONTH = len("2024-03")


@dataclass(frozen=True)
class Line:
    """One line of a bill: ``money`` is quantity times price, negative where it is earned.

    Attributes:
        component: the tariff's component.
        period: local month (day, year) it is for.
        unit: of the quantity.
        price: money per unit.
    """

    component: str
    period: str
    quantity: float
    unit: str
    price: float
    money: float


def minimum(component: Component, lines: Sequence[Line]) -> Iterator[Line]:
    """What is missing to the least that each month costs; what is billed by the year counts in no month."""
    least = component.price_per_month or 0.0
    for month, money in _by_month(line for line in lines if len(line.period) >= _MONTH).items():
        missing = max(least - money, 0.0)
        yield Line(component.name, month, missing / least if least else 0.0, "month", least, missing)


def power_factor(component: Component, lines: Sequence[Line], of_month: Mapping[str, float]) -> Iterator[Line]:
    """What each month's power factor adds to other lines; what is billed by the year is adjusted in no month."""
    for month, money in _by_month(line for line in lines if len(line.period) >= _MONTH).items():
        share = adjustment(of_month[month], component.standard_power_factor or 0.0)
        yield Line(component.name, month, money, "money", share, share * money)


def tax(component: Component, lines: Sequence[Line]) -> Iterator[Line]:
    """A share of the money of other lines, month by month."""
    share = component.share or 0.0
    for month, money in _by_month(lines).items():
        yield Line(component.name, month, money, "money", share, share * money)


def _by_month(lines: Iterator[Line] | Sequence[Line]) -> Mapping[str, float]:
    out: dict[str, float] = {}
    for line in lines:
        month = line.period[:_MONTH]
        out[month] = out.get(month, 0.0) + line.money
    return dict(sorted(out.items()))
