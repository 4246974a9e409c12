"""What the past of an asset teaches that was out of service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dispatch.asset import Asset
from dispatch.signals import Array

if TYPE_CHECKING:
    import pandas as pd


def taught(asset: Asset, time_zone: str, index_end: pd.DatetimeIndex, step: pd.Timedelta, values: Array) -> Array:
    """(n,) measured means, NaN where the asset was out of service: that says nothing of weather or of demand."""
    ends_s = index_end.as_unit("ns").asi8 / 1e9
    out = np.zeros(ends_s.shape, bool)
    for start, end in (span.seconds(time_zone) for span in asset.out_of_service):
        out |= (ends_s > start) & (ends_s - step.total_seconds() < end)
    return np.where(out, np.nan, values)
