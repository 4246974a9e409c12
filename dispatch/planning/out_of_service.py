"""What is forecast of assets that are out of service, and what their past teaches."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dispatch.asset import Asset
from dispatch.signals import Array, Horizon
from dispatch.site import Site

if TYPE_CHECKING:
    import pandas as pd

    from forecasting.targets import Forecast


def in_service(site: Site, horizon: Horizon, forecast: Forecast) -> Forecast:
    """The forecast with nothing of what is not there: a broken plant's power, the demand of works that rest."""
    there = {a.name: ~a.stands(horizon) for a in site.assets if a.out_of_service and a.name in forecast.central}
    if not there:
        return forecast
    return replace(
        forecast,
        central={**forecast.central, **{n: forecast.central[n] * now for n, now in there.items()}},
        quantiles={**forecast.quantiles, **{n: forecast.quantiles[n] * now[:, None] for n, now in there.items()}},
        scenarios={**forecast.scenarios, **{n: forecast.scenarios[n] * now for n, now in there.items()}},
    )


def taught(asset: Asset, time_zone: str, index_end: pd.DatetimeIndex, step: pd.Timedelta, values: Array) -> Array:
    """(n,) measured means, NaN where the asset was out of service: that says nothing of weather or of demand."""
    ends_s = index_end.as_unit("ns").asi8 / 1e9
    out = np.zeros(ends_s.shape, bool)
    for start, end in (span.seconds(time_zone) for span in asset.out_of_service):
        out |= (ends_s > start) & (ends_s - step.total_seconds() < end)
    return np.where(out, np.nan, values)
