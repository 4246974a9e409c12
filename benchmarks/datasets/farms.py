"""What sets of wind farms have in common: hours that are forecast together, and the powers that came."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.archive import Archive
from forecasting.targets import Target

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Hours:
    """Hours to be forecast together: issue and ends."""

    issue: pd.Timestamp
    end: pd.DatetimeIndex

    @property
    def edges(self) -> pd.DatetimeIndex:
        """All edges, the issue first."""
        return self.end.insert(0, self.issue)


@dataclass(frozen=True, eq=False)
class Farms:
    """Archive, farms, and what came (hours × farms)."""

    archive: Archive
    targets: tuple[Target, ...]
    power: pd.DataFrame

    def actual(self, hours: Hours) -> Floats:
        """Powers (T, farms) of some hours."""
        return np.asarray(self.power.reindex(hours.end), dtype=np.float64)
