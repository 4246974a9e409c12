"""What a forecast is worth in money and carbon: the same park planned day ahead on one forecast after the other.

    value lost = what came of plans on the forecast − what could have been had, knowing everything

Each forecast gives one central path a day, issued ``issue_before_h`` before midnight from what was known then. Plans on
it are executed against what really came, as a replay does. Perfect foresight is the replay's own bound; plans made day
ahead on a forecast that happens to be right ("as it came") say how much of the loss is not the forecast's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dispatch.errors import DataError
from dispatch.executor import Executor
from dispatch.planning.outlook import place_of, targets_of
from dispatch.replay.case import Case, Issued
from dispatch.replay.forecasts import Issue, issues
from dispatch.replay.journal import Journal
from dispatch.replay.run import replay

if TYPE_CHECKING:
    from forecasting.archive import Archive
    from forecasting.models.base import Model
    from forecasting.targets import Target

AS_IT_CAME, PERFECT = "as it came", "perfect foresight"


@dataclass(frozen=True)
class Worth:
    """What the days cost under plans on one forecast, and above perfect foresight.

    Attributes:
        cost: money paid, demand charges included, less what the stores hold more.
        lost_cost, lost_co2_kg, lost_objective: above perfect foresight; the objective is what plans minimise.
        unproved: what the audit found; a line that has any is no measure.
    """

    forecast: str
    cost: float
    co2_kg: float
    objective: float
    lost_cost: float
    lost_co2_kg: float
    lost_objective: float
    unproved: int


def worth(
    case: Case,
    models: Sequence[Model],
    executor: Executor,
    *,
    retrain_days: float = 7.0,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[Worth, ...]:
    """The models in their order, then the forecast that is right, then perfect foresight.

    Raises:
        DataError: a model cannot forecast one of the days; the message says which and why.
    """
    planning = case.site.planning
    daily = planning.model_copy(update={"rolling": planning.rolling.model_copy(update={"forecast_every_h": 24.0})})
    case = replace(case, site=case.site.model_copy(update={"planning": daily}))
    figures: dict[str, tuple[float, float, float, int]] = {}
    for model in models:
        progress(f"forecasting with {model.name}")
        figures[model.name] = _figures(case, issued_by(case, model, retrain_days), "day_ahead", executor)
    progress("planning with what came")
    figures[AS_IT_CAME] = _figures(case, as_it_came(case), "day_ahead", executor)
    figures[PERFECT] = _figures(case, (), "perfect", executor)
    best = figures[PERFECT]
    return tuple(
        Worth(name, cost, co2, objective, cost - best[0], co2 - best[1], objective - best[2], unproved)
        for name, (cost, co2, objective, unproved) in figures.items()
    )


def _daily(case: Case) -> list[Issue]:
    """The issues that plans of the span are made from; a replay that rolls has one more after them."""
    last = case.start_s + case.days[-1][1] * case.step_s - round(case.site.planning.issue_before_h * 3600)
    return [issue for issue in issues(case) if issue.issue_s <= last]


def issued_by(case: Case, model: Model, retrain_days: float = 7.0) -> tuple[Issued, ...]:
    """A model's forecasts for plans made day ahead, each from what was known at its issue."""
    from forecasting.backtest.run import sealed
    from forecasting.errors import ForecastError
    from forecasting.quantiles import LEVELS
    from forecasting.scores import level_weights

    targets, place = targets_of(case.site, case.weather_site), place_of(case.site)
    trained, since, out = None, 0, []
    for issue in _daily(case):
        edges = _edges_ns(case, issue)
        known = sealed(case.archive, issue.issue_s * 1_000_000_000)
        try:
            if trained is None or issue.issue_s - since >= retrain_days * 86400:
                trained = model.train(known, targets, place, edges - known.time_ns, LEVELS)
                since = issue.issue_s
            found = trained.quantiles(known, edges)
        except ForecastError as error:
            raise DataError(f"{model.name} on {np.datetime64(issue.issue_s, 's')}: {error}") from error
        if missing := sorted(set(case.needs) - set(found)):
            raise DataError(f"{model.name} on {np.datetime64(issue.issue_s, 's')}: no forecast of {', '.join(missing)}")
        central = {name: found[name] @ level_weights(LEVELS) for name in case.needs}
        out.append(_issued(issue, central))
    return tuple(out)


def as_it_came(case: Case, *, rolling: bool = False) -> tuple[Issued, ...]:
    """Forecasts that are right, beyond the span too.

    Args:
        rolling: those that plans on the last day of the span read are among them.

    Raises:
        DataError: the data end before the last plan's window does.
    """
    targets = {target.name: target for target in targets_of(case.site)}
    out = []
    for issue in issues(case) if rolling else _daily(case):
        edges = _edges_ns(case, issue)
        found = {name: _came(case.archive, targets[name], edges) for name in case.needs}
        for name, values in found.items():
            if not np.isfinite(values).all():
                first, last, lacking = edges[[0, -1, int(np.argmin(np.isfinite(values)))]].astype("datetime64[ns]")
                raise DataError(
                    f"no measurement of {name} over the plan of {np.datetime64(issue.issue_s, 's')}: needed are "
                    f"{_minute(first)} to {_minute(last)} UTC without gap, and none is there for {_minute(lacking)}"
                )
        out.append(_issued(issue, found))
    return tuple(out)


def _minute(at: np.datetime64) -> str:
    return str(np.datetime_as_string(at, unit="m"))


def _came(archive: Archive, target: Target, edges_ns: np.ndarray) -> np.ndarray:
    from forecasting.backtest.run import measured

    return measured(archive, target, edges_ns)


def _edges_ns(case: Case, issue: Issue) -> np.ndarray:
    return np.arange(issue.issue_s, issue.end_s + 1, case.step_s, dtype=np.int64) * 1_000_000_000


def _issued(issue: Issue, central: dict[str, np.ndarray]) -> Issued:
    steps = next(iter(central.values())).size
    return Issued(issue.issue_s, issue.issue_s, central, {n: np.empty((0, steps)) for n in central}, np.ones(1))


def _figures(
    case: Case, issued: tuple[Issued, ...], method: str, executor: Executor
) -> tuple[float, float, float, int]:
    settings = replace(case.settings, methods=(method,))
    done = replay(replace(case, issued=issued, settings=settings), executor, Journal())
    ledger = done.ledgers[method]
    sums = (float(sum(getattr(day, name) for day in ledger.days)) for name in ("cost", "co2_kg", "objective"))
    cost, co2, objective = sums
    return cost, co2, objective, len(ledger.violations) + len(ledger.jumps)
