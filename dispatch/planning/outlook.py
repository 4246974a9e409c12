"""From forecasts to the inputs of a solve: a central path and weighted scenarios for everything the park needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from dispatch import fed
from dispatch.asset import Inputs
from dispatch.errors import DataError, NoForecastError
from dispatch.fields.past_capacity import until_ns
from dispatch.fields.series import Need
from dispatch.planning.fetched import Fetched, Reader
from dispatch.signals import Array, Horizon
from dispatch.site import Site

if TYPE_CHECKING:
    from datetime import datetime

    from forecasting.archive import Archive
    from forecasting.archive.known import Known
    from forecasting.forecast import Forecast, Place, Target
    from forecasting.ladder import Climber


@dataclass(frozen=True)
class Outlook:
    """A forecast as the scheduler reads it.

    Attributes:
        inputs: scenario 0 is the central path, the others are joint scenarios.
        weights: (S,) probabilities; the central path counts as one scenario of average weight.
        forecast: quantiles, notes and model, for people.
        needs: what was forecast, by asset name.
        site: the park with what its archive says of prices and intensities that its file names.
        notes: where something stands in for what is unknown of those.
        fetched: by name, (S, T) their paths in their own units.
    """

    inputs: Inputs
    weights: Array
    forecast: Forecast | None
    needs: dict[str, Need]
    site: Site | None = None
    notes: tuple[str, ...] = ()
    fetched: Mapping[str, Array] = field(default_factory=dict)

    @property
    def data_age_h(self) -> float | None:
        """Age of the newest measurement when the forecast was issued [h]; the oldest of all series counts."""
        return max(self.data_ages_h.values(), default=None)

    @property
    def data_ages_h(self) -> dict[str, float]:
        """By series, the age of its newest measurement when the forecast was issued [h]."""
        if self.forecast is None:
            return {}
        import pandas as pd

        used = {name: of.get("last_valid_time") for name, of in self.forecast.inputs_used.items()}
        last = {name: self.forecast.issue_time - pd.Timestamp(time) for name, time in used.items() if time}
        return {name: age.total_seconds() / 3600 for name, age in last.items()}


@dataclass(frozen=True)
class Told:
    """What somebody else says will come, instead of a forecast.

    Attributes:
        paths: by asset name, (1, T) the expected path, the same in all scenarios; or, of all needs of a site alike,
            (1 + S, T) with joint scenarios below it.
        weights: (S,) probabilities of those; the same for all by default.
    """

    paths: Mapping[str, Array] = field(default_factory=dict)
    weights: Array | None = None

    @property
    def scenarios(self) -> int:
        """S."""
        return max((len(rows) for rows in self.paths.values()), default=1) - 1


def look_ahead(
    site: Site,
    horizon: Horizon,
    archive: Archive,
    issue_time: datetime,
    *,
    weather_site: str | tuple[str, ...] | None = None,
    model: Climber | None = None,
    told: Told = Told(),
    progress: Callable[[str], None] = lambda _: None,
) -> Outlook:
    """Forecast every need of the site with what ``archive`` knew at ``issue_time``.

    Args:
        weather_site: name of the weather in the archive; of several, the best first.
        model: one that has learnt already; by default it learns from what is known now.
        told: paths that are taken as they are; what they hold is not forecast.

    Raises:
        DataError: an asset can not be forecast; the message names it and what is missing.
    """
    needs = {asset.name: need for asset in site.assets for need in asset.needs}
    _require_joint(told, needs)
    reader = Reader(site, archive, issue_time)
    # A model that has learnt already knows of what is fetched only what it was asked to learn.
    learnt = None if model is None else {target.name for target in model.targets}
    open_ = tuple(t for t in reader.open(horizon) if learnt is None or t.name in learnt) if reader.asked else ()
    forecast, drawn = None, told.scenarios
    targets = (*(t for t in targets_of(site, weather_site) if t.name not in told.paths), *open_)
    if targets:
        count = told.scenarios or max(site.planning.scenarios, 1)
        forecast = _forecast(site, horizon, archive, issue_time, targets, count, model, progress)
    if forecast is not None:
        drawn = told.scenarios or site.planning.scenarios
        forecast = _in_service(site, horizon, reader.anchored(horizon, forecast))
    fetched = reader.fetched(horizon, forecast, drawn) if reader.asked else Fetched({}, site)
    series = fetched.site.known_series(horizon) | fetched.series(horizon)
    series |= {(name, need.quantity): _paths(name, told, forecast, drawn) for name, need in needs.items()}
    weights = _weights(told, forecast, drawn)
    inputs = Inputs(horizon, weights.size, series)
    known = fetched.site, fetched.notes, fetched.paths
    return Outlook(inputs, weights / weights.sum(), forecast, needs, *known)


def _in_service(site: Site, horizon: Horizon, forecast: Forecast) -> Forecast:
    """The forecast with nothing of what is not there: a broken plant's power, the demand of works that rest."""
    there = {a.name: ~a.stands(horizon) for a in site.assets if a.out_of_service and a.name in forecast.central}
    if not there:
        return forecast
    return replace(
        forecast,
        central={**forecast.central, **{n: forecast.central[n] * now for n, now in there.items()}},
        quantiles={**forecast.quantiles, **{n: forecast.quantiles[n] * now[:, None] for n, now in there.items()}},
        scenarios={**forecast.scenarios, **{n: forecast.scenarios[n] * now for n, now in there.items()}},
    )


def _require_joint(told: Told, needs: Mapping[str, Need]) -> None:
    """Scenarios hang together, so they are told of all needs or of none.

    Raises:
        DataError: they are not, or are told of what the site does not need.
    """
    if unknown := sorted(told.paths.keys() - needs.keys()):
        raise DataError(f"'{unknown[0]}' needs no forecast; accepted: {', '.join(sorted(needs)) or 'none'}")
    lone = sorted(name for name in needs if len(told.paths.get(name, ())) != 1 + told.scenarios)
    if told.scenarios and lone:
        raise DataError(f"scenarios are given of some series and not of '{lone[0]}': give as many of each, or none")


def _paths(name: str, told: Told, forecast: Forecast | None, drawn: int) -> Array:
    """(1, T) or (1 + S, T) what will come, as told or as forecast."""
    if name in told.paths:
        rows = np.asarray(told.paths[name], float)
        return rows if len(rows) > 1 or not drawn else np.tile(rows, (1 + drawn, 1))
    assert forecast is not None
    central = forecast.central[name][None, :]
    return np.vstack([central, forecast.scenarios[name]]) if drawn else central


def _weights(told: Told, forecast: Forecast | None, drawn: int) -> Array:
    """(1 + S,) the central path counts as one scenario of average weight."""
    if not drawn:
        return np.ones(1)
    of_paths = told.weights if forecast is None or told.scenarios else forecast.weights
    given = np.full(drawn, 1 / drawn) if of_paths is None else np.asarray(of_paths)
    return np.concatenate([[1 / drawn], given])


def known_inputs(site: Site, horizon: Horizon, needs: dict[str, Need], values: dict[str, Array]) -> Inputs:
    """Inputs with one scenario in which ``values`` (T,) come true.

    Of what is fetched that is what ``values`` say of it, in its own unit, and else what the site holds of it already.
    """
    came = {name: values[name][None, :] for name in fed.feeds(site) if name in values}
    series = site.known_series(horizon) | fed.series(site.assets, horizon, came)
    series |= {(name, need.quantity): values[name][None, :] for name, need in needs.items()}
    return Inputs(horizon, 1, series)


def measured_until(
    archive: Archive | Known, site: str, name: str, moment_s: int, since_s: int
) -> tuple[np.ndarray, Array]:
    """Interval ends [s, UTC] after ``since_s`` and mean powers [kW] of a series as known at a moment."""
    import pandas as pd

    known = archive.as_of(pd.Timestamp(moment_s, unit="s", tz="UTC")).measurements(site, name)
    ends_s = known.end_ns // 1_000_000_000
    recent = ends_s > since_s
    return ends_s[recent], known.value[recent]


def measured_steps(archive: Archive | Known, site: str, name: str, horizon: Horizon, moment_s: int) -> Array:
    """(step,) mean power [kW] as known at a moment, by the energy up to each edge; NaN where not all of it is known."""
    edges = horizon.edges.astype("datetime64[s]").astype(np.int64)
    ends_s, values = measured_until(archive, site, name, moment_s, int(edges[0]))
    if ends_s.size < 2:
        return np.full(horizon.steps, np.nan)
    lasts_s = np.diff(ends_s, prepend=2 * ends_s[0] - ends_s[1])
    inside = ends_s - lasts_s < edges[-1]
    if not inside.any():
        return np.full(horizon.steps, np.nan)
    ends_s, values, lasts_s = ends_s[inside], values[inside], lasts_s[inside]
    whole = ends_s[0] - lasts_s[0] <= edges[0] and ends_s[-1] >= edges[-1] and np.ptp(lasts_s) == 0
    if not whole:
        return np.full(horizon.steps, np.nan)
    energy = np.concatenate([[0.0], np.cumsum(values * lasts_s)])
    up_to = np.interp(edges, np.concatenate([[ends_s[0] - lasts_s[0]], ends_s]), energy)
    return np.asarray(np.diff(up_to) / np.diff(edges))


def place_of(site: Site) -> Place:
    """Where the park stands, with the holidays of its tariffs.

    Raises:
        DataError: its file does not say where.
    """
    from forecasting.targets import Place

    if site.latitude_deg is None or site.longitude_deg is None:
        raise DataError("forecasts need 'latitude_deg' and 'longitude_deg' in the park's file")
    holidays = sorted({str(d) for a in site.assets for d in getattr(getattr(a, "tariff", None), "holidays", ())})
    return Place(site.latitude_deg, site.longitude_deg, site.time_zone, site.altitude_m, tuple(holidays))


def targets_of(site: Site, weather_site: str | tuple[str, ...] | None = None) -> tuple[Target, ...]:
    """Everything that must be forecast, as targets, with the names of weather in the archive, the best first."""
    weather = (weather_site,) if isinstance(weather_site, str) else weather_site or ()
    return tuple(_target(site, asset.name, need, weather) for asset in site.assets for need in asset.needs)


def targets_to_learn(
    site: Site,
    horizon: Horizon,
    archive: Archive,
    issue_time: datetime,
    weather_site: str | tuple[str, ...] | None = None,
) -> tuple[Target, ...]:
    """All that a plan of this horizon forecasts: what the park needs, and what is fetched and no fact yet.

    Nothing where the second is all and the park does not say where it stands: what is fetched is taken as it is then.
    """
    reader = Reader(site, archive, issue_time)
    needed, open_ = targets_of(site, weather_site), reader.open(horizon) if reader.asked else ()
    return (*needed, *open_) if needed or site.latitude_deg is not None else ()


def _forecast(
    site: Site,
    horizon: Horizon,
    archive: Archive,
    issue_time: datetime,
    targets: tuple[Target, ...],
    scenarios: int,
    model: Climber | None,
    progress: Callable[[str], None],
) -> Forecast | None:
    """Of all that can be forecast; None where what is fetched is all that was asked for, and nothing is known of it."""
    import pandas as pd

    from forecasting.errors import ForecastError
    from forecasting.forecast import forecast

    needed = any(not target.optional for target in targets)
    if site.latitude_deg is None and not needed:
        return None
    place = place_of(site)
    edges = pd.DatetimeIndex(horizon.edges).tz_localize("UTC")
    progress(f"forecasting {', '.join(target.name for target in targets)}")
    try:
        return forecast(
            targets,
            archive,
            place,
            pd.Timestamp(issue_time),
            edges,
            scenarios=scenarios,
            seed=site.planning.seed,
            model=model,
            progress=lambda text: progress(_told(text)),
        )
    except ForecastError as error:
        if not needed:
            return None
        raise NoForecastError(f"forecast: {error}") from error


def _told(text: str) -> str:
    """The forecaster's ``name: rung`` for a person."""
    from forecasting.forecast import RUNG_WORDS

    name, _, rung = text.partition(": ")
    return f"forecast {name}, from {RUNG_WORDS.get(rung, rung)}"


def _target(site: Site, name: str, need: Need, weather: tuple[str, ...]) -> Target:
    from forecasting.forecast import Target
    from forecasting.physics import PvPlant, SingleAxis, WindFarm

    plant, farm, physics = None, None, need.physics
    if need.kind == "pv":
        turns = {"tracker": SingleAxis(**physics["tracker"])} if "tracker" in physics else {}
        plant = PvPlant(
            latitude_deg=site.latitude_deg or 0.0,
            longitude_deg=site.longitude_deg or 0.0,
            altitude_m=site.altitude_m,
            **{**physics, **turns},
        )
    elif need.kind == "wind" and physics.get("turbine"):
        farm = WindFarm(**physics)
    place = _with_days_off(site) if need.kind in ("load", "net_load") and site.days_off else None
    past = tuple((until_ns(day, site.time_zone), share * need.capacity_kw) for day, share in need.past_shares)
    return Target(name, need.kind, need.capacity_kw, site.name, plant, farm, weather, place, past_capacities=past)


def _with_days_off(site: Site) -> Place:
    """Where its loads stand, with its own days off among the holidays: sun, wind and markets know nothing of these."""
    place = place_of(site)
    own = (str(day) for span in site.days_off for day in span.days)
    return replace(place, holidays=tuple(sorted({*place.holidays, *own})))
