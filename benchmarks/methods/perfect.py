"""What could have been had, knowing everything: nothing is better where it is one solve over the span."""

from __future__ import annotations

from benchmarks.methods.base import Method, Options
from dispatch.replay import Case, Journal
from dispatch.replay.methods import Ran, Runner


def run(case: Case, journal: Journal, _: Options) -> Ran:
    return Runner(case, journal)("perfect")


METHOD = Method(
    name="perfect",
    title="perfect foresight",
    about="What could have been had, knowing everything.",
    run=run,
    forecasts=False,
)
