"""What a reader of a plan should know: violations, warnings, and what was left out or typical."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np

from dispatch.assets.battery import Battery
from dispatch.assets.cable import loop_warning
from dispatch.assets.grid_connection import GridConnection
from dispatch.config.carbon_rules import grid_factors
from dispatch.config.divided import division_warning
from dispatch.fields.series import Factor, Feed
from dispatch.plan import Plan
from dispatch.planning.comparison import start_kwh
from dispatch.presentation.switched_off import out_of_service
from dispatch.report.data import Finding
from dispatch.stores.stock import Storage
from dispatch.tables import missed, published, told
from dispatch.tariff.contracts import available

_SMALL_KW = 0.05  # kWh where energy is meant
_MOST_FINDINGS = 50


def findings(plan: Plan) -> Iterator[Finding]:
    """What the operator should know, worst first."""
    yield from _network_findings(plan)
    if (loop := loop_warning(plan.site.assets, plan.site.grid is not None)) is not None:
        yield Finding("warning", loop)
    if (divided := division_warning(plan.site)) is not None:
        yield Finding("warning", divided)
    yield from _out_of_service(plan)
    yield from _violations(plan)
    proof = plan.schedule.proof
    if proof.reason:
        yield Finding("warning", f"the plan is on the rung '{proof.quality.replace('_', ' ')}': {proof.reason}")
    yield from _reason(plan)
    for text in proof.relaxed:
        yield Finding("warning", f"relaxed: {text}")
    for name, values in published(plan.schedule).items():
        if name.endswith(".shed_kw") and values.max() > _SMALL_KW:
            step, energy = int(values.argmax()), float(values @ plan.horizon.hours)
            most = f"most at {_when(plan, step)} ({values[step]:,.0f} kW)"
            text = f"{name.removesuffix('.shed_kw')}: {energy:,.1f} kWh of demand not served, {most}"
            yield Finding("warning", f"{text}{_switched_off(plan, values > _SMALL_KW)}")
    yield from (Finding("warning", text) for text in missed(plan.schedule))
    if plan.flow_limits is not None:
        yield from (Finding("info" if kept else "warning", text) for text, kept in plan.flow_limits.told())
    yield from _other_scenarios(plan)
    yield from _stores_outside(plan)
    yield from _ageing(plan)
    yield from _unstated(plan)
    yield from _factors(plan)
    yield from (Finding("info", text) for text in told(plan.schedule))
    yield from _unverified(plan)


def _out_of_service(plan: Plan) -> Iterator[Finding]:
    """What stands still, when and why: a span that nobody took out again would cost a plan its plant."""
    for span in out_of_service(plan.site, plan.horizon):
        when = f"{plan.horizon.clock(span.first)}–{plan.horizon.clock(span.last, end=True)}"
        yield Finding("warning", f"{span.text}, {when}")


def _violations(plan: Plan) -> Iterator[Finding]:
    for violation in plan.audit.violations[:_MOST_FINDINGS]:
        yield Finding("violation", f"audit: {violation}")
    if (more := len(plan.audit.violations) - _MOST_FINDINGS) > 0:
        yield Finding("violation", f"audit: {more} more violations")


def _switched_off(plan: Plan, short: np.ndarray) -> str:
    """Which connections are switched off as planned while something is short."""
    names = [
        asset.name
        for asset in plan.site.assets
        if isinstance(asset, GridConnection) and (short & (available(asset.planned_outages, plan.horizon) == 0)).any()
    ]
    return f"; {' and '.join(names)} switched off by a planned outage" if names else ""


def _reason(plan: Plan) -> Iterator[Finding]:
    """Why no plan keeps every limit, and what would mend it."""
    if plan.reason is None:
        return
    yield Finding("warning", "; ".join(plan.reason.why))
    if plan.reason.first_fix:
        yield Finding("warning", f"the first fix: {plan.reason.first_fix}")


def _other_scenarios(plan: Plan) -> Iterator[Finding]:
    """Demand that goes unserved and wishes that are missed on other paths than the published one."""
    schedule = plan.schedule
    others = schedule.scenarios - 1
    for solved in schedule.kinds.values():
        for row, member in enumerate(solved.rows.members) if "shed_kw" in solved.series else ():
            paths = solved.series["shed_kw"][row :: len(solved.rows.members)][1:]
            lost = paths @ plan.horizon.hours
            if lost.size and lost.max() > _SMALL_KW:
                count = int((lost > _SMALL_KW).sum())
                text = (
                    f"{member.name}: demand not served in {count} of {others} scenarios, at most {lost.max():,.1f} kWh"
                )
                yield Finding("warning", text)
    for text, (short, unit) in schedule.wish_short.items():
        missed = short[1:].sum(axis=1)
        if missed.size and (missed > 1.0).any():
            count = int((missed > 1.0).sum())
            yield Finding(
                "info", f"{text}: missed in {count} of {others} scenarios, at most by {missed.max():,.0f} {unit}"
            )


def _stores_outside(plan: Plan) -> Iterator[Finding]:
    """Stores that start outside their band, and when they are back in it."""
    for asset in plan.site.assets:
        if not isinstance(asset, Storage):
            continue
        start = start_kwh(plan.schedule, asset.name) / asset.energy_kwh
        if asset.min_fill - 1e-6 <= start <= asset.max_fill + 1e-6:
            continue
        fill = plan.schedule.asset(asset.name, "stored_kwh") / asset.energy_kwh
        inside = np.flatnonzero((fill >= asset.min_fill - 1e-3) & (fill <= asset.max_fill + 1e-3))
        # A step's content is that at its end, so a store is back when the next one begins.
        last = plan.horizon.steps - 1
        back = (
            f"back by {_when(plan, int(inside[0]) + 1)}"
            if inside.size and inside[0] < last
            else "not back before the end"
        )
        band = f"{asset.min_fill:.0%} to {asset.max_fill:.0%}"
        yield Finding("warning", f"{asset.name}: {start:.1%} full at the start, outside its band of {band}; {back}")


def _ageing(plan: Plan) -> Iterator[Finding]:
    """What the published path does to each battery, by rainflow and the calendar."""
    for asset in plan.site.assets:
        if isinstance(asset, Battery):
            start, stored = start_kwh(plan.schedule, asset.name), plan.schedule.asset(asset.name, "stored_kwh")
            used = asset.ageing(np.append(start, stored) / asset.energy_kwh, plan.horizon.hours)
            yield Finding(
                "info",
                f"{asset.name}: {used.full_cycles:.2f} equivalent full cycles, the deepest {used.deepest:.0%}; at "
                f"{asset.cell_temperature_degc:g} degC that is {used.life_share:.4%} of its life, "
                f"{used.life_years:.1f} years if all days were like it (typical cells, Xu et al. 2018)",
            )


def _unstated(plan: Plan) -> Iterator[Finding]:
    """Numbers that were left out and so count as zero, and what the comparison leaves out."""
    state = plan.schedule.inputs.state
    for asset in plan.site.assets:
        if not isinstance(asset, GridConnection):
            continue
        if "carbon_intensity_kg_per_kwh" not in asset.model_fields_set:
            yield Finding(
                "warning", f"{asset.name}: no carbon intensity of imports given, so they count as free of carbon"
            )
        said = asset.model_fields_set | {key.partition(":")[0] for key in state.get(asset.name, {})}
        if asset.tariff.counter_names and not {"month_to_date_kwh", "expected_day_kwh"} & said:
            text = "no energy of the month given: this plan counts the month's blocks and thresholds by its own use"
            yield Finding("warning", f"{asset.name}: {text}")
        if asset.tariff.peak_names and not {"month_to_date_peak_kw", "expected_peak_kw"} & said:
            text = "no peak of the month given: this plan pays the whole month's demand charge for its own peak"
            yield Finding("warning", f"{asset.name}: {text}")
    if plan.grid is not None and plan.grid.before:
        yield Finding(
            "info", "the rows beside the plan's in the comparison do not hold the network's limits; the plan does"
        )


def _factors(plan: Plan) -> Iterator[Finding]:
    """Factors of another time than the plan's, those that nobody has checked, and which would be of that time."""
    fields = ("carbon_intensity_kg_per_kwh", "marginal_intensity_kg_per_kwh")
    signals = [(asset.name, getattr(asset, field, None)) for asset in plan.site.assets for field in fields]
    for name, signal in (*signals, ("claims", plan.site.claims.residual_kg_per_kwh)):
        factor = signal.otherwise if isinstance(signal, Feed) else signal
        if not isinstance(factor, Factor):
            continue
        what = f"{name}: {factor.entry or 'the factor'} ({factor.kg_per_kwh:g} kg/kWh)"
        yield from _out_of_date(factor, what, plan.horizon.local_start[0].date())
        if not factor.verified:
            yield Finding("info", f"{what}: not verified ({factor.source})")


def _out_of_date(factor: Factor, what: str, day: date) -> Iterator[Finding]:
    if factor.describes(day):
        return
    begun = [f for f in grid_factors().values() if f"{f.pack}_{f.region}" == factor.region and f.valid_from <= day]
    best = max(begun, key=lambda f: f.valid_from, default=None)
    last = f"to {factor.valid_to}" if factor.valid_to else "on"
    text = f"{what} describes {factor.valid_from or 'what was'} {last}, this plan is of {day}"
    if best is None or best.entry == factor.entry:
        yield Finding("info", f"{text}; the library has none of this grid that is nearer")
    else:
        nearer = "of that time" if best.holds(day) else "newer"
        yield Finding("warning", f"{text}; {best.entry} is {nearer} ({best.kg_per_kwh:g} kg/kWh)")


def _network_findings(plan: Plan) -> Iterator[Finding]:
    if plan.grid is None:
        return
    for breach in plan.grid.breaches[:_MOST_FINDINGS]:
        where = f"{breach.element}: {breach.kind.replace('_', ' ')} at {_when(plan, breach.step)}"
        limit = f"limit {breach.limit:.4f}, over by {breach.margin:.4f}"
        solved = breach.kind not in ("no_solution", "unit_off")
        yield Finding("violation", f"{where}, {breach.value:.4f} {breach.unit} ({limit})" if solved else where)
    if (more := len(plan.grid.breaches) - _MOST_FINDINGS) > 0:
        yield Finding("violation", f"network: {more} more violations")
    yield from (Finding(severity, f"network: {text}") for severity, text in plan.grid.remarks())


def _when(plan: Plan, step: int) -> str:
    """A step's start on the local clock, with as much as a reader needs to find it."""
    starts = plan.horizon.local_start
    day = f"{starts[step]:%d %B} " if starts[0].date() != starts[-1].date() else ""
    changes = len({start.utcoffset() for start in starts}) > 1  # an hour that comes twice
    return f"{day}{starts[step]:%H:%M}{starts[step]: %Z}" if changes else f"{day}{starts[step]:%H:%M}"


def _unverified(plan: Plan) -> Iterator[Finding]:
    for asset in plan.site.assets:
        if not asset.verified:
            source = asset.source or "no source given"
            yield Finding("info", f"{asset.name}: typical numbers, not verified for this plant ({source})")
        for component in asset.tariff.components if isinstance(asset, GridConnection) else ():
            if not component.verified:
                yield Finding("info", f"{asset.name}, tariff {component.name}: not verified ({component.source})")
