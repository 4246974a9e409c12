"""Bodies of forecasts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from dispatch.service.schemas.plan_parts import Failed, JobState, When, id_pattern
from dispatch.service.schemas.shared import Answer

ForecastId = Annotated[str, Field(pattern=id_pattern("fct"))]


class ForecastAsked(When):
    """A forecast of all that a site needs and gives."""

    days: Annotated[
        int | None,
        Field(ge=1, le=31, strict=True, description="Local days from the first on; the park's own by default"),
    ] = None


class SeriesForecast(Answer):
    """What is expected of one series; means over the steps, in its unit."""

    name: str
    unit: Annotated[str, Field(description="kW, money/MWh or g/kWh")]
    made_by: Annotated[str, Field(description="Lowest rung of the ladder of models that any step stands on")]
    expected: Annotated[list[float], Field(description="Mean of each step")]
    quantiles: Annotated[list[list[float]], Field(description="For each step, a value at each of the levels")]


class ForecastShown(Answer):
    """A forecast; what is null is there once its job is done."""

    id: str
    site: str
    site_version: int
    state: JobState
    job: str
    created_at: datetime
    issue_time: datetime
    start: datetime
    end: datetime
    steps: int
    step_end: Annotated[tuple[datetime, ...], Field(description="Ends of the steps")] = ()
    levels: tuple[float, ...] = ()
    series: tuple[SeriesForecast, ...] = ()
    scenarios: Annotated[int | None, Field(description="How many joint paths there are besides")] = None
    model: str | None = None
    data_age_h: Annotated[float | None, Field(description="Age of the oldest of the newest measurements")] = None
    notes: tuple[str, ...] = ()
    quantiles_href: str | None = None
    scenarios_href: str | None = None
    problem: Failed | None = None


class ForecastListed(Answer):
    """A forecast in a list."""

    id: str
    site: str
    state: JobState
    created_at: datetime
    issue_time: datetime
    start: datetime
    end: datetime
    href: str
