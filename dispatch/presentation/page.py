"""A plan in the shape the report page shows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dispatch.accounts import survival
from dispatch.assets.cable import Cable
from dispatch.assets.direct_line import RULES, DirectLine
from dispatch.assets.grid_connection import GridConnection
from dispatch.carbon.ledger import Ledgers
from dispatch.errors import SolveError
from dispatch.explain import Priced
from dispatch.explain.moments import spans
from dispatch.plan import Plan
from dispatch.planning.comparison import Outcome, start_kwh
from dispatch.presentation.answers import answers
from dispatch.presentation.bills import bills
from dispatch.presentation.carbon_accounts import accounts
from dispatch.presentation.carbon_answers import carbon_answers
from dispatch.presentation.findings import findings
from dispatch.presentation.network_pictures import network_drawings, network_plots, voltage_band
from dispatch.presentation.switched_off import switched_off
from dispatch.report.data import Balance, Fan, Limit, Line, Method, ReportData, Status, Store
from dispatch.schedule import Schedule
from dispatch.signals import Array
from dispatch.stores.stock import Storage
from dispatch.tables import rounded, setpoints

_SMALL_KW = 0.05  # kWh where energy is meant
_LIMITS = 10
_SMALL_PRICE = 0.005


def report_data(plan: Plan, ledgers: Ledgers | None = None) -> ReportData:
    """Everything the page needs, as plain numbers.

    Args:
        ledgers: of the plan's carbon, where they are already made.
    """
    site, horizon, prices = plan.site, plan.horizon, plan.schedule.inputs.series
    start, last = horizon.local_start[0], horizon.local_start[-1].date()
    day = f"{start:%A %d %B %Y}" if last == start.date() else f"{start:%d %B} to {last:%d %B %Y}"
    return ReportData(
        title="parkwatt: plan of the day",
        site=site.title or site.name,
        day=day,
        time_zone=site.time_zone,
        currency=site.currency,
        commitment="exact",
        step_start=tuple(t.isoformat() for t in horizon.local_start),
        step_h=rounded(horizon.hours),
        balances=tuple(_balances(plan)),
        stores=tuple(_stores(plan)),
        import_price=_first(prices, "import_price_per_kwh", horizon.steps),
        export_price=_first(prices, "export_price_per_kwh", horizon.steps),
        carbon_intensity_kg_per_kwh=_first(prices, "carbon_intensity_kg_per_kwh", horizon.steps),
        fans=tuple(_fans(plan)),
        voltage=voltage_band(plan),
        network=network_drawings(plan),
        network_plots=network_plots(plan),
        comparison=tuple(_method(o) for o in plan.outcomes),
        money=tuple(money_lines(plan.schedule)),
        carbon=tuple(_carbon(plan)),
        wishes=tuple(_wishes(plan)),
        findings=tuple(findings(plan)),
        setpoints=tuple(_setpoints(plan)),
        certificate=plan.certificate,
        notes=tuple(_notes(plan)),
        status=_status(plan),
        limits=tuple(_limits(plan)),
        answers=tuple(answers(plan)),
        ledgers=tuple(carbon_answers(accounts(plan) if ledgers is None else ledgers)),
        bills=tuple(bills(plan.schedule)),
        spans=tuple(switched_off(site, horizon)),
    )


def _limits(plan: Plan) -> Iterator[Limit]:
    """The limits that bind, those worth most."""
    try:
        found = Priced(plan.problem, plan.schedule).limits(most=_LIMITS) if plan.problem is not None else []
    except SolveError:  # limits of the network were cut anew after the schedule was kept
        return
    for b in found:
        yield Limit(b.named.asset, b.named.what, spans(plan.horizon, b.worth), round(b.total, 4), b.unit)


def _first(series: Any, name: str, steps: int) -> tuple[float, ...]:
    found = [values[0] for (_, quantity), values in series.items() if quantity == name]
    return rounded(found[0]) if found else (float("nan"),) * steps


def _balances(plan: Plan) -> Iterator[Balance]:
    """By bus, what every asset brings and takes; buses joined by cables are shown as one."""
    site, schedule = plan.site, plan.schedule
    joined = _joined_buses(plan)
    for bus in site.buses:
        if joined[bus.name] != bus.name:
            continue
        members = [name for name, head in joined.items() if head == bus.name]
        supply, use = [], []
        for solved in schedule.kinds.values():
            for row, asset in enumerate(solved.rows.members):
                power = _power_at(solved, row, members)
                supply.append(Line(asset.name, rounded(np.maximum(power, 0)), asset.kind))
                use.append(Line(asset.name, rounded(np.maximum(-power, 0)), asset.kind))
        given, taken = (tuple(line for line in side if max(line.values) > _SMALL_KW) for side in (supply, use))
        yield Balance(bus.carrier, " + ".join(members), given, taken, "kg/h" if bus.carrier == "co2" else "kW")


def _joined_buses(plan: Plan) -> dict[str, str]:
    """Bus → the bus it is shown under: the near end of the cable it hangs on."""
    head = {bus.name: bus.name for bus in plan.site.buses}
    for asset in plan.site.assets:
        if isinstance(asset, Cable):
            near, far = head[asset.bus], head[asset.far_bus]
            head = {bus: near if shown == far else shown for bus, shown in head.items()}
    return head


def _power_at(solved: Any, row: int, buses: list[str]) -> Array:
    """(step,) net power of one asset into a set of buses, scenario 0."""
    names = solved.rows.buses
    ports = [
        power[row] for port, power in solved.power_kw.items() if names[solved.bus[port][row] % len(names)] in buses
    ]
    steps = solved.cost_step.shape[1]  # a kind need not have a port
    return np.asarray(np.sum(ports, axis=0)) if ports else np.zeros(steps)


def _stores(plan: Plan) -> Iterator[Store]:
    for asset in plan.site.assets:
        if isinstance(asset, Storage):
            stored = np.append(start_kwh(plan.schedule, asset.name), plan.schedule.asset(asset.name, "stored_kwh"))
            limits = asset.energy_kwh * asset.min_fill, asset.energy_kwh * asset.max_fill
            yield Store(asset.name, rounded(stored), *limits, asset.kind)


def _fans(plan: Plan) -> Iterator[Fan]:
    forecast = plan.outlook.forecast
    if forecast is None:
        return
    kinds = {asset.name: asset.kind for asset in plan.site.assets}
    for name in forecast.names:
        actual = rounded(plan.actual[name]) if name in plan.actual else None
        quantiles = tuple(rounded(row) for row in forecast.quantiles[name].T)
        levels = tuple(float(level) for level in forecast.levels)
        unit, kind = forecast.units.get(name, "kW"), kinds.get(name, "grid_connection")
        yield Fan(name, unit, levels, quantiles, rounded(forecast.central[name]), actual, kind)


def _method(outcome: Outcome) -> Method:
    shed = outcome.shed_kwh
    return Method(
        outcome.name,
        # Demand that is not served costs nothing on the bill, so a reader must know.
        outcome.basis if shed < _SMALL_KW else f"{outcome.basis}; {shed:,.1f} kWh of demand not served",
        round(outcome.cost, 2),
        round(outcome.co2_kg, 1),
        round(outcome.clean_share, 4),
        round(outcome.peak_import_kw, 1),
        round(outcome.curtailed_kwh, 1),
        0.0 if shed < _SMALL_KW else round(shed, 1),
    )


def money_lines(schedule: Schedule) -> Iterator[tuple[str, float]]:
    """The published path's money by asset, energy and demand apart, and in all; what is owed without it is left out."""
    for solved in schedule.kinds.values():
        for row, asset in enumerate(solved.rows.members):
            running, periods = float(solved.cost_step[row].sum()), float(solved.cost_period[row].sum())
            demand = isinstance(asset, GridConnection)
            running += 0.0 if demand else periods
            if demand or abs(running) > 0.005:
                yield f"{asset.name}: energy" if demand else asset.name, round(running, 2)
            if demand:
                # Blocks, rebates and take or pay are counted by month, as demand is.
                blocks = asset.tariff.counter_names or asset.green_power
                what = "demand, blocks and contracts" if blocks else "demand charge"
                yield f"{asset.name}: {what} added by this day", round(periods, 2)
    yield from ((name, round(money, 2)) for name, money in schedule.carbon.lines())
    yield "total", round(float(schedule.money[0]), 2)


def _carbon(plan: Plan) -> Iterator[tuple[str, float]]:
    for solved in plan.schedule.kinds.values():
        for row, asset in enumerate(solved.rows.members):
            mass = float(solved.co2_step_kg[row].sum())
            if abs(mass) > 0.05:
                yield asset.name, round(mass, 1)
    yield "total", round(float(plan.schedule.co2_kg[0]), 1)


def _wishes(plan: Plan) -> Iterator[tuple[str, str, bool]]:
    prices = plan.schedule.shadow_price_per_t
    for text, (short, unit) in plan.schedule.wish_short.items():
        missing = float(short[0].sum())
        kept = missing < 1.0
        outcome = "kept" if kept else f"{'short' if unit == 'kWh' else 'over'} by {missing:,.0f} {unit}"
        if text in prices and prices[text].max() > _SMALL_PRICE:
            most = "up to " if prices[text].size > 1 else ""
            outcome += (
                f"; over all scenarios a tonne more is worth {most}{prices[text].max():,.2f} {plan.site.currency}"
            )
        yield text, outcome, kept
    for asset in plan.site.assets:
        if isinstance(asset, DirectLine):
            missed = plan.schedule.asset(asset.name, "short_kwh")
            for rule, kwh in zip(RULES, missed, strict=True):
                kept = bool(kwh < _SMALL_KW)
                yield f"{asset.name}: share of {rule}", "kept" if kept else f"short by {kwh:,.1f} kWh", kept
        if isinstance(asset, Storage):
            missing = float(plan.schedule.asset(asset.name, "short_kwh").sum())
            kept = missing < 0.01 * asset.energy_kwh
            start = start_kwh(plan.schedule, asset.name) / asset.energy_kwh
            wanted = start if asset.end_fill_min is None else asset.end_fill_min
            yield (
                f"{asset.name}: at least {np.clip(wanted, asset.min_fill, asset.max_fill):.0%} full at the end",
                "kept" if kept else f"short by {missing:,.1f} kWh",
                kept,
            )
    yield from survival.wishes(plan.schedule)


def _setpoints(plan: Plan) -> Iterator[Line]:
    for name, values in setpoints(plan.schedule).items():
        series = name.split(".")[-1]
        yield Line(name, rounded(values), unit={"on": "on/off", "reactive_kvar": "kvar"}.get(series, "kW"))


def _notes(plan: Plan) -> Iterator[str]:
    yield from (*plan.site.notes, *plan.notes)
    if plan.outlook.forecast is not None:
        yield from plan.outlook.forecast.notes
    over = (
        f"over {plan.schedule.scenarios} scenarios that share the commitment of units and the powers of electric "
        "stores; shown is the central path"
        if plan.schedule.scenarios > 1
        else "on one path"
    )
    yield (
        f"Planned {over}, the mean of the forecast. "
        "Cost in the comparison is money paid less the value of what the stores hold more than at the start."
    )
    yield "Carbon and clean share are those of the day and do not count what the stores hold at its end."
    if plan.site.carbon.certificates is not None:
        yield (
            "Clean share in the comparison and the origin of each step's use, with its score of carbon-free energy, "
            "are those of the power itself: certificates that are sold, bought or registered as offsets do not move "
            "them. What may be claimed stands in the accounts by contracts and with the wishes."
        )
    if any(isinstance(asset, GridConnection) for asset in plan.site.assets):
        yield "The demand charge counts only what this day adds to the peak that the month is billed for anyway."


def _status(plan: Plan) -> Status:
    rungs = set(plan.outlook.forecast.quality.values()) if plan.outlook.forecast else set()
    proof = plan.schedule.proof
    return Status(
        quality=proof.quality,
        gap=proof.gap if np.isfinite(proof.gap) else None,
        audit_violations=len(plan.audit.violations),
        ac_violations=None if plan.grid is None else len(plan.grid.breaches),
        data_age_h=plan.outlook.data_age_h,
        forecast_quality=", ".join(sorted(rungs)),
    )
