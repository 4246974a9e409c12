"""Day-ahead prices of the ENTSO-E transparency platform, all European zones, through entsoe-py."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecasting.entsoe_platform import Platform, Session
from forecasting.errors import AnswerError
from forecasting.prices.day_ahead import MARKET_ZONE, day_ahead_run
from forecasting.series_run import SeriesRun, require_period


@dataclass(frozen=True)
class EntsoePrices(Platform):
    """The provider for one bidding zone, such as DE_LU, FR or NO_2."""

    zone: str = ""
    name: str = "entsoe"

    def fetch(self, start: pd.Timestamp, end: pd.Timestamp, now: pd.Timestamp) -> SeriesRun:
        """Prices of the intervals that end in (start, end], in the auction's own time unit."""
        require_period(start, end, "prices")
        session = self.session("prices", now)
        local = [time.tz_convert(MARKET_ZONE) for time in (start, end)]
        series = self.asked(
            session, self.zone, lambda client, area: client.query_day_ahead_prices(area, start=local[0], end=local[1])
        )
        place = f"{session.service.place}, zone {self.zone}"
        starts = pd.DatetimeIndex(series.index).tz_convert("UTC")
        values = series.to_numpy(dtype=np.float64)
        run = day_ahead_run(
            self.name, place, starts, values, _unit(session, place), max(session.at), tuple(session.notes)
        )
        return run.between(start, end)


def _unit(session: Session, place: str) -> str:
    currencies, energies = session.said("currency_Unit.name"), session.said("price_Measure_Unit.name")
    if len(currencies) != 1 or energies != {"MWH"}:
        raise AnswerError(
            f"{place}: prices in {sorted(currencies)} per {sorted(energies)}; one currency per MWH was expected"
        )
    return f"{currencies.pop()} / MWh"
