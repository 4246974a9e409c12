"""The one error a user of the forecasts can cause.

ValueError └── ForecastError    data, configuration or a weather service is not usable; the text says where
and what would be
"""

from __future__ import annotations


class ForecastError(ValueError):
    """No forecast can be made from what was given; the message names place, value and remedy."""
