r"""A convex loss over a power, as segments that fill one after the other.

.. math::
    p = Σ_k s_k, \quad 0 ≤ s_k ≤ w_k, \quad loss = Σ_k m_k s_k, \quad m_1 < m_2 < … \\
    s_{k+1} ≤ w_{k+1} y_k, \quad w_k - s_k ≤ w_k (1 - y_k)

Where a loss costs something the segments fill in order by themselves and y stays continuous: the relaxation is tight.
Where energy is worth nothing or less, the dearest segment would fill first and the loss be over-stated; the solver then
makes y integral, which lets a segment begin only when the one before it is full.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.asset import Given, Rows
from dispatch.part import Exclusive
from dispatch.signals import Array

if TYPE_CHECKING:
    import cvxpy as cp


@dataclass(frozen=True)
class Curve:
    """The segments of all rows.

    Attributes:
        parts: (row, step) each, the power in each segment [kW].
        loss: (row, step) what the curve gives for the power.
        constraints: that the parts make up the power, within their widths and in their order.
        exclusive: where the order is watched.
        variables: all of them by name, for ``Part.inner``.
    """

    parts: list[cp.Variable]
    loss: cp.Expression
    constraints: list[cp.Constraint]
    exclusive: list[Exclusive]
    variables: dict[str, cp.Variable]


def curve(rows: Rows[Any], given: Given, name: str, count: int, power: Any) -> Curve:
    """``count`` segments of ``power`` with the coefficients ``NAME_width_K_kw`` and ``NAME_slope_K``, (row, step)."""
    import cvxpy as cp

    shape = (rows.count, given.horizon.steps)
    parts = [cp.Variable(shape, nonneg=True) for _ in range(count)]
    order = [cp.Variable(shape, bounds=[0, 1]) for _ in range(count - 1)]
    widths = [given[f"{name}_width_{k}_kw"] for k in range(count)]
    loss = sum(cp.multiply(given[f"{name}_slope_{k}"], part) for k, part in enumerate(parts))
    constraints = [sum(parts[1:], parts[0]) == power]
    constraints += [part <= width for part, width in zip(parts, widths, strict=True)]
    pairs = []
    for k, switch in enumerate(order):
        slack = widths[k] - parts[k]
        constraints += [
            parts[k + 1] <= cp.multiply(widths[k + 1], switch),
            slack <= cp.multiply(widths[k], 1 - switch),
        ]
        pairs.append(Exclusive(switch, parts[k + 1], slack))
    series = {f"{name}_{k}_kw": part for k, part in enumerate(parts)}
    series |= {f"{name}_full_{k}": switch for k, switch in enumerate(order)}
    return Curve(parts, loss, constraints, pairs, series)


def filled(name: str, widths: list[Array], power: Array) -> dict[str, Array]:
    """The curve's variables for a power, in order."""
    out: dict[str, Array] = {}
    left = power
    for k, width in enumerate(widths):
        part = np.clip(left, 0, width)
        out[f"{name}_{k}_kw"] = part
        left = left - part
        if k + 1 < len(widths):
            # Not yet full: the next one has not begun.
            out[f"{name}_full_{k}"] = (part >= width - 1e-9).astype(float)
    return out


def quadratic_slopes(linear: Array, quadratic: Array, width: Array, count: int) -> list[Array]:
    """Slopes of ``count`` equal segments that meet b·p + a·p² at their ends; between them they lie a·w²/4 above it."""
    return [linear + quadratic * width * (2 * k + 1) for k in range(count)]
