"""``parkwatt front``: options and files around a park's cost–CO₂ front."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dispatch.cli import planning
from dispatch.cli.folders import folder_for
from dispatch.cli.studies import bar
from dispatch.errors import DataError

if TYPE_CHECKING:
    from dispatch.front.points import Choice, Front
    from dispatch.front.risk import Missing
    from dispatch.plan import Plan
    from dispatch.sources import Sources


@dataclass(frozen=True)
class Request:
    """The options of the command; ``plan`` are those that it shares with ``parkwatt plan``."""

    plan: planning.Request
    points: int = 15
    choose_t: float | None = None
    price_per_t: float | None = None
    month_t: tuple[float, float] | None = None


def run(request: Request) -> None:
    """Plan, trace the front, print, write.

    Raises:
        ParkwattError: config, data or options are wrong; the message says which.
    """
    from dispatch.studies.front_results import write_all

    began = time.perf_counter()
    choice = _choice(request)
    what = planning.asked(request.plan)
    day = what.horizon.local_start[0].date()
    folder = folder_for(request.plan.out or Path("plans") / f"{what.site.name}-{day.isoformat()}-front")
    console = Console(stderr=True)
    with planning.reported(console, {}) as progress:
        sources = planning.gathered(request.plan, what, progress)
        made = planning.planned(request.plan, what, progress, sources)
    found = traced(made, request, choice, console)
    risk = _risk(made, found, request, sources)
    write_all(found, made.site, made.horizon, folder, risk)
    show(found, risk, Console())
    seconds = f"{time.perf_counter() - began:.0f} s"
    Console().print(f"\nPage: [bold]{escape(str(folder / 'front.html'))}[/bold] and all files beside it ({seconds})")


def _choice(request: Request) -> Choice | None:
    """Options that can be seen to be wrong before anything is read.

    Raises:
        DataError: the message says which, and what would be accepted.
    """
    from dispatch.front import LEAST_POINTS
    from dispatch.front.points import Choice

    if request.points < LEAST_POINTS:
        raise DataError(f"--points {request.points}: a front has at least {LEAST_POINTS}")
    if request.choose_t is not None and request.price_per_t is not None:
        raise DataError(f"--choose {request.choose_t:g} and --price {request.price_per_t:g}: give one of them")
    month = [("--month", value) for value in request.month_t or ()]
    for option, value in (("--choose", request.choose_t), ("--price", request.price_per_t), *month):
        if value is not None and not (math.isfinite(value) and value >= 0):
            raise DataError(f"{option} {value:g}: must be a number of at least 0")
    if request.choose_t is None and request.price_per_t is None:
        return None
    return Choice(request.choose_t, request.price_per_t)


def traced(plan: Plan, request: Request, choice: Choice | None, console: Console) -> Front:
    """The front of a finished plan's problem, with a bar.

    Raises:
        DataError: it has none, or less is asked for than can be reached.
    """
    from dispatch.front import front

    assert plan.problem is not None
    with bar(console) as progress:
        return front(plan.problem, request.points, choice=choice, progress=progress)


def _risk(plan: Plan, found: Front, request: Request, sources: Sources) -> Missing | None:
    """How likely the month misses its cap with each point, where a cap is given.

    Raises:
        DataError: too few days are measured.
    """
    from functools import partial

    from dispatch.front.risk import missing
    from dispatch.planning.outlook import measured_steps
    from dispatch.planning.remainder import Remainder, days_left

    if request.month_t is None:
        return None
    emitted_t, cap_t = request.month_t
    past = Remainder(plan.site, partial(measured_steps, sources.archive, plan.site.name))
    days = past.emitted_t(round(plan.issue_time.timestamp()))
    left = round(days_left(plan.horizon))
    of_points = np.array([p.schedule.co2_kg for p in (*found.points, found.chosen)]) / 1000
    weights = found.chosen.schedule.weights
    return missing(cap_t, emitted_t, of_points, weights, [emitted for _, emitted in days], left)


def show(front: Front, risk: Missing | None, console: Console) -> None:
    """A line per point, the chosen one last."""
    from dispatch.studies.front_results import rows, tonne_decimals

    shown = Table(box=None, header_style="bold")
    heads = ["point", "t CO₂", f"cost {front.currency}", f"last tonne {front.currency}/t", "to the next", "gap"]
    for head in [*heads, "whole numbers", *(["month missed"] if risk is not None else [])]:
        shown.add_column(head, justify="left" if head in ("point", "whole numbers") else "right")
    for row in rows(front, risk):
        slope = row["slope_to_cleaner_per_t"]
        cells = [
            row["point"],
            f"{row['co2_t']:,.{tonne_decimals(front)}f}",
            f"{row['cost']:,.0f}",
            f"{row['price_per_t']:,.1f}",
        ]
        cells += ["" if slope is None else f"{slope:,.1f}", f"{row['gap']:.3%}", row["whole_numbers"]]
        shown.add_row(*cells, *([f"{row['missing_probability']:.1%}"] if risk is not None else []))
    console.print(shown)
    console.print(f"chosen by {escape(front.why)}", highlight=False)
    chosen = front.chosen
    if abs(chosen.penalty) >= 1:
        console.print(
            f"cost is money and the price of broken wishes: of the chosen plan's {chosen.cost:,.0f} {front.currency} "
            f"{chosen.money:,.0f} {front.currency} are money",
            highlight=False,
        )
    if risk is not None:
        low, high = float(risk.low[-1]), float(risk.high[-1])
        console.print(
            f"the month misses its cap of {risk.cap_t:,.10g} t with {risk.probability[-1]:.1%} under the chosen plan "
            f"(90 % confidence: {low:.0%} to {high:.0%}, from {risk.days} measured days)",
            highlight=False,
        )
