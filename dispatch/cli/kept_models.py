"""Forecasters kept in a folder, for commands that are given ``--models``: what was learnt once is asked again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dispatch.cli.folders import folder_for

if TYPE_CHECKING:
    from dispatch.signals import Horizon
    from dispatch.site import Site
    from dispatch.sources import Sources
    from forecasting.ladder import Climber


@contextmanager
def kept_model(
    folder: Path | None,
    site: Site,
    horizon: Horizon,
    issue_time: datetime,
    sources: Sources,
    progress: Callable[[str], None],
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

    targets = targets_to_learn(site, horizon, sources.archive, issue_time, sources.weather)
    if folder is None or not targets:
        yield None
        return
    place, edges_ns = place_of(site), horizon.edges.astype("datetime64[ns]").astype(np.int64)
    known = sources.archive.as_of(pd.Timestamp(issue_time))
    climber, reason = ladder_for(folder_for(folder, "--models"), targets, place, known, edges_ns)
    progress(told(reason, climber.trained_ns))
    rungs = len(climber.kept)
    yield climber
    if reason is not None or len(climber.kept) > rungs:
        keep(folder, climber, targets, place, edges_ns - known.time_ns)


def age_told(climber: Climber | None, site: Site, issue_time: datetime) -> tuple[str, ...]:
    """For the plan's reader: since when the model has learnt nothing; nothing where it learnt for this plan."""
    import pandas as pd

    if climber is None or (learnt := pd.Timestamp(climber.trained_ns, tz="UTC")) >= pd.Timestamp(issue_time):
        return ()
    local = learnt.tz_convert(site.time_zone)
    return (f"forecasts by a model that was kept: it has learnt from what was known on {local:%Y-%m-%d at %H:%M}",)
