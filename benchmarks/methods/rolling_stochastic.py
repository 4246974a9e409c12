"""Model predictive control over scenarios: a new plan every few steps, the cheapest on average over what may come."""

from __future__ import annotations

from benchmarks.methods.base import Method, Options
from benchmarks.methods.changed import with_planning, with_risk
from dispatch.replay import Case, Journal
from dispatch.replay.methods import Ran, Runner


def run(case: Case, journal: Journal, _: Options) -> Ran:
    as_often = case.site.planning.rolling.model_copy(update={"scenarios_every_h": case.settings.every_h})
    return Runner(with_planning(with_risk(case, 0.0, 0.0), rolling=as_often), journal)("rolling_scenarios")


METHOD = Method(
    name="rolling_stochastic",
    title="rolling, scenarios",
    about="As rolling, each plan the cheapest on average over scenarios of what may come.",
    run=run,
    random=True,
    revises=True,
)
