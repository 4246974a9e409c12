"""One plan a day on the central forecast, followed to its end."""

from __future__ import annotations

from benchmarks.methods.base import Method, Options
from dispatch.replay import Case, Journal
from dispatch.replay.methods import Ran, Runner


def run(case: Case, journal: Journal, _: Options) -> Ran:
    return Runner(case, journal)("day_ahead")


METHOD = Method(
    name="day_ahead",
    title="day-ahead",
    about="One plan a day on the central forecast, made before the day and followed to its end.",
    run=run,
)
