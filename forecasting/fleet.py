"""Many sites at once: one trained model, one pass over arrays, joint scenarios of all of them."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting import dependence, steps
from forecasting.archive import Archive
from forecasting.archive.known import Known
from forecasting.clock import Ns, instant_ns, utc_index
from forecasting.ladder import Answer, Ladder
from forecasting.models.fleet.model import VERSION, Fleet, FleetTrained
from forecasting.scores import level_weights
from forecasting.situations import Situation, parts_of, without_climate
from forecasting.targets import Forecast

__all__ = ["Fleet", "FleetTrained", "forecast_fleet"]

Floats = NDArray[np.float64]


def forecast_fleet(
    trained: FleetTrained,
    archive: Archive,
    issue_time: dt.datetime | pd.Timestamp | str,
    edges: pd.DatetimeIndex,
    *,
    scenarios: int = 100,
    seed: int = 0,
    ladder: Ladder | None = None,
) -> Forecast:
    """Forecast all sites of a trained fleet, with so many equally likely joint scenarios.

    Sites whose inputs are late or missing are answered by the ladder, each for itself; `quality` says which. Errors of
    all sites hang together as they did on the days held out of training. The same inputs give the same bits.
    """
    issue_ns = instant_ns(issue_time, "issue_time")
    edges_ns = steps.checked_edges(edges, issue_ns)
    known = archive.as_of(utc_index(np.array([issue_ns]))[0])
    known = without_climate(known, (site for target in trained.targets for site in target.weather))
    quantiles, answers = _answered(trained, known, edges_ns, ladder or Ladder())
    names = trained.joint.names
    models = {name: answers[name].model if name in answers else trained.model.name for name in names}
    quantiles = {name: quantiles[name] for name in names}
    paths = dependence.draw(quantiles, trained.joint, seed, scenarios, trained.levels)
    bounds = {target.name: target.bounds for target in trained.targets}
    return Forecast(
        issue_time=utc_index(np.array([issue_ns]))[0],
        edges=utc_index(edges_ns),
        levels=trained.levels.copy(),
        names=names,
        quantiles=quantiles,
        central={name: values @ level_weights(trained.levels) for name, values in quantiles.items()},
        scenarios={name: np.clip(values, *bounds[name]) for name, values in paths.items()},
        weights=np.full(scenarios, 1 / scenarios),
        quality=dict(trained.top_rung) | {name: answer.quality for name, answer in answers.items()},
        model_version=VERSION,
        inputs_used={name: {"model": model} for name, model in models.items()},
        notes=tuple(f"{name}: answered by the ladder, from {answer.quality}" for name, answer in answers.items()),
        sites={target.name: target.site for target in trained.targets},
        units={target.name: target.unit for target in trained.targets},
    )


def _answered(
    trained: FleetTrained, known: Known, edges_ns: Ns, ladder: Ladder
) -> tuple[dict[str, Floats], dict[str, Answer]]:
    """Quantiles (T, Q) of all sites, and the ladder's answers for those whose inputs are not as usual."""
    usual = [t.name for t in trained.targets if parts_of(known, t, edges_ns)[0].situation == Situation()]
    asked = trained if len(usual) == len(trained.targets) else trained.only(usual)
    quantiles = dict(asked.quantiles(known, edges_ns))
    rest = [target for target in trained.targets if target.name not in quantiles]
    if not rest:
        return quantiles, {}
    climber = ladder.train(known, rest, trained.place, edges_ns - known.time_ns, trained.levels)
    answers = climber.answers(known, edges_ns)
    return quantiles | {name: answer.quantiles for name, answer in answers.items()}, answers
