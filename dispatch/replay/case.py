"""What a replay is asked, and what it knows: everything a worker process needs, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from dispatch.errors import DataError
from dispatch.series import Need
from dispatch.signals import Array, Horizon
from dispatch.site import Site

if TYPE_CHECKING:
    from forecasting.archive import Archive

METHODS = ("rule_based", "day_ahead", "rolling", "rolling_kept", "rolling_scenarios", "perfect")
RUNGS = ("optimal", "incumbent", "convex_recovery", "relaxed", "last_good", "rule_based", "safe_state")
Ends = Literal["value", "band"]


@dataclass(frozen=True)
class Settings:
    """How the span is planned again and again.

    Attributes:
        every_h: time between plans of the rolling methods [h].
        scenarios_every_h: likewise where each plan holds scenarios, which takes many times as long [h].
        window_h: length of every plan [h]; one length, so that its problem is compiled once.
        forecast_every_h: time between forecasts, at most a day [h]; in between the last measurements correct them.
        ends: what a store is worth at the end of a window: ``value``, money per kWh from the published prices, or
            ``band``, the wish for its end that the park's file has.
        methods: which ways to run the park are compared.
        single_solve_days: up to this length perfect foresight is one solve over the whole span, a true bound.
        foresight_h: beyond it, how far perfect foresight sees at every midnight [h].
    """

    every_h: float = 0.25
    scenarios_every_h: float = 1.0
    window_h: float = 36.0
    forecast_every_h: float = 24.0
    ends: Ends = "value"
    methods: tuple[str, ...] = METHODS
    single_solve_days: float = 14.1
    foresight_h: float = 7 * 24.0


@dataclass(frozen=True)
class Issued:
    """One forecast, as plain arrays.

    Attributes:
        issue_s: when it was issued, seconds UTC.
        start_s: its first edge, seconds UTC.
        central: by asset name, (T,).
        paths: by asset name, (S, T); empty without scenarios.
        weights: (1 + S,) probabilities of the central path and of the scenarios.
    """

    issue_s: int
    start_s: int
    central: Mapping[str, Array]
    paths: Mapping[str, Array]
    weights: Array


@dataclass(frozen=True)
class Case:
    """A park, a span, what came, and what was known when.

    Attributes:
        span: the executed steps: whole local days, all steps alike.
        actual: by asset name, (T,) what really came; plans see it through the archive alone.
        archive: measurements with the time at which they became known.
        issued: forecasts in the order of their issue; empty until they are made.
    """

    site: Site
    span: Horizon
    actual: Mapping[str, Array]
    archive: Archive
    settings: Settings = field(default_factory=Settings)
    weather_site: str | None = None
    issued: tuple[Issued, ...] = ()

    @cached_property
    def step_s(self) -> int:
        """Length of every step [s]."""
        return round(float(self.span.hours[0]) * 3600)

    @cached_property
    def needs(self) -> dict[str, Need]:
        """What must be forecast, by asset name."""
        return {asset.name: need for asset in self.site.assets for need in asset.needs}

    @cached_property
    def start_s(self) -> int:
        """First edge, seconds UTC."""
        return int(self.span.edges[0].astype("datetime64[s]").astype(np.int64))

    @cached_property
    def days(self) -> tuple[tuple[date, int, int], ...]:
        """Local days of the span: date, first step, one past the last step; 23 to 25 hours each."""
        dates = [start.date() for start in self.span.local_start]
        firsts = [i for i, day in enumerate(dates) if i == 0 or dates[i - 1] != day]
        return tuple((dates[a], a, b) for a, b in zip(firsts, [*firsts[1:], len(dates)], strict=True))

    @cached_property
    def months(self) -> tuple[tuple[int, int], ...]:
        """Local months of the span: first step, one past the last step."""
        of = self.span.month
        firsts = [i for i, month in enumerate(of) if i == 0 or of[i - 1] != month]
        return tuple(zip(firsts, [*firsts[1:], len(of)], strict=True))

    def window(self, first: int, steps: int) -> Horizon:
        """``steps`` steps from a step of the span on; they may reach beyond it."""
        edges = self.start_s + (first + np.arange(steps + 1, dtype=np.int64)) * self.step_s
        return Horizon(edges.astype("datetime64[s]"), self.span.time_zone)

    def steps_in(self, hours: float, what: str) -> int:
        """How many steps a duration is.

        Raises:
            DataError: it is not a whole number of them, or none.
        """
        steps = hours * 3600 / self.step_s
        if steps < 1 or abs(steps - round(steps)) > 1e-9:
            raise DataError(
                f"{what} {hours:g} h is not a whole number of steps of {self.step_s / 60:g} min; give a multiple of them"
            )
        return round(steps)


def checked(case: Case) -> Case:
    """The case, if it can be replayed.

    Raises:
        DataError: a setting does not fit the span; the message says which and what would.
    """
    settings, planning = case.settings, case.site.planning
    if planning.first_steps:
        raise DataError("planning.first_steps: a replay needs steps of one length; remove it or use planning.step_minutes")
    if unknown := sorted(set(settings.methods) - set(METHODS)):
        raise DataError(f"methods {unknown} are not known; accepted: {', '.join(METHODS)}")
    for what in ("every_h", "scenarios_every_h", "window_h", "forecast_every_h"):
        case.steps_in(getattr(settings, what), what.removesuffix("_h").replace("_", " "))
    if 24 % settings.forecast_every_h or 24 % settings.every_h or 24 % settings.scenarios_every_h:
        raise DataError("every, scenarios every and forecast every must divide a day: such as 0.25, 1, 6 or 24 h")
    metering_h = [t.metering_minutes / 60 for a in case.site.assets if (t := getattr(a, "tariff", None)) is not None]
    if coarse := [m for m in metering_h if settings.every_h % max(m, case.step_s / 3600) > 1e-9]:
        raise DataError(
            f"every {settings.every_h:g} h: demand is metered over {coarse[0] * 60:g} minutes, and a plan must not begin "
            "inside such an interval; give a multiple of it"
        )
    if not set(case.needs) <= set(case.actual):
        missing = sorted(set(case.needs) - set(case.actual))
        raise DataError(
            f"no measurement over the whole span of {', '.join(missing)}: a replay settles on what really came; "
            "choose a span that the data hold"
        )
    return case


def midnight(day: date, zone: str) -> int:
    """Start of a local day, seconds UTC."""
    from zoneinfo import ZoneInfo

    return round(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).timestamp())
