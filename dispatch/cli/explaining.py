"""``parkwatt explain`` and ``parkwatt export``: why a plan is as it is, and the problem behind it for other solvers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dispatch.cli.planning import Request, asked, planned, reported
from dispatch.config.park import find_config
from dispatch.errors import DataError, SolveError
from dispatch.signals import accepted_units, parse_quantity

if TYPE_CHECKING:
    import numpy as np

    from dispatch.explain.binding import Priced
    from dispatch.plan import Plan

_MOST_LIMITS = 12


@dataclass(frozen=True)
class Question:
    """What is asked of a plan: an hour, an asset, and what it should do instead."""

    at: str | None
    asset: str | None
    wanted: tuple[str, ...]

    def values(self) -> dict[str, float]:
        """``charge_kw=200`` as a number by its name.

        Raises:
            DataError: it is written otherwise, or asset or hour are missing beside it.
        """
        if self.wanted and (self.asset is None or self.at is None):
            raise DataError("--set needs --asset and --at beside it: whose decision, and at which hour")
        found = {}
        for text in self.wanted:
            name, _, value = text.partition("=")
            try:
                found[name] = parse_quantity(name, value.strip("'\" "))  # quotes as a file has them
            except ValueError as error:
                accepted = accepted_units(name)
                raise DataError(f"--set '{text}': {error}; write it like charge_kw=200: {accepted}") from None
        return found


def run(request: Request, question: Question) -> None:
    """Plan the day and answer.

    Raises:
        ParkwattError: config, data or options are wrong, or there is no plan; the message says which and why.
    """
    values, what = question.values(), asked(request)
    steps = _steps(question, what.horizon)
    if question.asset is not None and all(asset.name != question.asset for asset in what.site.assets):
        there = ", ".join(asset.name for asset in what.site.assets)
        raise DataError(f"--asset '{question.asset}': there is no such asset; there are {there}")
    with reported(Console(stderr=True), {}) as progress:
        plan = planned(request, what, progress)
        progress("asking the plan")
        parts = list(_answer(plan, question, steps, values))
    console = Console()
    for part in parts:
        console.print(part, highlight=False)


def _steps(question: Question, horizon: object) -> np.ndarray | None:
    from dispatch.explain.moments import steps_at
    from dispatch.signals import Horizon

    assert isinstance(horizon, Horizon)
    return None if question.at is None else steps_at(horizon, question.at)


def _answer(
    plan: Plan, question: Question, steps: np.ndarray | None, values: dict[str, float]
) -> Iterator[str | Table]:
    """Everything that is printed, in order."""
    from dispatch.explain import explain_unmet, told_why
    from dispatch.explain.binding import Priced
    from dispatch.explain.moments import spans

    assert plan.problem is not None
    when = "the whole day" if steps is None else spans(plan.horizon, steps)
    yield f"\n[bold]{escape(plan.site.title or plan.site.name)}[/bold], {plan.horizon.local_start[0]:%d %B %Y}, {when}"
    proof = plan.schedule.proof
    if plan.reason is not None:
        yield from (f"  [yellow]why no better plan[/]: {escape(line)}" for line in plan.reason.why)
        yield from (f"  [yellow]fix {number}[/]: {escape(fix)}" for number, fix in enumerate(plan.reason.fixes, 1))
    elif proof.quality not in {"optimal", "incumbent", "convex_recovery"} and (why := told_why(plan.problem)):
        yield f"  [yellow]why no better plan[/]: {escape(why)}"
    try:
        priced = Priced(plan.problem, plan.schedule)
    except SolveError as error:
        yield f"  the plan is on the rung '{proof.quality}' ({escape(proof.reason)}): {escape(str(error))}"
        return
    if steps is not None:
        yield from _hour(priced, question, steps)
    yield _limits(priced, question, steps)
    if values and question.asset is not None and steps is not None:
        yield from _decision(plan, question.asset, steps, values)
    elif steps is not None:
        yield from _others(plan, question, steps)
    yield from _survival(plan)
    for explanation in explain_unmet(plan.problem, plan.schedule):
        first, *rest = explanation.lines(plan.horizon, plan.site.currency)
        yield f"\n  [yellow]not met[/]: {escape(first)}"
        for line in rest:
            yield f"    {escape(line)}"


def _survival(plan: Plan) -> Iterator[str]:
    """For a park that is to survive outages, whether it would, and what that costs."""
    from dispatch.accounts.survival import price, wishes

    assert plan.problem is not None
    for text, state, _ in wishes(plan.schedule):
        yield f"\n  {escape(text)}: {escape(state)}"
    try:
        found = price(plan.problem, plan.schedule)
    except SolveError:
        return
    if found is not None:
        costs = f"{found.with_it:,.2f} {plan.site.currency} with it, {found.without:,.2f} without"
        yield f"  being able to costs {round(found.extra, 2) + 0.0:,.2f} {plan.site.currency} of the day ({costs})"


def _hour(priced: Priced, question: Question, steps: np.ndarray) -> Iterator[str | Table]:
    """Prices of the hour, and what every asset does in it."""
    from dispatch.explain.figures import figure
    from dispatch.explain.hour import deeds, price_at

    currency = priced.problem.site.currency
    prices = ", ".join(f"{bus} {figure(price)}" for bus, price in price_at(priced, steps).items())
    yield f"  a kWh is worth, in {currency}: {escape(prices)}"
    table = Table(box=None, header_style="bold", title="\nwhat each asset does, mean of the hour")
    for heading in ("asset", "bus", "gives\n\\[kW]", "takes\n\\[kW]", "why"):
        table.add_column(heading, justify="right" if "kW" in heading else "left")
    for deed in deeds(priced, steps, question.asset):
        if not (deed.power_kw or deed.held_by or deed.out or deed.kept_per_kwh is not None or question.asset):
            continue
        gives, takes = max(deed.power_kw, 0.0), max(-deed.power_kw, 0.0)
        figures = (f"{gives:,.1f}" if gives else "·", f"{takes:,.1f}" if takes else "·")
        table.add_row(escape(deed.asset), escape(deed.bus), *figures, escape(deed.reason(currency)))
    yield table


def _limits(priced: Priced, question: Question, steps: np.ndarray | None) -> Table:
    """Limits that bind, the one worth most first."""
    from dispatch.explain.figures import figure
    from dispatch.explain.moments import spans

    limits = priced.limits(steps)
    mine = [b for b in limits if question.asset in {None, b.named.asset}]
    currency = priced.problem.site.currency
    table = Table(box=None, header_style="bold", title="\nlimits that bind")
    for heading in ("limit", "when", f"one more saves\n\\[{currency}]"):
        table.add_column(heading, justify="right" if "saves" in heading else "left")
    for binding in mine[:_MOST_LIMITS]:
        when = spans(priced.problem.horizon, binding.worth)
        table.add_row(escape(str(binding.named)), when, f"{figure(binding.total)} per {binding.unit}")
    if not mine:
        table.add_row("none", "", "")
    return table


def _decision(plan: Plan, asset: str, steps: np.ndarray, values: dict[str, float]) -> Iterator[str]:
    """What one other decision costs, and what else would change."""
    from dispatch.explain.moments import clock
    from dispatch.explain.whatif import deviate, told

    assert plan.problem is not None
    found = deviate(plan.problem, plan.schedule, asset, steps, values)
    yield f"\n  {escape(told(found, plan.problem))}"
    for change in found.changes[:5]:
        most = clock(plan.horizon, change.step)
        moved = f"{change.more_kwh:+,.1f} kWh ({change.moved_kwh:,.1f} moved, most at {most})"
        yield f"    {escape(change.asset)}, {escape(change.series)}: {moved}"


def _others(plan: Plan, question: Question, steps: np.ndarray) -> Iterator[str | Table]:
    """The cost of ignoring the plan, and the best of what else could be done."""
    from dispatch.explain.whatif import deed, deviations

    assert plan.problem is not None
    found = deviations(plan.problem, plan.schedule, steps, question.asset)
    table = Table(box=None, header_style="bold", title="\nthe cost of ignoring the plan in this hour, at most")
    for heading in ("asset", "does instead", f"cost\n\\[{plan.site.currency}]", "CO2\n\\[kg]"):
        table.add_column(heading, justify="right" if "[" in heading else "left")
    for one in found:
        figures = ("cannot be", "")
        if one.possible:
            figures = (f"{round(one.cost, 2) + 0.0:+,.2f}", f"{round(one.co2_kg, 1) + 0.0:+,.1f}")
        table.add_row(escape(one.asset), escape(deed(one.wanted)), *figures)
    if found:
        yield table
        best = found[0]
        if best.possible:
            yield f"  next best: {escape(best.asset)} {escape(deed(best.wanted))}"


def write_problem(request: Request, form: str, out: Path) -> None:
    """Forecast the day and write its problem.

    Raises:
        ParkwattError: config, data or options are wrong; the message says which.
    """
    import pandas as pd

    from dispatch.explain.export import Format, export, solver_log
    from dispatch.planning.outlook import look_ahead
    from dispatch.problem import Problem
    from dispatch.sources import gather, user_errors

    if form not in get_args(Format):
        raise DataError(f"--format '{form}' is not known; accepted: {', '.join(get_args(Format))}")
    what = asked(request)
    with reported(Console(stderr=True), {}) as progress:
        folder = find_config(request.config, "parks").parent
        try:
            sources = gather(
                what.site, what.horizon, folder, now=pd.Timestamp(what.now), with_network=False, progress=progress
            )
            outlook = look_ahead(
                what.site,
                what.horizon,
                sources.archive,
                what.issue,
                weather_site=sources.weather,
                progress=progress,
            )
        except user_errors() as error:
            raise DataError(str(error)) from error
        problem = Problem(outlook.site or what.site, outlook.inputs)
        problem.update(weights=outlook.weights)
        export(problem, out, "lp" if form == "lp" else "mps")
        if request.solver_log is not None:
            solver_log(problem, request.solver_log)
    rows, columns = problem.compiled.matrices().rows.shape
    Console().print(f"{out}: {rows:,} rows, {columns:,} columns", markup=False, highlight=False, soft_wrap=True)
