"""Several weather providers in order: the first that covers the time asked for answers, the others fill what it lacks.

A variable comes from one provider whole, never from two: a mix inside one variable would have a step that no
weather has. What came from where, and why somebody else did not answer, is said in the notes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.errors import ForecastError, UnavailableError
from forecasting.weather.base import WeatherProvider, WeatherRun

# Without these a plant's output cannot be told from the weather at all.
WANTED = ("temperature_2m", "wind_speed_10m", "shortwave_radiation")


@dataclass(frozen=True)
class Fallback:
    """Providers in the order in which they are asked; later ones also give the `wanted` variables that lack."""

    providers: tuple[WeatherProvider, ...]
    wanted: tuple[str, ...] = WANTED

    def __post_init__(self) -> None:
        """Refuses an empty list."""
        if not self.providers:
            raise ForecastError("weather: no provider given; name one at least, such as open-meteo")

    @property
    def name(self) -> str:
        """Their names in order."""
        return ", then ".join(provider.name for provider in self.providers)

    def fetch(
        self, latitude: float, longitude: float, start: pd.Timestamp, end: pd.Timestamp, now: pd.Timestamp
    ) -> WeatherRun:
        """The best run there is; its provider's name, issue time and steps, with the notes of all that were asked.

        Raises UnavailableError where none could be reached, ForecastError where none answered for other reasons too;
        the message has each one's reason.
        """
        failures: list[ForecastError] = []
        answers = self._answers((latitude, longitude, start, end, now), failures)
        short: list[WeatherRun] = []
        for run in answers:
            if (reach := _short_of(run, start, end)) is None:
                return self._filled(run, answers, failures, start, end)
            failures.append(ForecastError(f"weather of {run.provider} {reach}"))
            short.append(run)
        if not short:
            silent = all(isinstance(failure, UnavailableError) for failure in failures)
            text = "no weather from any provider: " + "; ".join(map(str, failures))
            raise UnavailableError(text) if silent else ForecastError(text)
        best = max(short, key=lambda run: _share(run, start, end))
        return self._filled(best, iter([run for run in short if run is not best]), failures, start, end)

    def _answers(
        self, where: tuple[float, float, pd.Timestamp, pd.Timestamp, pd.Timestamp], failures: list[ForecastError]
    ) -> Iterator[WeatherRun]:
        """Runs of the providers, one after the other and only as far as they are needed."""
        for provider in self.providers:
            try:
                yield provider.fetch(*where)
            except ForecastError as error:
                failures.append(type(error)(f"{provider.name}: {error}"))

    def _filled(
        self,
        run: WeatherRun,
        others: Iterator[WeatherRun],
        failures: list[ForecastError],
        start: pd.Timestamp,
        end: pd.Timestamp,
    ) -> WeatherRun:
        """The run with the wanted variables it lacks, each from the first other run that has it on the same steps."""
        notes = list(run.notes)
        columns, available, issue = dict(run.columns), run.available_at, run.issue_time
        lacking = [name for name in self.wanted if not _has(run, name, start, end)]
        while lacking and (other := next(others, None)) is not None:
            notes += other.notes
            found = [name for name in lacking if _has(other, name, start, end)]
            at = other.valid_time.get_indexer(run.valid_time)
            if found and (at < 0).any():
                notes.append(
                    f"weather of {other.provider} has {', '.join(found)} on other steps than {run.provider}; not used"
                )
                continue
            for name in found:
                columns[name] = other.columns[name][at]
                available, issue = max(available, other.available_at), max(issue, other.issue_time)
                lacking.remove(name)
            if found:
                notes.append(f"weather: {', '.join(found)} from {other.provider}, which {run.provider} lacks")
        if lacking:
            notes.append(f"weather: no provider has {', '.join(lacking)}")
        if failures:
            notes = [f"weather: {run.provider} answers, as others did not: {'; '.join(map(str, failures))}", *notes]
        return replace(run, columns=columns, available_at=available, issue_time=issue, notes=tuple(notes))


def _inside(run: WeatherRun, start: pd.Timestamp, end: pd.Timestamp) -> NDArray[np.bool_]:
    return np.asarray((run.valid_time >= start) & (run.valid_time <= end))


def _has(run: WeatherRun, name: str, start: pd.Timestamp, end: pd.Timestamp) -> bool:
    values = run.columns.get(name)
    return values is not None and bool(np.isfinite(values[_inside(run, start, end)]).any())


def _known(run: WeatherRun) -> NDArray[np.bool_]:
    """Times at which any variable is known."""
    return np.asarray(np.isfinite(np.stack(list(run.columns.values()))).any(axis=0))


def _share(run: WeatherRun, start: pd.Timestamp, end: pd.Timestamp) -> float:
    return float((_known(run) & _inside(run, start, end)).sum() * _step(run) / (end - start))


def _step(run: WeatherRun) -> pd.Timedelta:
    return run.valid_time[1] - run.valid_time[0] if len(run.valid_time) > 1 else pd.Timedelta(0)


def _short_of(run: WeatherRun, start: pd.Timestamp, end: pd.Timestamp) -> str | None:
    """Where the run ends or begins inside [start, end], None where it covers it."""
    known = run.valid_time[_known(run)]
    if not len(known):
        return "holds no value"
    if known[-1] + _step(run) <= end:
        return f"ends at {known[-1]:%Y-%m-%dT%H:%MZ}, before {end:%Y-%m-%dT%H:%MZ}"
    if known[0] - _step(run) >= start:
        return f"begins at {known[0]:%Y-%m-%dT%H:%MZ}, after {start:%Y-%m-%dT%H:%MZ}"
    return None
