"""Figures in sentences: a few digits that count, and never a power of ten."""

from __future__ import annotations

import math

MISSING = "–"
_NOTHING = 1e-9


def figure(value: float, digits: int = 4) -> str:
    """``0.9912``, ``24.81`` or ``24,810``: so many digits that count; what is below a billionth is 0."""
    if not math.isfinite(value):
        return MISSING
    if abs(value) < _NOTHING:
        return "0"
    decimals = digits - 1 - math.floor(math.log10(abs(value)))
    text = f"{round(value, decimals):,.{max(decimals, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
