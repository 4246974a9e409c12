"""The few lines for a notebook: a park, a day of it, and what can be asked of that day.

::

    from dispatch.notebook import Park

    park = Park.load("yizhuang")
    day = park.plan("2016-10-14")
    day.money, day.table(), day.explain(at="18:00"), day.what_if("li_battery", at="18:00", charge_kw=200)
    park.forecast("2016-10-14", days=4).table().to_pandas(), park.backtest("2016-09-01", "2016-09-30").lead_days()
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.asset import Inputs
from dispatch.config.given_series import require_assets, with_given_series
from dispatch.config.park import CONFIGS, built_site, find_config, load_site
from dispatch.errors import DataError, SolveError
from dispatch.explain import Deviation, Explanation, Priced, deviations, explain_unmet, told_why, what_if
from dispatch.explain.figures import figure
from dispatch.explain.hour import deeds, price_at
from dispatch.explain.moments import clock, spans, steps_at
from dispatch.explain.whatif import deed, told
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.signals import Horizon
from dispatch.site import Site
from dispatch.solve import solve
from dispatch.solver.highs import Limits

if TYPE_CHECKING:
    import pandas as pd

    from dispatch.plan import Plan
    from dispatch.studies.backtesting import Tested
    from forecasting.targets import Forecast


@dataclass(frozen=True)
class Park:
    """A site to plan.

    Args:
        site: as :func:`dispatch.config.park.load_site` reads it, or built in Python.
        folder: where its data files lie.
    """

    site: Site
    folder: Path = Path()

    @classmethod
    def load(cls, config: str | Path) -> Park:
        """A park's file, a folder with a park.yaml, or the name of one that ships.

        Raises:
            ConfigError: it is none, or describes no valid park.
        """
        return cls(load_site(config), find_config(config, "parks").parent)

    @classmethod
    def build(cls, **fields: Any) -> Park:
        """A park out of the same keys as in a file: ``Park.build(name="mine", time_zone="UTC", buses=[…], …)``.

        Raises:
            ConfigError: it is no valid park; the same checks as of a file, with each asset's name and field.
        """
        return cls(built_site(fields, CONFIGS), CONFIGS)

    def plan(
        self,
        day: str | None = None,
        *,
        scenarios: int | None = None,
        network: bool = False,
        progress: Callable[[str], None] = lambda _: None,
    ) -> Day:
        """Forecast and plan one day, as ``parkwatt plan`` does.

        Args:
            day: YYYY-MM-DD; default: the park's embedded day.
            scenarios: beside the central forecast; default: the park's own number.
            network: prove the plan on the park's network model.
            progress: told what is being done.

        Raises:
            DataError: there is no such day, or something cannot be forecast.
        """
        import pandas as pd

        from dispatch.plan import Background, plan
        from dispatch.sources import gather

        site = self.site
        if scenarios is not None:
            site = site.model_copy(update={"planning": site.planning.model_copy(update={"scenarios": scenarios})})
        horizon = _horizon(site, day)
        now = datetime.now(UTC)
        issue = min(horizon.start - timedelta(hours=site.planning.issue_before_h), now)
        asked = pd.Timestamp(now)
        sources = gather(site, horizon, self.folder, now=asked, with_network=network, progress=progress)
        made = plan(
            site,
            horizon,
            sources.archive,
            issue,
            network=sources.network,
            actual=sources.actual,
            weather_site=sources.weather,
            background=Background(hashes=sources.hashes, notes=sources.notes),
            progress=progress,
        )
        assert made.problem is not None
        return Day(made.problem, made.schedule, made)

    def forecast(self, day: str | None = None, *, days: int = 1, scenarios: int | None = None) -> Forecast:
        """Forecast what the park will need and give, as ``parkwatt forecast`` does.

        Args:
            day: first day, YYYY-MM-DD; default: the park's embedded day.
            days: how many.
            scenarios: joint ones; default: the park's own number.

        Raises:
            DataError: there is no such day, or something cannot be forecast.
        """
        from dispatch.planning.outlook import look_ahead
        from dispatch.sources import gather

        changes = {"days": days} | ({} if scenarios is None else {"scenarios": scenarios})
        site = self.site.model_copy(update={"planning": self.site.planning.model_copy(update=changes)})
        horizon = _horizon(site, day)
        issue = min(horizon.start - timedelta(hours=site.planning.issue_before_h), datetime.now(UTC))
        sources = gather(site, horizon, self.folder, with_network=False)
        made = look_ahead(site, horizon, sources.archive, issue, weather_site=sources.weather).forecast
        if made is None:
            raise DataError(f"{site.name} needs no forecast: it has no wind, PV or load with a history")
        return made

    def backtest(self, first: str, last: str, **asked: Any) -> Tested:
        """Forecast past days again and score them, as ``parkwatt backtest`` does, here and one after the other.

        Args:
            first: first local day, YYYY-MM-DD.
            last: last local day.
            asked: other keys of a backtest's file, such as ``days=4`` or ``models=["parkwatt", "climatology"]``.

        Raises:
            ConfigError: a key is wrong.
            DataError: something cannot be read.
        """
        from dispatch.studies.backtesting import prepare_park, run_asked, spec_of

        spec = spec_of(self.site.name, {"park": self.site.name, "from": first, "to": last, **asked})
        return run_asked(prepare_park(spec, self.site, self.folder))

    def solve(self, series: Mapping[tuple[str, str], Any], horizon: Horizon, *, limits: Limits | None = None) -> Day:
        """Plan on given arrays: ``park.solve({("load", "demand_kw"): array}, horizon)``.

        Args:
            series: by (asset, quantity): a number, (step,), or (scenario, step); all scenarios alike in weight. What an
                asset needs must be there; what its own fields say may be there and stands in their place.
            horizon: the steps; see :class:`~dispatch.signals.Horizon`.
            limits: gap and nodes at which the search ends.

        Raises:
            DataError: a series is missing, does not fit the steps, or is of no asset or quantity that there is.
            SolveError: there is no plan; the message says why.
        """
        require_assets(self.site, series.keys())
        arrays = {key: np.atleast_2d(np.asarray(values, float)) for key, values in series.items()}
        scenarios = max((values.shape[0] for values in arrays.values()), default=1)
        for (asset, quantity), values in arrays.items():
            if values.shape[-1] not in {1, horizon.steps} or values.shape[0] not in {1, scenarios}:
                raise DataError(f"'{quantity}' of '{asset}' is {values.shape}, wanted ({scenarios}, {horizon.steps})")
        full = {key: np.broadcast_to(v, (v.shape[0], horizon.steps)) for key, v in arrays.items()}
        site, known = with_given_series(self.site, horizon, full)
        problem = Problem(site, Inputs(horizon, scenarios, known))
        try:
            return Day(problem, solve(problem, limits))
        except SolveError as error:
            raise SolveError(f"{error}. {told_why(problem)}") from error

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><td>{escape(a.name)}</td><td>{escape(a.kind)}</td></tr>" for a in self.site.assets)
        return f"<b>{escape(self.site.title or self.site.name)}</b><table>{rows}</table>"


@dataclass(frozen=True)
class Day:
    """A planned day.

    Attributes:
        problem: what was solved.
        schedule: the plan; scenario 0 is what is published.
        made: forecast, audit, proof and certificate, where the day was planned from forecasts.
    """

    problem: Problem
    schedule: Schedule
    made: Plan | None = None

    @property
    def money(self) -> float:
        """Expected money that the day adds, in the site's currency: to the bill, for fuel, starts and wear.

        What is owed without the day (a peak so far, a ratchet's floor, blocks that are filled) is not in it, as in the
        report. That has the published path alone: :meth:`bill`.
        """
        return float(self.schedule.weights @ self.schedule.money)

    def bill(self) -> pd.Series:
        """What the published path adds, line by line and in all, as in the report."""
        import pandas as pd

        from dispatch.presentation.page import money_lines

        return pd.Series(dict(money_lines(self.schedule)), name=self.problem.site.currency, dtype=float)

    @property
    def co2_kg(self) -> float:
        """Expected emissions [kg]."""
        return float(self.schedule.weights @ self.schedule.co2_kg)

    def table(self) -> pd.DataFrame:
        """Every asset's series by step, on the local clock; ``unit.on`` is 1 where plant that may be off is on."""
        return self.schedule.to_pandas()

    @cached_property
    def _priced(self) -> Priced:
        return Priced(self.problem, self.schedule)

    def prices(self) -> pd.DataFrame:
        """Local price of every bus by step: what one more kWh there would cost.

        Where the site asks for reserve, ``reserve up`` and ``reserve down`` beside them are what one more kW that must
        be held for an hour would cost.

        Raises:
            DataError: the plan was made by rules, which have no prices, or money does not count in the objective.
        """
        import pandas as pd

        if not self.problem.site.objective.money:
            raise DataError("objective.money is 0: nothing has a price in money; accepted: above 0")
        if self.schedule.price_per_kwh is None:
            raise DataError("a plan made by the park's rules has no local prices")
        index = pd.DatetimeIndex(self.problem.horizon.local_start, name="start")
        prices = dict(zip(self.problem.site.bus_names, self.schedule.price_per_kwh[0], strict=True))
        for direction, values in self.schedule.reserve_price_per_kwh.items():
            prices[direction.removesuffix("_kw").replace("_", " ")] = values[0]
        return pd.DataFrame(prices, index=index)

    def limits(self, at: str | None = None) -> pd.DataFrame:
        """Limits that bind, on the whole day or at an hour, and what one unit more of each would save.

        Raises:
            SolveError: the plan was made by rules, which have no prices, or money does not count in the objective.
        """
        import pandas as pd

        horizon = self.problem.horizon
        found = self._priced.limits(None if at is None else steps_at(horizon, at))
        rows = [(b.named.asset, b.named.what, spans(horizon, b.worth), b.total, b.unit) for b in found]
        return pd.DataFrame(rows, columns=["asset", "limit", "when", "saved_per_unit", "unit"])

    def what_if(self, asset: str, at: str, *, lasting_h: float = 1.0, **wanted: float) -> Deviation:
        """The cost of another decision: ``day.what_if("li", at="18:00", charge_kw=200)``."""
        return what_if(self.problem, self.schedule, asset, at, lasting_h=lasting_h, **wanted)

    def deviations(self, at: str, asset: str | None = None) -> pd.DataFrame:
        """The cost of ignoring the plan at an hour, for every store and unit; other units keep their decisions."""
        import pandas as pd

        found = deviations(self.problem, self.schedule, steps_at(self.problem.horizon, at), asset)
        rows = [(d.asset, deed(d.wanted), d.possible, d.cost, d.money, d.co2_kg) for d in found]
        return pd.DataFrame(rows, columns=["asset", "instead", "possible", "cost", "money", "co2_kg"])

    def unmet(self) -> list[Explanation]:
        """What the plan leaves undone, why, and what would mend it."""
        return explain_unmet(self.problem, self.schedule)

    def explain(self, at: str | None = None) -> Told:
        """Why the plan is as it is, at an hour or on the whole day, in sentences."""
        horizon, currency = self.problem.horizon, self.problem.site.currency
        lines = []
        if at is not None:
            steps = steps_at(horizon, at)
            prices = ", ".join(f"{bus} {figure(price)}" for bus, price in price_at(self._priced, steps).items())
            lines.append(f"{spans(horizon, steps)}: a kWh is worth, in {currency}: {prices}")
            for one in deeds(self._priced, steps):
                if one.power_kw or one.held_by or one.out:
                    does = "gives" if one.power_kw > 0 else "takes"
                    why = one.reason(currency)
                    lines.append(f"{one.asset} {does} {abs(one.power_kw):,.1f} kW at {one.bus}{why and ': '}{why}")
        else:
            lines += [b.text(horizon, currency) for b in self._priced.limits()]
        for explanation in self.unmet():
            lines += list(explanation.lines(horizon, currency))
        return Told(tuple(lines))

    def told(self, deviation: Deviation) -> str:
        """A deviation in one sentence."""
        return told(deviation, self.problem)

    def _repr_html_(self) -> str:
        proof, horizon = self.schedule.proof, self.problem.horizon
        name = escape(self.problem.site.title or self.problem.site.name)
        when = f"{horizon.local_start[0]:%Y-%m-%d}, {clock(horizon, 0)}–{clock(horizon, horizon.steps - 1, end=True)}"
        facts = f"{self.money:,.2f} {escape(self.problem.site.currency)}, {self.co2_kg:,.1f} kg CO2"
        return f"<b>{name}</b> {when}<br>{facts}<br>{escape(proof.quality)}, gap {max(proof.gap, 0):.2%}"


@dataclass(frozen=True)
class Told:
    """Sentences, one a line in a terminal, a list in a notebook."""

    lines: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(self.lines)

    def _repr_html_(self) -> str:
        return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in self.lines) + "</ul>"


def hours(start: str, count: int, *, time_zone: str = "UTC", step_h: float = 1.0) -> Horizon:
    """A horizon of equal steps from a local moment: ``hours("2024-03-01T00:00", 24)``.

    Raises:
        DataError: ``start`` is no date and time.
    """
    from zoneinfo import ZoneInfo

    try:
        first = datetime.fromisoformat(start)
    except ValueError:
        raise DataError(f"start '{start}' is no date and time; write it like 2024-03-01T00:00") from None
    first = first if first.tzinfo else first.replace(tzinfo=ZoneInfo(time_zone))
    seconds = round(first.timestamp()) + np.round(np.arange(count + 1) * step_h * 3600).astype(np.int64)
    return Horizon(seconds.astype("datetime64[s]"), time_zone)


def _horizon(site: Site, day: str | None) -> Horizon:
    """The day's steps.

    Raises:
        DataError: the day is no date, or none is given and the park has none of its own.
    """
    text = day or (site.embedded.day if site.embedded else None)
    if text is None:
        raise DataError("give a day, such as park.plan('2024-03-01')")
    try:
        asked = date.fromisoformat(text)
    except ValueError:
        raise DataError(f"day '{text}' is not a date; write it like 2016-10-14") from None
    planning = site.planning
    finer = [(block.hours, block.minutes) for block in planning.first_steps]
    return Horizon.local_day(asked, site.time_zone, planning.step_minutes, planning.days, finer)
