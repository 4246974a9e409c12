"""Numbers as the operator reads them. A missing number is a dash, never a zero."""

from __future__ import annotations

import math

MISSING = "–"
_THIN = "\u202f"  # narrow no-break space between thousands: reads the same in every country


def number(value: float | None, decimals: int = 0) -> str:
    """``12 345.6`` with a true minus sign; a dash where the value is missing or infinite."""
    if value is None or not math.isfinite(value):
        return MISSING
    text = f"{abs(value):,.{decimals}f}".replace(",", _THIN)
    return f"−{text}" if value < 0 and float(f"{value:.{decimals}f}") != 0 else text


def unsigned(text: str) -> str:
    """A formatted number without the sign of a zero: ``-0``, ``-0.00`` and ``-0.0%`` are 0, 0.00 and 0.0%."""
    zero = text.startswith("-0") and not any(digit in text for digit in "123456789")
    return text[1:] if zero else text


def decimals_for(largest: float) -> int:
    """Decimals that leave about three digits of a quantity of this size."""
    if not math.isfinite(largest) or largest == 0:
        return 1
    return max(0, min(4, 2 - math.floor(math.log10(abs(largest)))))


def adaptive(value: float | None) -> str:
    """About three significant digits, whole numbers above 100."""
    return MISSING if value is None else number(value, decimals_for(value))


def energy(kwh: float) -> str:
    """Energy in kWh below 10 MWh, in MWh above."""
    return f"{adaptive(kwh / 1000)} MWh" if abs(kwh) >= 10_000 else f"{adaptive(kwh)} kWh"


def mass(kg: float) -> str:
    """Mass in kg below 10 t, in t above."""
    return f"{adaptive(kg / 1000)} t" if abs(kg) >= 10_000 else f"{adaptive(kg)} kg"


def percent(share: float | None, decimals: int = 1) -> str:
    """A fraction as per cent."""
    return MISSING if share is None or not math.isfinite(share) else f"{number(share * 100, decimals)} %"


def change(value: float, reference: float) -> str:
    """``value`` against ``reference`` in per cent with its sign; a dash where that has no meaning."""
    if not (math.isfinite(value) and math.isfinite(reference)) or reference == 0:
        return MISSING
    relative = (value - reference) / abs(reference)
    return ("+" if relative > 0 else "") + percent(relative)


def duration(hours: float | None) -> str:
    """``45 min`` or ``6.5 h``; a dash where unknown."""
    if hours is None or not math.isfinite(hours):
        return MISSING
    return f"{number(hours * 60)} min" if hours < 2 else f"{number(hours, 1)} h"
