"""What the model would have said of past days, each from what was there before it, in one go.

The same as training and asking anew before every day, for a small part of the time: one factorisation serves a month.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.archive.known import Known
from forecasting.models.base import CannotForecast
from forecasting.models.price import averaging
from forecasting.models.price.days import Ints, known_days, prices
from forecasting.models.price.model import PriceModel
from forecasting.targets import Place, Target

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Hindcast:
    """number (R,) of days since 1970, actual (R, 24), quantiles (R, 24, Q), weights (R, M) of the members `names`."""

    number: Ints
    actual: Floats
    quantiles: Floats
    weights: Floats
    names: tuple[str, ...]


def hindcast(
    known: Known, target: Target, place: Place, last: int, count: int, levels: Floats, model: PriceModel | None = None
) -> Hindcast:
    """Forecasts of `count` days up to number `last`, each issued as early before its day as `known` is before `last`.

    Prices of a day are used from the next day's forecast on, whatever else `known` shows.
    """
    model = model or PriceModel()
    days = known_days(known, target, place, prices(known, target), last)
    rows = np.arange(len(days.number))[-count:]
    record = model.mix.forecast(days, model.first_shown(int(rows[0]), 1), 1)
    skip = record.first - int(days.number[0])
    if rows[0] <= skip:
        raise CannotForecast(f"{target.name}: {len(days.number)} days of prices do not reach {count} days back")
    price = days.price[skip:]
    made = averaging.average(record.said, price, 1)
    found = averaging.quantiles(made, price, 1, levels, rows - skip, model.shown_days)
    return Hindcast(days.number[rows], days.price[rows], found, made.weights[rows - skip], model.mix.names)
