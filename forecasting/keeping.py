"""A trained ladder kept in a folder and used again until it is due: on its schedule, or when it has drifted.

Whether it has drifted shows on the days since it learnt: it is asked again for each of them with what was known then,
and held against what came, beside the days it held out when it learnt; of models that show none of those, beside the
first twenty days since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from forecasting import drift, model_card
from forecasting.archive.known import Known
from forecasting.backtest.identity import code_version, content_hash
from forecasting.clock import DAY_NS, HOUR_NS, Ns, utc_index
from forecasting.errors import ForecastError
from forecasting.ladder import Climber, Ladder
from forecasting.observed import came
from forecasting.quantiles import LEVELS
from forecasting.retraining import Due, Policy, due
from forecasting.scores import by_group, pinball
from forecasting.targets import Place, Target

FEWEST_NEW_DAYS = 5
QUESTION, TRAINED_NS, BEGIN_NS = "question_sha256", "trained_ns", "horizon_begins_after_ns"


def ladder_for(
    folder: Path,
    targets: Sequence[Target],
    place: Place,
    known: Known,
    edges_ns: Ns,
    *,
    policy: Policy | None = None,
    ladder: Ladder | None = None,
) -> tuple[Climber, Due | None]:
    """The newest kept ladder of the same question, or a new one, with why it must learn; keep it with `keep`.

    The same question: targets, place, the horizon's edges relative to its begin, and the code, asked less than an hour
    nearer to that begin or further from it: who plans every day does it a minute earlier or later. Of the ladders in
    the folder none counts that learnt after `known.time_ns`.
    """
    policy, ahead_ns = policy or Policy(), edges_ns - known.time_ns
    question = _question(targets, place, ahead_ns)
    fitting = [
        card
        for card in model_card.cards(folder)
        if card.data.get(QUESTION) == question
        and card.data[TRAINED_NS] <= known.time_ns
        and abs(card.data[BEGIN_NS] - int(ahead_ns[0])) < HOUR_NS
    ]
    reason = due(policy, None, known.time_ns)
    if fitting:
        # Of those that learnt at the same time the one that knows most: rungs are trained when they are first needed.
        best = max(fitting, key=lambda card: (card.data[TRAINED_NS], len(card.settings["rungs"])))
        found, card = model_card.load(folder, best.sha256)
        assert isinstance(found, Climber)
        reason = due(policy, card.data[TRAINED_NS], known.time_ns)
        if reason is None:
            reason = due(policy, card.data[TRAINED_NS], known.time_ns, drifted(found, known, edges_ns))
        if reason is None:
            return found, None
    fresh = ladder or Ladder()
    return fresh.train(known, targets, place, ahead_ns, LEVELS), reason


def keep(folder: Path, climber: Climber, targets: Sequence[Target], place: Place, ahead_ns: Ns) -> model_card.Card:
    """Keep a ladder that has been asked, with what it said of days that it held out; `ahead_ns` from the issue."""
    question = _question(targets, place, ahead_ns)
    return model_card.keep(
        folder,
        climber,
        targets=[target.name for target in targets],
        trained_ns=climber.trained_ns,
        data={
            QUESTION: question,
            TRAINED_NS: climber.trained_ns,
            BEGIN_NS: int(ahead_ns[0]),
            "code_sha256": code_version(),
        },
        scores=held_out(climber),
    )


def held_out(climber: Climber) -> dict[str, float]:
    """By target, mean pinball loss on the days that its models held out; of those that show them."""
    return {name: float(np.nanmean(pinball(one.actual, one.quantiles, LEVELS))) for name, one in climber.shown.items()}


def drifted(climber: Climber, known: Known, edges_ns: Ns) -> tuple[drift.Drift, ...]:
    """What changed since the ladder learnt, over all its targets; nothing where days are too few to tell."""
    days = range(climber.trained_ns + DAY_NS, known.time_ns - DAY_NS, DAY_NS)
    if len(days) < FEWEST_NEW_DAYS:
        return ()
    shown = climber.shown
    said = [_again(climber, known, edges_ns - known.time_ns, issue) for issue in days]
    found: list[drift.Drift] = []
    for target in climber.targets:
        recent = _joined([one[target.name] for one in said if target.name in one])
        if recent is None:
            continue
        if (before := shown.get(target.name)) is not None:
            reference = drift.by_day(before.actual, before.quantiles, LEVELS, before.start_ns // DAY_NS)
        else:
            first = np.arange(len(recent.day)) < drift.FEWEST_DAYS
            reference, recent = recent.part(first), recent.part(~first)
        known_days = min(np.isfinite(getattr(reference, figure)).sum() for figure in drift.FIGURES)
        if known_days >= drift.FEWEST_DAYS and len(recent.day):
            found += drift.watch(reference, recent)
    return tuple(found)


def _again(climber: Climber, known: Known, ahead_ns: Ns, issue_ns: int) -> Mapping[str, drift.Daily]:
    """The figures of the first day of what the ladder says of a past issue."""
    then = known.as_of(utc_index(np.array([issue_ns]))[0])
    edges = issue_ns + ahead_ns[ahead_ns <= ahead_ns[0] + DAY_NS]
    try:
        said = climber.quantiles(then, edges)
    except ForecastError:
        return {}
    found = {}
    for target in climber.targets:
        actual = came(known, target, edges)
        found[target.name] = drift.by_day(actual, said[target.name], LEVELS, edges[:-1] // DAY_NS)
    return found


def _joined(parts: Sequence[drift.Daily]) -> drift.Daily | None:
    days = np.concatenate([part.day for part in parts]) if parts else np.empty(0, np.int64)
    if not len(days):
        return None
    figures = [by_group(np.concatenate([getattr(part, f) for part in parts]), days)[1] for f in drift.FIGURES]
    return drift.Daily(np.unique(days), *figures)


def _question(targets: Sequence[Target], place: Place, ahead_ns: Ns) -> str:
    return content_hash(tuple(targets), place, np.asarray(ahead_ns) - ahead_ns[0], code_version())


def told(reason: Due | None, trained_ns: int) -> str:
    """For a person: whether a kept model answered, and why not."""
    if reason is None:
        return f"model kept since {pd.Timestamp(trained_ns, tz='UTC'):%Y-%m-%d %H:%M} UTC"
    return f"model trained anew: {reason.text}"
