"""What a plan adds to a connection's bill, line by line: the bill with it less the bill without it.

The optimiser's own sum comes from ``terms``, with which nothing here shares a formula.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dispatch.signals import Array
from dispatch.tariff import agreements
from dispatch.tariff.bill import Clock, bill_lines, total
from dispatch.tariff.carried import Carried
from dispatch.tariff.charges import Line


@dataclass(frozen=True)
class Added:
    """A plan's part of a bill.

    Attributes:
        lines: quantities are those of the bill with the plan (a month's peak, say), money is what the plan adds.
        beside: money of green power and demand response, negative where it is earned.
    """

    lines: tuple[Line, ...]
    beside: float

    @property
    def money(self) -> float:
        """All of it."""
        return total(self.lines) + self.beside


def added(
    member: Any, clock: Clock, flows: tuple[Array, Array], green_kw: Mapping[str, Array], carried: Carried
) -> Added:
    """The bill of imports and exports (T,) [kW], less that of none, and what contracts add.

    Args:
        member: a connection.
        clock: of the horizon and the tariff's days.
        flows: imports and exports.
        green_kw: by contract, its part of the imports.
        carried: what is known of the month outside the horizon.
    """
    tariff, nothing = member.tariff, np.zeros(clock.horizon.steps)
    with_plan = bill_lines(tariff.in_plans, clock, tariff.metering_minutes, *flows, carried)
    without = bill_lines(tariff.in_plans, clock, tariff.metering_minutes, nothing, nothing, carried)
    lines = (replace(one, money=one.money - other.money) for one, other in zip(with_plan, without, strict=True))
    beside = agreements.bill_green(member.green_power, tariff.components, clock, green_kw, carried)
    return Added(tuple(lines), beside + agreements.bill_response(member, clock, flows[0]))
