"""The levels of the quantiles that forecasts give where nobody asks for others; `forecasting.scores` has their loss."""

from __future__ import annotations

import numpy as np

LEVELS = np.array([0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95])
