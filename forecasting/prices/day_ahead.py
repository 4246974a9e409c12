"""What all providers of day-ahead prices share: names, units, when an auction's prices were published.

The European day-ahead auction (SDAC) sells a Central European calendar day, in all its zones; its prices are
published at about 12:57 on the day before (Nominated Electricity Market Operators' Committee, SDAC timeline; 13:00
here, as a round number that is not too early).
"""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.errors import AnswerError
from forecasting.series_run import SeriesRun, intervals, missing_note

Floats = NDArray[np.float64]
MARKET_ZONE = "Europe/Brussels"
PUBLISHED_AT = pd.Timedelta(hours=13)
LEAST_PER_MWH, MOST_PER_MWH = -5_000.0, 50_000.0  # technical limits are −500 and 5 000 EUR/MWh in Europe
UNIT = re.compile(r"\s*([A-Z]{3})\s*/\s*MWH\s*", re.IGNORECASE)


def currency_of(unit: object, place: str) -> str:
    """The currency of a unit such as "EUR / MWh"; any other unit is refused."""
    found = UNIT.fullmatch(unit) if isinstance(unit, str) else None
    if found is None:
        raise AnswerError(f"{place}: unit {unit!r}; a currency per MWh was expected, such as 'EUR / MWh'")
    return found[1].upper()


def published(starts: pd.DatetimeIndex, zone: str = MARKET_ZONE) -> pd.DatetimeIndex:
    """When the prices of intervals were published: the day before delivery, by the market's clock."""
    day = starts.tz_convert(ZoneInfo(zone)).tz_localize(None).normalize()
    local = day - pd.Timedelta(days=1) + PUBLISHED_AT
    return pd.DatetimeIndex(local.tz_localize(ZoneInfo(zone)).tz_convert("UTC"))


def day_ahead_run(
    provider: str,
    place: str,
    starts: pd.DatetimeIndex,
    values: Floats,
    unit: object,
    fetched_at: pd.Timestamp | None,
    notes: tuple[str, ...] = (),
) -> SeriesRun:
    """Prices stamped at interval starts as a run, available from their publication on.

    Prices that were fetched before the usual hour of publication are available since then.
    """
    currency = currency_of(unit, place)
    known = values[np.isfinite(values)]
    if (wrong := (known < LEAST_PER_MWH) | (known > MOST_PER_MWH)).any():
        raise AnswerError(
            f"{place}: a price of {known[wrong][0]:g} {currency}/MWh; "
            f"{LEAST_PER_MWH:g} … {MOST_PER_MWH:g} can be believed"
        )
    ends, step, filled, said = intervals(starts, values, MARKET_ZONE, place)
    since = published(pd.DatetimeIndex(ends - step))
    since = since.as_unit("ns")
    if fetched_at is not None:
        since = pd.DatetimeIndex(np.minimum(since, fetched_at.tz_convert("UTC").as_unit("ns")))
    name = f"day_ahead_price_{currency.lower()}_per_mwh"
    return SeriesRun(
        provider,
        name,
        f"{currency}/MWh",
        ends,
        step,
        since,
        since,
        filled,
        notes + said + missing_note(ends, step, filled, place),
    )
