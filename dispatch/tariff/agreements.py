r"""What contracts at a connection add to a problem and to a bill: green power, demand response, what was sold.

Green power g of contract c out of the import i, with the blocks of take or pay (``model.add_tiers``):

.. math:: g^{min}_c i_t ≤ g_{ct} ≤ \min(g^{max}_c i_t, G_{ct}), \quad Σ_c g_{ct} ≤ i_t

Demand response: the target is the baseline less what is sold, f the payment lost with the penalty, u a step's share of
the window:

.. math:: s_t ≥ u_t (i_t - target), \; s_t ≥ 0, \quad cost = Σ_t Δt_t (f_t s_t - u_t \, paid_t)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.asset import Given, Inputs, Rows
from dispatch.errors import DataError
from dispatch.part import Violation, breaches
from dispatch.signals import Array, Horizon
from dispatch.tariff import model
from dispatch.tariff.bill import Clock, bill_lines, total
from dispatch.tariff.calendar import Days
from dispatch.tariff.carried import Carried
from dispatch.tariff.components import Component
from dispatch.tariff.contracts import GreenPower, awarded_kw
from dispatch.tariff.terms import tiers

if TYPE_CHECKING:
    import cvxpy as cp

_BELOW, _ABOVE = "net import below what was sold", "net import above what was sold"


def require_names(owner: Any, fields: Sequence[str], names: Sequence[str], what: str) -> None:
    """Numbers by component name those that there are, and one number is not that of several peaks.

    Raises:
        ValueError: one does not; says what there is.
    """
    for field in fields:
        value = getattr(owner, field)
        known = (
            f"the tariff's {what} components are {', '.join(names)}" if names else f"the tariff has no {what} component"
        )
        if isinstance(value, Mapping):
            unknown = sorted(set(value) - set(names))
            if unknown:
                raise ValueError(f"{field} names '{unknown[0]}', but {known}")
        elif value and what == "demand" and len(names) > 1:
            raise ValueError(
                f"one peak cannot be that of {len(names)} demand components ({', '.join(names)}): write {field} as a "
                f"mapping, like {{{names[0]}: 400}}"
            )
        elif value and not names and what == "energy":
            raise ValueError(f"{field} bears on nothing: {known} (a tier, a rebate or a green-power contract)")


@dataclass(frozen=True)
class Green:
    """What green power does to a connection.

    Attributes:
        saved: money that the tariff does not ask.
        clean_kw: what more of the import counts as clean.
        certified_kw: import whose certificates are kept.
        anyway_kw: what of that would be carbon-free on the grid as well.
    """

    saved: Any
    clean_kw: Any
    certified_kw: Any
    anyway_kw: Any


def green_signals(rows: Rows[Any], inputs: Inputs, carried: Sequence[Carried]) -> dict[str, Array]:
    """Coefficients of the contracts, number by number; a member with fewer of them has ones that deliver nothing."""
    out: dict[str, Array] = {}
    horizon, members = inputs.horizon, rows.members
    price = rows.series(inputs, "import_price_per_kwh")
    dirty, free = 1 - rows.field("clean_fraction"), rows.series(inputs, "carbon_free_fraction")
    for number in range(max(len(member.green_power) for member in members)):
        one = [m.green_power[number] if number < len(m.green_power) else None for m in members]

        def of(values: Sequence[Array | float]) -> Array:
            made = np.array([np.broadcast_to(v, horizon.steps) for v in values], float)
            return np.tile(made, (rows.scenarios, 1))

        most = [
            np.minimum(c.most_kw(horizon, m.name), m.import_kw) if c else 0.0 for c, m in zip(one, members, strict=True)
        ]
        kept = of([c.certificates_kept if c else 0.0 for c in one])
        out |= {
            f"green_{number}_most_kw": of(most),
            f"green_{number}_share_min": of([c.least_share if c else 0.0 for c in one]),
            f"green_{number}_share_max": of([c.share_max if c else 0.0 for c in one]),
            f"green_{number}_saved_per_kw": horizon.hours
            * price
            * of([float(c.replaces_energy_price) if c else 0.0 for c in one]),
            f"green_{number}_clean": dirty * kept,
            f"green_{number}_kept": kept,
            f"green_{number}_anyway": free * kept,
        }
        counters = [tiers([c.component] if c else [], Days(), horizon, model.months(horizon), "import") for c in one]
        limits = np.array([m.import_kw for m in members])
        out |= model.tier_signals(f"green_{number}_", counters, carried, limits, horizon, rows.scenarios)
    return out


def add_green(out: model.Billed, given: Given, imported: cp.Variable) -> Green:
    """Deliveries of all contracts out of the import."""
    import cvxpy as cp

    saved: Any = cp.Constant(np.zeros(imported.shape))
    clean, kept, anyway, delivered, number = saved, saved, saved, saved, 0
    while f"green_{number}_most_kw" in given:  # a handful of contracts
        green = cp.Variable(imported.shape, nonneg=True)
        out.constraints += [
            green <= given[f"green_{number}_most_kw"],
            green <= cp.multiply(given[f"green_{number}_share_max"], imported),
            green >= cp.multiply(given[f"green_{number}_share_min"], imported),
        ]
        out.series[f"green_{number}_kw"] = green
        model.add_tiers(out, f"green_{number}_", given, green, convex=True)
        saved = saved + cp.multiply(given[f"green_{number}_saved_per_kw"], green)
        clean = clean + cp.multiply(given[f"green_{number}_clean"], green)
        kept = kept + cp.multiply(given[f"green_{number}_kept"], green)
        anyway = anyway + cp.multiply(given[f"green_{number}_anyway"], green)
        delivered, number = delivered + green, number + 1
    if number > 1:
        out.constraints.append(delivered <= imported)
    return Green(saved, clean, kept, anyway)


def green_values(coefficients: dict[str, Array], imported: Array) -> dict[str, Array]:
    """Without a plan each contract delivers what it can, in the order of the file; later ones keep their least."""
    out: dict[str, Array] = {}
    count = sum(name.endswith("_share_min") for name in coefficients)
    left = imported * (1 - sum((coefficients[f"green_{n}_share_min"] for n in range(count)), np.zeros_like(imported)))
    for number in range(count):
        least = coefficients[f"green_{number}_share_min"] * imported
        most = np.minimum(coefficients[f"green_{number}_most_kw"], coefficients[f"green_{number}_share_max"] * imported)
        more = np.clip(most - least, 0.0, left)
        left = left - more
        out[f"green_{number}_kw"] = least + more
    return out


def green_blocks(coefficients: dict[str, Array], values: Mapping[str, Array]) -> dict[str, Array]:
    """What is left of take or pay, and what is paid beyond it, from the deliveries."""
    out: dict[str, Array] = {}
    for number in range(sum(name.endswith("_share_min") for name in coefficients)):
        out |= model.tier_values(coefficients, f"green_{number}_", values[f"green_{number}_kw"])
    return out


def check_green(rows: Rows[Any], horizon: Horizon, series: Mapping[str, Array]) -> list[Violation]:
    """Every contract within what its seller delivers and within its share; together no more than the import."""
    found: list[Violation] = []
    imported, delivered = series["import_kw"], np.zeros_like(series["import_kw"])
    for row in range(rows.count):
        member = rows.members[row % len(rows.members)]
        for number, contract in enumerate(member.green_power):
            green, name = series[f"green_{number}_kw"][row : row + 1], (f"{member.name}.{contract.name}",)
            most = np.minimum(contract.most_kw(horizon, member.name), contract.share_max * imported[row])
            found += breaches(name, "delivers more green power than agreed", green, most, "kW")
            found += breaches(
                name, "delivers less green power than agreed", contract.least_share * imported[row] - green, 0.0, "kW"
            )
            delivered[row] += green[0]
    return [*found, *breaches(rows.names, "more green power than import", delivered, imported, "kW")]


def certified_kw(rows: Rows[Any], series: Mapping[str, Array]) -> Array:
    """(row, step) import that is green and whose certificates are kept."""
    out = np.zeros_like(series["import_kw"])
    for row in range(rows.count):
        for number, contract in enumerate(rows.members[row % len(rows.members)].green_power):
            out[row] += contract.certificates_kept * series[f"green_{number}_kw"][row]
    return out


def bill_green(
    contracts: Sequence[GreenPower],
    components: Sequence[Component],
    clock: Clock,
    green: Mapping[str, Array],
    carried: Carried,
) -> float:
    """What the contracts add to a month's bill: take or pay, less the energy of the tariff that they replace."""
    nothing, money = np.zeros(clock.horizon.steps), 0.0
    for contract in contracts:
        for flow, sign in ((green[contract.name], 1.0), (nothing, -1.0)):
            money += sign * total(bill_lines([contract.component], clock, 15.0, flow, nothing, carried))
        if contract.replaces_energy_price:
            energy = [c for c in components if c.direction == "import" and c.basis == "energy"]
            mean = [c for c in components if c.basis == "coincident" and not c.is_peak]
            taxes = [c for c in components if c.basis == "tax"]
            money -= total(bill_lines([*energy, *mean, *taxes], clock, 15.0, green[contract.name], nothing, carried))
    return money


def response_signals(rows: Rows[Any], horizon: Horizon) -> dict[str, Array]:
    """(row, step) windows, targets and money of demand response; none where no member sells any.

    Raises:
        DataError: a step touches two events.
    """
    if not any(member.demand_response for member in rows.members):
        return {}
    made = np.zeros((4, len(rows.members), horizon.steps))
    for index, member in enumerate(rows.members):
        for event in member.demand_response:
            share = event.share(horizon)
            at = share > 0
            if made[0, index, at].any():
                raise DataError(f"demand_response '{event.name}' of '{member.name}' shares a step with another event")
            made[0, index, at] = share[at]
            made[1, index, at] = share[at] * (event.baseline_kw - event.committed_kw)
            made[2, index, at] = (horizon.hours * share)[at] * event.committed_kw * event.price_per_kwh
            made[3, index, at] = horizon.hours[at] * (event.price_per_kwh + event.penalty_per_kwh)
    names = ("response_share", "response_target_kw", "response_paid", "response_forfeit_per_kw")
    return {name: np.tile(block, (rows.scenarios, 1)) for name, block in zip(names, made, strict=True)}


def add_response(out: model.Billed, given: Given, imported: cp.Variable) -> Any:
    """(row, step) money of demand response: what is forfeited less what is sold."""
    import cvxpy as cp

    if "response_share" not in given:
        return cp.Constant(np.zeros(imported.shape))
    short = cp.Variable(imported.shape, nonneg=True)
    out.constraints.append(short >= cp.multiply(given["response_share"], imported) - given["response_target_kw"])
    out.series["response_short_kw"] = short
    return cp.multiply(given["response_forfeit_per_kw"], short) - given["response_paid"]


def response_values(coefficients: dict[str, Array], imported: Array) -> dict[str, Array]:
    """What is short of the reductions that are sold."""
    if "response_share" not in coefficients:
        return {}
    over = coefficients["response_share"] * imported - coefficients["response_target_kw"]
    return {"response_short_kw": np.maximum(over, 0.0)}


def bill_response(member: Any, clock: Clock, imported: Array) -> float:
    """Payment for the reductions that are sold, event by event; negative money is earned."""
    money = 0.0
    edges = clock.horizon.edges.astype("datetime64[s]").astype(np.float64)
    for event in member.demand_response:
        ends, begins = np.minimum(edges[1:], event.end.timestamp()), np.maximum(edges[:-1], event.start.timestamp())
        hours = np.maximum(ends - begins, 0.0) / 3600
        short = np.maximum(imported - (event.baseline_kw - event.committed_kw), 0.0)
        money -= event.price_per_kwh * float((event.committed_kw - short) @ hours)
        money += event.penalty_per_kwh * float(short @ hours)
    return money


def _awarded_band(rows: Rows[Any], horizon: Horizon) -> tuple[Array, Array]:
    """(row, step) least and most net import: what was sold, on the published path; else what connections can do."""
    least = np.repeat([[-member.export_kw] for member in rows.members], horizon.steps, axis=1)
    most = np.repeat([[member.import_kw] for member in rows.members], horizon.steps, axis=1)
    free = [np.tile(band, (rows.scenarios - 1, 1)) for band in (least, most)]
    sold = np.stack([awarded_kw(member.awarded, horizon) for member in rows.members])
    kept = [np.where(np.isnan(sold), band, sold) for band in (least, most)]
    low, high = (np.concatenate([one, other]) for one, other in zip(kept, free, strict=True))
    return low, high


def awarded_signals(rows: Rows[Any], horizon: Horizon) -> dict[str, Array]:
    """(row, step) what net import is held to; nothing where no member sold any."""
    if not any(member.awarded for member in rows.members):
        return {}
    least, most = _awarded_band(rows, horizon)
    return {"awarded_least_kw": least, "awarded_most_kw": most}


def awarded_limits(given: Given, net_kw: Any) -> dict[str, Any]:
    """By name, what holds net import to what was sold."""
    if "awarded_least_kw" not in given:
        return {}
    return {_BELOW: net_kw >= given["awarded_least_kw"], _ABOVE: net_kw <= given["awarded_most_kw"]}


def check_awarded(rows: Rows[Any], horizon: Horizon, net_kw: Array) -> list[Violation]:
    """Where net import is not what was sold."""
    found: list[Violation] = []
    for row, member in enumerate(rows.members):  # the published path: it comes first
        sold = awarded_kw(member.awarded, horizon)
        at, name = np.isfinite(sold), (rows.names[row],)
        kept = np.where(at, sold, net_kw[row])[None]
        found += breaches(name, _BELOW, kept, net_kw[row : row + 1], "kW")
        found += breaches(name, _ABOVE, net_kw[row : row + 1], kept, "kW")
    return found
