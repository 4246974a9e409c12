"""Model predictive control: a new plan every few steps, from the state that really is."""

from __future__ import annotations

from benchmarks.methods.base import Method, Options
from dispatch.replay import Case, Journal
from dispatch.replay.methods import Ran, Runner


def run(case: Case, journal: Journal, _: Options) -> Ran:
    return Runner(case, journal)("rolling")


METHOD = Method(
    name="rolling",
    title="rolling",
    about="A new plan every so many hours with what is known then, from the state that really is.",
    run=run,
    revises=True,
)
