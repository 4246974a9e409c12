"""The errors a user of the forecasts can cause or meet.

ValueError
└── ForecastError           data, configuration or a service is not usable; the text says where and what would be
    ├── LookAheadError      something was asked for that was not known yet at the time of the question
    ├── UnavailableError    a service did not answer in time, or asked to be left alone; an older answer may stand in
    └── AnswerError         it answered, but not in its documented format; an older answer may stand in
"""

from __future__ import annotations


class ForecastError(ValueError):
    """No forecast can be made from what was given; the message names place, value and remedy."""


class LookAheadError(ForecastError):
    """Something asked for what was not known yet; the message names what, and the time that counts."""


class UnavailableError(ForecastError):
    """A service on the network did not answer; `wait_s` is the pause it asks for, None where it does not say."""

    def __init__(self, text: str, wait_s: float | None = None) -> None:
        super().__init__(text)
        self.wait_s = wait_s


class AnswerError(ForecastError):
    """A service answered something else than it documents; the message says what came and what was expected."""
