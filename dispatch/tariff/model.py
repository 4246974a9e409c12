r"""What a tariff's peaks and blocks add to a problem, for all connections at once.

For each billed peak p (a component in a month, day or year) with metered means m_p, the peak k⁰ reached or expected
anyway, the demand d⁰ that is billed anyway, and the ratchet's share φ of the peak of an earlier month q:

.. math::
    k_p ≥ m_p,\; k_p ≥ k^0_p, \quad a_p ≥ k_p - d^0_p,\; a_p ≥ φ_{pq} k_q - d^0_p,\; a_p ≥ 0, \quad cost = Σ_p π_p a_p

Rebate r on the month's demand where its energy E reaches N, with a binary z and ā the most that can be billed:

.. math::
    N z_p ≤ E_p ≤ N + (\bar E - N) z_p, \quad w_p ≤ d^0_p + a_p, \; w_p ≤ \bar a z_p, \quad
    cost = saved^0_p - r_p π_p w_p

Energy in blocks b, of which the horizon may still fill s_b (the incremental formulation, whose relaxation is the convex
hull of one counter; Padberg 2000, Oper. Res. Lett. 27). Prices that only grow need no binaries:

.. math:: E = Σ_b e_b, \quad s_b y_{b+1} ≤ e_b ≤ s_b y_b, \quad cost = Σ_b π_b e_b

All of it is the difference that the horizon makes to the bill of the whole month.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_array

from dispatch.asset import Given, Rows
from dispatch.signals import Array, Horizon
from dispatch.tariff.carried import Carried, month_slots
from dispatch.tariff.tariff import Periods
from dispatch.tariff.terms import Peaks, Tiers

if TYPE_CHECKING:
    import cvxpy as cp

# A horizon up to this long touches at most two months; both get a slot, so that a rolling plan never recompiles.
_LONGEST_TWO_MONTH_SPAN_H = 28 * 24
_SLACK_KWH = 1.0


def months(horizon: Horizon) -> int | None:
    """How many months have a slot at least."""
    return 2 if horizon.edge_h[-1] <= _LONGEST_TWO_MONTH_SPAN_H else None


def peak_width(rows: Rows[Any], horizon: Horizon) -> int:
    """How many slots each billed peak has, the same for all connections of a site."""
    return max(int(member.tariff.peak_width(horizon, months(horizon))) for member in rows.members)


@dataclass
class Billed:
    """What the functions here collect: constraints, money by period, series, and decisions that follow from those."""

    constraints: list[Any] = field(default_factory=list)
    cost_period: list[Any] = field(default_factory=list)
    series: dict[str, Any] = field(default_factory=dict)
    inner: dict[str, Any] = field(default_factory=dict)

    @property
    def money(self) -> cp.Expression | None:
        """(row, period) all money."""
        import cvxpy as cp

        return cp.hstack(self.cost_period) if self.cost_period else None


def stacked(blocks: Sequence[Array], scenarios: int) -> Array:
    """(row, …) arrays of the members, filled up with zeros to one shape and repeated over scenarios."""
    shape = np.max([block.shape for block in blocks], axis=0)
    padded = [
        b if b.shape == tuple(shape) else np.pad(b, [(0, int(w) - n) for w, n in zip(shape, b.shape, strict=True)])
        for b in blocks
    ]
    return np.concatenate([np.stack(padded)] * scenarios)


def peak_signals(
    terms: Sequence[Periods], carried: Sequence[Carried], most_kw: Array, scenarios: int
) -> dict[str, Array]:
    """Coefficients of the peaks, by row.

    Args:
        terms, carried: by member.
        most_kw: (member,) the most that a connection can draw.
        scenarios: S.
    """

    def of(value: Callable[[Peaks, Carried], Array]) -> Array:
        return stacked([value(t.peaks, c) for t, c in zip(terms, carried, strict=True)], scenarios)

    price, paid = of(lambda p, _: p.price), of(lambda p, c: p.paid_kw(c))
    masks = of(lambda p, _: p.mask)
    out = {"demand_price": price, "paid_peak_kw": paid, "reached_peak_kw": of(lambda p, c: p.reached_kw(c))}
    out |= {f"mask_{p}": masks[:, p, :] for p in range(masks.shape[1])}
    if any(t.peaks.ratchet.any() or t.peaks.past.shape[1] for t in terms):
        later, earlier = _pairs(price.shape[1], terms[0].peaks.ratchet.shape[1])
        out["ratchet"] = of(lambda p, _: p.ratchet)[:, later, earlier % terms[0].peaks.ratchet.shape[1]]
    if any(t.peaks.rebate_share.any() for t in terms):
        share, need = of(lambda p, _: p.rebate_share), of(lambda p, c: p.rebate_need_kwh(c))
        most = np.tile(np.asarray(most_kw), scenarios)[:, None]
        out |= {
            "rebate_price": price * share,
            "rebate_saved": price * share * paid * (need <= 0),
            "rebate_need_kwh": need,
            "rebate_most_kw": np.maximum(most, paid) * (share > 0),
        }
    return out


def rebate_signals(horizon: Horizon, need_kwh: Array, most_kw: Array, scenarios: int, width: int) -> dict[str, Array]:
    """(row, …) weights that count the month's energy, and how far it can pass the threshold."""
    weights = month_weights(horizon, width)
    by_month = np.array([weight.sum() for weight in weights])
    rows, peaks = need_kwh.shape
    most = np.tile(np.asarray(most_kw), scenarios)[:, None] * np.resize(by_month, peaks)[None, :] + _SLACK_KWH
    out = {f"month_{s}": np.tile(weight, (rows, 1)) for s, weight in enumerate(weights)}
    return out | {"rebate_beyond_kwh": np.maximum(most - need_kwh, 0.0)}


def month_weights(horizon: Horizon, width: int) -> list[Array]:
    """By month slot, (T,) hours of each step that lies in it."""
    slots = month_slots(horizon, width)
    return [horizon.hours * np.array([month == slot for month in horizon.month], float) for slot in slots]


def tier_signals(
    prefix: str, tiers: Sequence[Tiers], carried: Sequence[Carried], most_kw: Array, horizon: Horizon, scenarios: int
) -> dict[str, Array]:
    """Coefficients of the counters with blocks, by row; none where no member has any."""
    if not any(t.label for t in tiers):
        return {}
    weights = [t.weight * horizon.hours for t in tiers]
    most = [w.sum(axis=1) * m + _SLACK_KWH for w, m in zip(weights, most_kw, strict=True)]
    sizes = stacked([t.size_kwh(c, m) for t, c, m in zip(tiers, carried, most, strict=True)], scenarios)
    prices = stacked([t.price for t in tiers], scenarios)
    weight = stacked(weights, scenarios)
    flat = (sizes.shape[0], sizes.shape[1] * sizes.shape[2])
    out = {f"{prefix}size_kwh": sizes.reshape(flat), f"{prefix}block_price": prices.reshape(flat)}
    return out | {f"{prefix}weight_h_{q}": weight[:, q, :] for q in range(weight.shape[1])}


def _pairs(peaks: int, slots: int) -> tuple[np.ndarray, np.ndarray]:
    """(pair,) each peak and those of the same component in earlier months of the horizon."""
    pairs = [(p, p - back) for p in range(peaks) for back in range(1, p % slots + 1)]
    later, earlier = zip(*pairs, strict=True) if pairs else ((), ())
    return np.array(later, int), np.array(earlier, int)


def add_peaks(out: Billed, given: Given, imported: cp.Variable, metering: csr_array, width: int) -> None:
    """Peaks, what they add to the bill, the ratchet within the horizon and the rebate."""
    import cvxpy as cp

    shape = given["demand_price"].shape
    if not shape[1]:
        return
    peak, added = cp.Variable(shape, nonneg=True), cp.Variable(shape, nonneg=True)
    intervals = np.ones((1, metering.shape[1]))
    reached, beyond = peak >= given["reached_peak_kw"], added >= peak - given["paid_peak_kw"]
    # A loop over billing periods (a handful), not over rows or steps.
    means = [
        cp.multiply(given[f"mask_{p}"], imported) @ metering <= peak[:, p : p + 1] @ intervals for p in range(shape[1])
    ]
    reached.set_label("peak at what the month has reached")
    beyond.set_label("peak at what is billed anyway")
    for below in means:
        below.set_label("import at the billed peak")
    out.constraints += [reached, beyond, *means]
    # Price times (peak − paid): the product of price and paid peak is combined as one variable's bound.
    out.cost_period.append(cp.multiply(given["demand_price"], added))
    out.series |= {"peak_kw": peak, "added_peak_kw": added}
    later, earlier = _pairs(shape[1], width)
    if "ratchet" in given and later.size:
        held = cp.multiply(given["ratchet"], peak[:, earlier])
        out.constraints.append(added[:, later] >= held - given["paid_peak_kw"][:, later])
    if "rebate_price" in given:
        _add_rebate(out, given, imported, given["paid_peak_kw"] + added, width)


def _add_rebate(out: Billed, given: Given, imported: Any, billed: Any, width: int) -> None:
    """The demand price is lower in months of high use: one binary for each peak and month."""
    import cvxpy as cp

    shape = given["demand_price"].shape
    reached, remitted = cp.Variable(shape, boolean=True), cp.Variable(shape, nonneg=True)
    use = cp.hstack(
        [
            cp.sum(cp.multiply(given[f"month_{p % width}"], imported), axis=1, keepdims=True)
            for p in range(shape[1])  # billing periods
        ]
    )
    out.constraints += [
        use >= cp.multiply(given["rebate_need_kwh"], reached),
        use <= given["rebate_need_kwh"] + cp.multiply(given["rebate_beyond_kwh"], reached),
        remitted <= billed,
        remitted <= cp.multiply(given["rebate_most_kw"], reached),
    ]
    out.cost_period.append(given["rebate_saved"] - cp.multiply(given["rebate_price"], remitted))
    out.inner |= {"rebate_reached": reached, "remitted_kw": remitted}


def add_tiers(out: Billed, prefix: str, given: Given, flow: Any, *, convex: bool) -> None:
    """Energy of a flow [kW] in blocks."""
    import cvxpy as cp

    if f"{prefix}size_kwh" not in given:
        return
    size, price = given[f"{prefix}size_kwh"], given[f"{prefix}block_price"]
    counters = 0
    while f"{prefix}weight_h_{counters}" in given:
        counters += 1
    blocks = size.shape[1] // counters
    used = cp.hstack(
        [
            cp.sum(cp.multiply(given[f"{prefix}weight_h_{q}"], flow), axis=1, keepdims=True)
            for q in range(counters)  # billing periods
        ]
    )
    filled = cp.Variable(size.shape, nonneg=True)
    out.constraints += [filled <= size, filled @ np.kron(np.eye(counters), np.ones((blocks, 1))) == used]
    out.cost_period.append(cp.multiply(price, filled))
    out.inner[f"{prefix}block_kwh"] = filled
    if convex or blocks == 1:
        return
    opened = cp.Variable(size.shape, boolean=True)
    full = np.flatnonzero(np.arange(size.shape[1]) % blocks < blocks - 1)
    out.constraints += [
        filled <= cp.multiply(size, opened),
        filled[:, full] >= cp.multiply(size[:, full], opened[:, full + 1]),
    ]
    out.inner[f"{prefix}block_open"] = opened


def reached_kw(coefficients: dict[str, Array], imported: Array, metering: csr_array) -> Array:
    """(row, period) the highest metered mean of imports."""
    count = coefficients["demand_price"].shape[1]
    means = [(coefficients[f"mask_{p}"] * imported) @ metering for p in range(count)]
    return np.stack([mean.max(axis=1) for mean in means], axis=1)


def unbilled_kw(coefficients: dict[str, Array], peak_kw: Array) -> Array:
    """(row, step) the highest import that raises no billed demand above that of these peaks (row, period).

    The lowest of the peaks that a step counts for, each at least what is billed anyway; infinite where none counts.
    """
    paid = np.maximum(peak_kw, coefficients["paid_peak_kw"])
    out = np.full(coefficients["import_per_kw"].shape, np.inf)
    for p in np.flatnonzero(coefficients["demand_price"].any(axis=0)):
        counts = (coefficients[f"mask_{p}"] > 0) & (coefficients["demand_price"][:, p : p + 1] > 0)
        out = np.minimum(out, np.where(counts, paid[:, p : p + 1], np.inf))
    return out


def peak_values(
    coefficients: dict[str, Array], imported: Array, metering: csr_array, horizon: Horizon, width: int
) -> dict[str, Array]:
    """The decisions of ``add_peaks`` that follow from imports."""
    count = coefficients["demand_price"].shape[1]
    if not count:
        return {}
    paid = coefficients["paid_peak_kw"]
    peak = np.maximum(reached_kw(coefficients, imported, metering), coefficients["reached_peak_kw"])
    billed = np.maximum(peak, paid)
    weights = month_weights(horizon, width)
    if "ratchet" in coefficients:
        later, earlier = _pairs(count, len(weights))
        for pair, (p, q) in enumerate(zip(later, earlier, strict=True)):
            billed[:, p] = np.maximum(billed[:, p], coefficients["ratchet"][:, pair] * peak[:, q])
    out = {"peak_kw": peak, "added_peak_kw": billed - paid}
    if "rebate_price" in coefficients:
        use = np.stack([imported @ weights[p % len(weights)] for p in range(count)], axis=1)
        reached = (use >= coefficients["rebate_need_kwh"]).astype(float)
        remitted = np.minimum(billed, coefficients["rebate_most_kw"] * reached)
        out |= {"rebate_reached": reached, "remitted_kw": remitted}
    return out


def tier_values(coefficients: dict[str, Array], prefix: str, flow: Array) -> dict[str, Array]:
    """The decisions of ``add_tiers`` that follow from a flow."""
    if f"{prefix}size_kwh" not in coefficients:
        return {}
    size = coefficients[f"{prefix}size_kwh"]
    used: list[Array] = []
    while f"{prefix}weight_h_{len(used)}" in coefficients:
        used.append((coefficients[f"{prefix}weight_h_{len(used)}"] * flow).sum(axis=1))
    blocks = size.reshape(size.shape[0], len(used), -1)
    before = np.cumsum(blocks, axis=2) - blocks
    filled = np.clip(np.stack(used, axis=1)[:, :, None] - before, 0.0, blocks)
    opened = (filled > 0).astype(float)
    opened[:, :, 0] = 1.0
    # A block without size is passed through on the way to the next one.
    opened = np.maximum(opened, np.flip(np.maximum.accumulate(np.flip(opened, axis=2), axis=2), axis=2))
    return {f"{prefix}block_kwh": filled.reshape(size.shape), f"{prefix}block_open": opened.reshape(size.shape)}
