"""One plan a day over the central path and scenarios, by their expected cost."""

from __future__ import annotations

from benchmarks.methods.base import Method, Options
from benchmarks.methods.changed import with_risk
from dispatch.replay import Case, Journal
from dispatch.replay.methods import Ran, Runner


def run(case: Case, journal: Journal, _: Options) -> Ran:
    return Runner(with_risk(case, 0.0, 0.0), journal)("day_ahead_scenarios")


METHOD = Method(
    name="stochastic",
    title="stochastic",
    about="One plan a day that is the cheapest on average over scenarios.",
    run=run,
    random=True,
)
