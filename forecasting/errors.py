"""What a user of the forecasts can cause.

ValueError └── ForecastError         data, configuration or a weather service is not usable; the text says where
               │                     and what would be
               └── LookAheadError    something was asked for that was not known yet at the time of the question
"""

from __future__ import annotations


class ForecastError(ValueError):
    """No forecast can be made from what was given; the message names place, value and remedy."""


class LookAheadError(ForecastError):
    """Something asked for what was not known yet; the message names what, and the time that counts."""
