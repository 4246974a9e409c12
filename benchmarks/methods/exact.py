"""As ``day_ahead``, with on and off as whole numbers and every plan proved to a narrow gap."""

from __future__ import annotations

from benchmarks.methods.base import Method, Options
from benchmarks.methods.changed import with_planning
from dispatch.replay import Case, Journal
from dispatch.replay.methods import Ran, Runner


def run(case: Case, journal: Journal, options: Options) -> Ran:
    narrow = with_planning(case, commitment="exact", gap=options.exact_gap)
    return Runner(narrow, journal)("day_ahead")


METHOD = Method(
    name="exact",
    title="exact",
    about="As day-ahead, with whole numbers and every plan proved to a narrow gap.",
    run=run,
)
