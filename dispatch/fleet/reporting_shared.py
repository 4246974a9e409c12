"""A fleet planned under what its sites share, as its page: use and price of each shared thing beside the sites."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dispatch.fleet.reporting import Around, write_page
from dispatch.fleet.shared.plan import SharedPlan
from dispatch.fleet.shared.results import Uses
from dispatch.fleet.shared.whole import Solution
from dispatch.report.data import Table
from dispatch.report.fleet_data import Array, FleetBounds, SharedUse
from dispatch.report.study import Section


def write_shared_page(
    plan: SharedPlan, folder: Path, *, name: str, settings: tuple[str, ...] = (), notes: tuple[str, ...] = ()
) -> Path:
    """The page of a plan whose files are in the folder already.

    Raises:
        DataError: the folder holds no tables of these sites.
    """
    solution, members = plan.solution, plan.fleet.members
    around = Around(
        title="parkwatt: fleet under what it shares",
        fleet=name,
        settings=settings,
        shared=shared_uses(plan.uses),
        bounds=bounds_of(solution),
        charged=charged(plan),
        work=tuple((label, text) for label, text in (("Rounds of prices", str(solution.rounds)),) if solution.rounds),
        joint=tuple((name, meter.money, meter.co2_kg) for name, meter in plan.meters.items()),
        sections=_meters(plan),
        notes=notes,
    )
    return write_page(folder, members, plan.uses.horizon, around)


def bounds_of(solution: Solution) -> FleetBounds:
    """After each round of a coordination, and at the end.

    The plan may cost a little more than the last mix: what plants may not do at once is taken out of it.
    """
    rounds = [one for one in solution.history if np.isfinite(one.lower)]
    lower = np.array([*(one.lower for one in rounds), solution.bound])
    upper = np.array([*(one.upper if np.isfinite(one.upper) else np.nan for one in rounds), solution.objective])
    spent_s = np.cumsum([one.master_s + one.pricing_s for one in rounds])
    seconds = np.append(spent_s, spent_s[-1] if rounds else np.nan)
    return FleetBounds(lower, upper, seconds, float(solution.gap))


def charged(plan: SharedPlan) -> dict[str, float]:
    """By site, Σ_k p_k a_kn q_n: what the prices of the shared rows charge for what it does; none without prices."""
    price = plan.solution.price
    if not np.isfinite(price).all():
        return {}
    money = (plan.made.coupling.extra(price) * plan.solution.effects).sum(axis=1)
    return dict(zip(plan.fleet.scope.names, money.tolist(), strict=True))


def shared_uses(uses: Uses) -> tuple[SharedUse, ...]:
    """Rows of each shared thing, by what they are of."""
    keys = dict.fromkeys(zip(uses.owner.tolist(), uses.what.tolist(), strict=True))
    return tuple(_one(uses, owner, what) for owner, what in keys)


def _one(uses: Uses, owner: str, what: str) -> SharedUse:
    rows = np.flatnonzero((uses.owner == owner) & (uses.what == what))
    steps = uses.step[rows]
    is_stepwise = bool((steps >= 0).all()) and len(set(steps.tolist())) == rows.size
    count = uses.horizon.steps if is_stepwise else 1

    def laid(values: Array, missing: float) -> Array:
        """Over the steps; of rows over longer spans the one that matters most."""
        if not is_stepwise:
            return np.array([values[rows[_tightest(uses, rows)]]])
        out = np.full(count, missing)
        out[steps] = values[rows]
        return out

    price = laid(uses.price, np.nan)
    balances = bool((uses.lower[rows] == uses.upper[rows]).all())  # a sum that must come out is no limit
    return SharedUse(
        f"{owner}: {what}",
        str(uses.unit[rows[0]]),
        laid(uses.used, np.nan),
        np.full(count, -np.inf) if balances else laid(uses.lower, -np.inf),
        np.full(count, np.inf) if balances else laid(uses.upper, np.inf),
        price if np.isfinite(price).any() else None,
        np.nan_to_num(laid(uses.short, 0.0)),
        what=f"{rows.size} rows, of which the tightest is shown" if not is_stepwise and rows.size > 1 else "",
    )


def _tightest(uses: Uses, rows: np.ndarray) -> int:
    """The row with the least left, as a share of its limit."""
    left = np.minimum(uses.upper[rows] - uses.used[rows], uses.used[rows] - uses.lower[rows])
    return int(np.argmin(left / np.maximum(np.abs(uses.used[rows]), 1e-9)))


def _meters(plan: SharedPlan) -> tuple[Section, ...]:
    """Bills of joint connections, which no site's own money holds."""
    if not plan.meters:
        return ()
    currency = plan.fleet.scope.currency
    rows = tuple((name, meter.money, meter.co2_kg / 1000) for name, meter in plan.meters.items())
    table = Table(("Joint connection", f"Bill [{currency}]", "CO₂ [t]"), rows)
    note = f"Money of sites and joint connections together: {plan.money:,.2f} {currency}."
    return (Section("Joint connections", tables=(table,), note=note),)
