"""Forecasters kept in a folder, for commands that are given ``--models``: what was learnt once is asked again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dispatch.cli.planning import Asked, folder_for

if TYPE_CHECKING:
    from dispatch.sources import Sources
    from forecasting.ladder import Climber


@contextmanager
def kept_model(
    folder: Path | None, what: Asked, sources: Sources, progress: Callable[[str], None]
) -> Iterator[Climber | None]:
    """The model that answers this question: a kept one until it is due, else one that learns when it is asked.

    What has learnt meanwhile is kept. None without a folder, or where nothing is to be forecast.

    Raises:
        DataError: nothing can be written to the folder.
        ForecastError: what is kept there cannot be read.
    """
    import pandas as pd

    from dispatch.planning.outlook import place_of, targets_to_learn
    from forecasting.keeping import keep, ladder_for, told

    issue = pd.Timestamp(what.issue)
    targets = targets_to_learn(what.site, what.horizon, sources.archive, what.issue, sources.weather)
    if folder is None or not targets:
        yield None
        return
    place, edges_ns = place_of(what.site), what.horizon.edges.astype("datetime64[ns]").astype(np.int64)
    known = sources.archive.as_of(issue)
    climber, reason = ladder_for(folder_for(folder, "--models"), targets, place, known, edges_ns)
    progress(told(reason, climber.trained_ns))
    rungs = len(climber.kept)
    yield climber
    if reason is not None or len(climber.kept) > rungs:
        keep(folder, climber, targets, place, edges_ns - known.time_ns)


def age_told(climber: Climber | None, what: Asked) -> tuple[str, ...]:
    """For the plan's reader: since when the model has learnt nothing; nothing where it learnt for this plan."""
    import pandas as pd

    if climber is None or (learnt := pd.Timestamp(climber.trained_ns, tz="UTC")) >= pd.Timestamp(what.issue):
        return ()
    local = learnt.tz_convert(what.site.time_zone)
    return (f"forecasts by a model that was kept: it has learnt from what was known on {local:%Y-%m-%d at %H:%M}",)
