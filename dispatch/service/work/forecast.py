"""Jobs that forecast what a site will need and give, from what was known at the issue time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.errors import DataError
from dispatch.service.store import files, forecasts
from dispatch.service.store.arrow import ARROW_STREAM, from_bytes, to_bytes
from dispatch.service.store.jobs import Job
from dispatch.service.store.transaction import Tx
from dispatch.service.work import basis
from dispatch.service.work.basis import Asked
from dispatch.service.work.schedule import weather_of

if TYPE_CHECKING:
    from forecasting.archive import Archive
    from forecasting.targets import Forecast

DEADLINE_S = 600.0


@dataclass(frozen=True)
class Wanted:
    """A forecast that is asked for, with what it learns from."""

    what: Asked
    archive: Archive
    request: Mapping[str, Any]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """A forecast in plain data: all that is said of it as JSON, and two Arrow streams."""

    result: dict[str, Any]
    quantiles: bytes
    scenarios: bytes


def prepare(tx: Tx, job: Job) -> Wanted:
    """Read the site and its measurements as they were known."""
    row = forecasts.get(tx, job.subject)
    basis.park_of(tx, row.site)
    park = basis.park_at(tx, row.site, row.site_version)
    what = basis.of_row(row, park)
    archive, notes = basis.archive(tx, what)
    return Wanted(what, archive, row.request, notes)


def run(asked: Wanted, progress: Callable[[str], None]) -> Outcome:
    """Learn from what was known, and say what may come."""
    import pandas as pd

    from dispatch.planning.outlook import look_ahead
    from dispatch.sources import gather, user_errors

    what, count = asked.what, asked.request.get("scenarios")
    planning = what.park.planning.model_copy(update={} if count is None else {"scenarios": count})
    site = what.park.model_copy(update={"planning": planning})
    try:
        sources = gather(
            site, what.horizon, Path(), weather=weather_of(asked.request), now=pd.Timestamp(what.issue),
            archive=asked.archive, with_network=False, place=what.site, progress=progress,
        )  # fmt: skip
        outlook = look_ahead(
            site, what.horizon, sources.archive, what.issue, weather_site=sources.weather, progress=progress
        )
    except user_errors() as error:
        raise DataError(str(error)) from error
    if outlook.forecast is None:
        raise DataError(f"'{what.site}' needs no forecast: it has no wind, PV or load")
    # A forecast speaks of the park by its own name, and here it is known by its id.
    made = replace(outlook.forecast, sites=dict.fromkeys(outlook.forecast.names, what.site))
    return _outcome(made, outlook.data_age_h, (*asked.notes, *sources.notes, *outlook.notes))


def _outcome(made: Forecast, age_h: float | None, notes: tuple[str, ...]) -> Outcome:
    from dispatch.studies.forecast_pages import scenario_table

    result = {
        "levels": made.levels.tolist(),
        "names": list(made.names),
        "units": {name: made.units.get(name, "kW") for name in made.names},
        "made_by": dict(made.quality),
        "central": {name: np.asarray(made.central[name]).tolist() for name in made.names},
        "scenarios": len(made.weights),
        "model": made.model_version,
        "data_age_h": age_h,
        "notes": [*notes, *made.notes],
    }
    return Outcome(result, to_bytes(made.table()), to_bytes(scenario_table(made)))


def floor(asked: Wanted, reason: str) -> None:
    """A forecast that was not made is none: plans have a way of their own to do without."""
    del asked, reason


def check(asked: Wanted, outcome: Any) -> str | None:
    """Why what came is no forecast of what was asked; None where it is one."""
    if not isinstance(outcome, Outcome):
        return f"a {type(outcome).__name__} is no forecast"
    steps, said = asked.what.horizon.steps, outcome.result
    sizes = {name: len(values) for name, values in said["central"].items()}
    if set(sizes) != set(said["names"]) or any(size != steps for size in sizes.values()):
        return "it has not the steps that were asked for"
    rows = {"quantiles": len(said["levels"]), "scenarios": said["scenarios"]}
    for name, each in rows.items():
        table = from_bytes(getattr(outcome, name))
        if table.num_rows != each * steps * len(sizes):
            return f"its {name} have {table.num_rows} rows"
        if not np.isfinite(table["value"].to_numpy()).all():
            return f"its {name} have values that are no numbers"
    return None


def commit(tx: Tx, job: Job, outcome: Outcome) -> dict[str, Any]:
    """Keep its tables."""
    held = {
        name: files.put(tx, getattr(outcome, name), ARROW_STREAM, f"{job.subject}-{name}.arrow")
        for name in ("quantiles", "scenarios")
    }
    forecasts.finish(tx, job.subject, {"result": outcome.result, **{f"{name}_file": f.id for name, f in held.items()}})
    tx.audit("forecast.made", job.subject, {"quantiles_sha256": held["quantiles"].sha256, "job": job.id})
    return {"href": f"/api/v1/forecasts/{job.subject}", "files": {ARROW_STREAM: held["quantiles"].id}}
