"""What the park does without a plan: each kind's own rule, step by step."""

from __future__ import annotations

from benchmarks.methods.base import Method, Options
from dispatch.replay import Case, Journal
from dispatch.replay.methods import Ran, Runner


def run(case: Case, journal: Journal, _: Options) -> Ran:
    return Runner(case, journal)("rule_based")


METHOD = Method(
    name="rule_based",
    title="rules",
    about="The park's own rules, without a plan.",
    run=run,
    forecasts=False,
    plans=False,
)
