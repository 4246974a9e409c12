"""A wish as part of the objective: by how much it is missed, as variables that cost what the wish says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_array

from dispatch.asset import Rows
from dispatch.carbon_wishes import EmissionsWish
from dispatch.part import Part
from dispatch.signals import Horizon
from dispatch.site import CleanShareWish, DirectShareWish, Site

if TYPE_CHECKING:
    import cvxpy as cp


@dataclass(frozen=True)
class Breach:
    """How far a wish is missed, as a variable the objective prices.

    Attributes:
        text: the wish in the user's words.
        short: (scenario, window) variable, in ``unit``.
        needed: (scenario, window) expression that ``short`` must be at least.
        penalty: money per unit.
        unit: kWh of a share, kg of emissions.
        limit: (window,) parameter of a cap on emissions [kg]: another value needs no other problem; None of a share.
    """

    text: str
    short: cp.Variable
    needed: cp.Expression
    penalty: float
    unit: str = "kWh"
    limit: cp.Parameter | None = None


def breaches(site: Site, horizon: Horizon, rows: Mapping[str, Rows[Any]], parts: Mapping[str, Part]) -> list[Breach]:
    """One for every wish that the objective prices, in the order of the park's file; stores price their own."""
    made = []
    for wish in site.wishes:
        if isinstance(wish, CleanShareWish | DirectShareWish):
            made.append(_share(wish, site, horizon, rows, parts))
        elif isinstance(wish, EmissionsWish):
            made.append(_cap(wish, site, horizon, rows, parts))
    return made


def to_scenario(rows: Rows[Any]) -> csr_array:
    """(scenario, row) ones: sums rows into their scenario."""
    return csr_array((np.ones(rows.count), (rows.scenario, np.arange(rows.count))), shape=(rows.scenarios, rows.count))


def by_step(rows: Mapping[str, Rows[Any]], parts: Mapping[str, Part], name: str, horizon: Horizon) -> Any:
    """(scenario, step) sum of one term over all kinds that have it."""
    import cvxpy as cp

    scenarios = next(iter(rows.values())).scenarios
    terms = [to_scenario(rows[k]) @ getattr(p, name) for k, p in parts.items() if getattr(p, name) is not None]
    return sum(terms, cp.Constant(np.zeros((scenarios, horizon.steps))))


def emitted_kg(rows: Mapping[str, Rows[Any]], parts: Mapping[str, Part], covers: str, horizon: Horizon) -> Any:
    """(scenario, step) emissions that a cap or a quota covers; direct ones are not those of what is bought."""
    own = {kind: part for kind, part in parts.items() if covers == "all" or part.bought_kw is None}
    return by_step(rows, own, "co2_step_kg", horizon)


def _share(
    wish: CleanShareWish | DirectShareWish,
    site: Site,
    horizon: Horizon,
    rows: Mapping[str, Rows[Any]],
    parts: Mapping[str, Part],
) -> Breach:
    """Σ unclean (or bought) ≤ (1 − x) Σ supply over each window, short by ``short``."""
    import cvxpy as cp

    windows = site.windows(horizon, wish.over)
    energy = (windows * horizon.hours).T
    clean = isinstance(wish, CleanShareWish)
    least = wish.clean_share_min if isinstance(wish, CleanShareWish) else wish.direct_share_min
    other = by_step(rows, parts, "unclean_kw" if clean else "bought_kw", horizon)
    supply = by_step(rows, parts, "supply_kw", horizon)
    needed = (other - (1 - least) * supply) @ energy
    text = f"{'clean' if clean else 'direct'} share of at least {least:.0%} per {wish.over}"
    return Breach(text, cp.Variable(needed.shape, nonneg=True), needed, wish.penalty_per_kwh)


def _cap(
    wish: EmissionsWish, site: Site, horizon: Horizon, rows: Mapping[str, Rows[Any]], parts: Mapping[str, Part]
) -> Breach:
    """Σ emissions ≤ cap over each window and in each scenario, over by ``short``."""
    import cvxpy as cp

    windows = site.windows(horizon, wish.over)
    limit = cp.Parameter(windows.shape[0], nonneg=True, value=np.full(windows.shape[0], 1000 * wish.emissions_max_t))
    emitted = emitted_kg(rows, parts, wish.covers, horizon) @ windows.T
    needed = emitted - np.ones((emitted.shape[0], 1)) @ cp.reshape(limit, (1, windows.shape[0]), order="C")
    short = cp.Variable(needed.shape, nonneg=True)
    return Breach(wish.text, short, needed, wish.penalty_per_t / 1000, "kg", limit)
