r"""What a month's power factor adds to a bill: the Chinese rule of 1983 (水电财字第215号), as a share of the bill.

The monthly mean power factor, rounded to hundredths, is held against a standard:

=========================  ==========================================================================================
below it, each hundredth   .5 % more for the first 20, 1 % for the next 5, 2 % for each one further
above it, each hundredth   .1 % less up to .90 and .15 % beyond, at most .75 % (.90), 1.10 % (.85), 1.30 % (.80)
=========================  ==========================================================================================

.. math:: λ = \frac{E}{\sqrt{E^2 + Q^2}}

with the month's energy E [kWh] and reactive energy Q [kvarh], of which what flows back counts too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from dispatch.errors import DataError
from dispatch.signals import Array

_MOST_PER_MILLE = {90: 7.5, 85: 11.0, 80: 13.0}
STANDARDS = tuple(standard / 100 for standard in _MOST_PER_MILLE)


def adjustment(power_factor: float, standard: float) -> float:
    """Share of the bill that is added, or below zero remitted; both power factors are from 0 to 1."""
    held, wanted = int(100 * power_factor + 0.5 + 1e-9), round(100 * standard)
    if held < wanted:
        short = wanted - held
        return (0.5 * min(short, 20) + 1.0 * min(max(short - 20, 0), 5) + 2.0 * max(short - 25, 0)) / 100
    slow = min(held, 90) - wanted
    quick = held - max(wanted, 90)
    return -min(1.0 * max(slow, 0) + 1.5 * max(quick, 0), _MOST_PER_MILLE[wanted]) / 1000


def monthly(
    months: Sequence[tuple[str, np.ndarray]], hours: Array, import_kw: Array, import_kvar: Array
) -> Mapping[str, float]:
    """Power factor of each month from (T,) means; 1 in one without any use.

    Raises:
        DataError: a value is missing.
    """
    if import_kvar.shape != import_kw.shape or not np.isfinite(import_kvar).all():
        found = f"import_kvar has shape {import_kvar.shape} or a missing value"
        raise DataError(f"{found}. Accepted: a number for each of the {import_kw.size} steps")
    out = {}
    for label, here in months:
        active = float((import_kw * hours)[here].sum())
        reactive = float((np.abs(import_kvar) * hours)[here].sum())
        apparent = float(np.hypot(active, reactive))
        out[label] = active / apparent if apparent else 1.0
    return out
