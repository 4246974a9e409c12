"""As ``day_ahead``, with commitment from the tightest convex relaxation and whole numbers recovered near it."""

from __future__ import annotations

from benchmarks.methods.base import Method, Options
from benchmarks.methods.changed import with_planning
from dispatch.replay import Case, Journal
from dispatch.replay.methods import Ran, Runner


def run(case: Case, journal: Journal, _: Options) -> Ran:
    return Runner(with_planning(case, commitment="convex"), journal)("day_ahead")


METHOD = Method(
    name="convex",
    title="convex",
    about="As day-ahead, with on and off recovered from a convex relaxation.",
    run=run,
)
