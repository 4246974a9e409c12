"""What a replay is asked, and what it knows: everything a worker process needs, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from dispatch import fed
from dispatch.errors import DataError
from dispatch.fields.series import Need
from dispatch.signals import Array, Horizon
from dispatch.site import Site

if TYPE_CHECKING:
    from forecasting.archive import Archive

METHODS = ("rule_based", "day_ahead", "rolling", "rolling_kept", "rolling_scenarios", "perfect")
ASKED_FOR = ("day_ahead_scenarios",)
"""Run only where they are named."""
RUNGS = ("optimal", "incumbent", "convex_recovery", "relaxed", "last_good", "rule_based", "safe_state")


@dataclass(frozen=True)
class Settings:
    """What the park's file (``planning.rolling``) does not say.

    Attributes:
        every_h: time between plans of the rolling methods [h].
        methods: which ways to run the park are compared.
        single_solve_days: up to this length perfect foresight is one solve over the whole span, a true bound.
        foresight_h: beyond it, how far perfect foresight sees at every midnight [h].
    """

    every_h: float = 0.25
    methods: tuple[str, ...] = METHODS
    single_solve_days: float = 14.1
    foresight_h: float = 7 * 24.0


@dataclass(frozen=True)
class Issued:
    """One forecast, as plain arrays.

    Attributes:
        issue_s: when it was issued, seconds UTC.
        start_s: its first edge, seconds UTC.
        central: by name of asset or fetched series, (T,).
        paths: likewise, (S, T); empty without scenarios.
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
        issued: forecasts in the order of their issue; empty until they are made, unless they are given.
        lacking: by asset name, why nothing of it is in ``actual``, in words.
    """

    site: Site
    span: Horizon
    actual: Mapping[str, Array]
    archive: Archive
    settings: Settings = field(default_factory=Settings)
    weather_site: str | tuple[str, ...] | None = None
    issued: tuple[Issued, ...] = ()
    lacking: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def step_s(self) -> int:
        """Length of every step [s]."""
        return round(float(self.span.hours[0]) * 3600)

    @cached_property
    def needs(self) -> dict[str, Need]:
        """What must be forecast, by asset name."""
        return {asset.name: need for asset in self.site.assets for need in asset.needs}

    @cached_property
    def feeds(self) -> tuple[str, ...]:
        """Names of the series that the park reads from its archive; the site holds what came of them over the span."""
        return tuple(fed.feeds(self.site))

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
                f"{what} {hours:g} h: no whole number of steps of {self.step_s / 60:g} min; give a multiple of them"
            )
        return round(steps)


def checked(case: Case) -> Case:
    """The case, if it can be replayed.

    Raises:
        DataError: a setting does not fit the span; the message says which and what would.
    """
    planning, rolling, every_h = case.site.planning, case.site.planning.rolling, case.settings.every_h
    if planning.first_steps:
        raise DataError("planning.first_steps: a replay needs steps of one length; use planning.step_minutes alone")
    known = (*METHODS, *ASKED_FOR)
    if unknown := sorted(set(case.settings.methods) - set(known)):
        raise DataError(f"methods {', '.join(unknown)}: not known; accepted: {', '.join(known)}")
    quota = case.site.carbon.quota
    if quota is not None and quota.per == "horizon":
        raise DataError("carbon.quota.per horizon: a replay has many horizons; accepted: month, year")
    case.steps_in(rolling.window_h, "planning.rolling.window_h")
    case.steps_in(planning.issue_before_h or 24.0, "planning.issue_before_h")
    for what, hours in (
        ("every", every_h),
        ("planning.rolling.scenarios_every_h", rolling.scenarios_every_h),
        ("planning.rolling.forecast_every_h", rolling.forecast_every_h),
    ):
        case.steps_in(hours, what)
        if hours > 24 or abs(24 / hours - round(24 / hours)) > 1e-9:
            raise DataError(f"{what} {hours:g} h: must divide a day, such as 0.25, 1, 6 or 24 h")
    if rolling.window_h < max(25.0, every_h, rolling.scenarios_every_h):
        raise DataError(
            f"planning.rolling.window_h {rolling.window_h:g}: a plan must hold a day of 25 hours; give 25 or more"
        )
    metering_h = [t.metering_minutes / 60 for a in case.site.assets if (t := getattr(a, "tariff", None)) is not None]
    if coarse := [m for m in metering_h if m * 3600 > case.step_s and every_h % m > 1e-9]:
        raise DataError(
            f"every {every_h:g} h: demand is metered over {coarse[0] * 60:g} min, and no plan may begin inside one; "
            "give a multiple of it"
        )
    if missing := sorted(set(case.needs) - set(case.actual)):
        told = ", ".join(f"{name} ({why})" if (why := case.lacking.get(name)) else name for name in missing)
        raise DataError(
            f"no measurement over the whole span of {told}: a replay settles on what really came; choose a span that "
            "the data hold"
        )
    return case


def midnight(day: date, zone: str) -> int:
    """Start of a local day, seconds UTC."""
    from zoneinfo import ZoneInfo

    return round(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).timestamp())
