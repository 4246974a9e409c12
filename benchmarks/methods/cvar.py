"""As ``stochastic``, with a weight on the mean of the worst scenarios."""

from __future__ import annotations

from benchmarks.methods.base import Method, Options
from benchmarks.methods.changed import with_risk
from dispatch.replay import Case, Journal
from dispatch.replay.methods import Ran, Runner


def run(case: Case, journal: Journal, options: Options) -> Ran:
    risky = with_risk(case, options.cvar_weight, options.cvar_level)
    return Runner(risky, journal)("day_ahead_scenarios")


METHOD = Method(
    name="cvar",
    title="CVaR",
    about="One plan a day that weighs the mean of the worst scenarios beside the average.",
    run=run,
    random=True,
)
