r"""What each owner behind one connection pays: by the prices inside, or by what its joining is worth.

Cost is the objective (money, carbon at its price, penalties) of an owner's sites and of the joint connection. What an
owner pays in the end is its own sites' cost plus a transfer; the transfers add up to the joint connection's cost C.

* *prices*: transfer = Σ_t λ_t Δt_t · net import, less a share of the surplus Σ λ (I − X) Δt − C. The surplus is the
  rent of the connection's limits and of what is billed anyway; who gets it is the rule that the park's file states.
* *shapley*: the total is the Shapley value of the game c(S), the least cost of the owners S behind the connection; an
  owner alone is at its own connection with its own tariff. The transfer is that total less its own sites' cost.

Shares are *individually rational* if nobody pays more than alone, and in the *core* if no group of owners does (Gillies
1959). Neither rule promises the core; how far a group is from it is measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from dispatch.asset import Mode
from dispatch.assets.grid_connection import GridConnection
from dispatch.carbon.game import MOST_EXACT, shapley
from dispatch.errors import DataError
from dispatch.fleet.members import Member
from dispatch.fleet.shared.base import Shared
from dispatch.fleet.shared.gathered import Templates, gathered
from dispatch.fleet.shared.kinds.park import Park
from dispatch.fleet.shared.model import compiled, quantities_of
from dispatch.fleet.shared.plan import Method, SharedPlan, prepared
from dispatch.fleet.shared.whole import whole
from dispatch.signals import Array, Horizon
from dispatch.solver.highs import Limits

Rule = Literal["prices", "shapley"]
_SOME = 1e-6


@dataclass(frozen=True, eq=False)
class Game:
    """Least cost of every group of owners.

    Attributes:
        owners: n names.
        cost: (2ⁿ,) by group: owner i is in group g if bit i of g is set; 0 of nobody.
        gap: (2ⁿ,) how far above a proven bound each may be, in money.
    """

    owners: tuple[str, ...]
    cost: Array
    gap: Array

    @property
    def alone(self) -> Array:
        """(n,) each by itself."""
        return self.cost[2 ** np.arange(len(self.owners))]


@dataclass(frozen=True, eq=False)
class CostShares:
    """What owners pay by one rule.

    Attributes:
        rule: which.
        own: (n,) cost of each one's sites inside the park.
        transfer: (n,) what each pays to the joint bill; below zero: is paid.
        alone: (n,) what each would pay by itself.
        surplus: what the prices collect beyond the joint bill, and hand back; 0 for shapley.
        handed_back: how that is shared out, in words.
        leaving: owners of the group that could save most by leaving, and what [money]; none if no group could.
    """

    rule: Rule
    owners: tuple[str, ...]
    currency: str
    own: Array
    transfer: Array
    alone: Array
    surplus: float
    handed_back: str
    leaving: tuple[tuple[str, ...], float]

    @property
    def total(self) -> Array:
        """(n,) what each pays in the end."""
        return self.own + self.transfer

    @property
    def saved(self) -> Array:
        """(n,) against being alone."""
        return self.alone - self.total

    def table(self) -> dict[str, list[Any]]:
        """Column by column, for a file."""
        money = self.currency.lower()
        return {
            "rule": [self.rule] * len(self.owners),
            "owner": list(self.owners),
            f"own_{money}": self.own.tolist(),
            f"transfer_{money}": self.transfer.tolist(),
            f"total_{money}": self.total.tolist(),
            f"alone_{money}": self.alone.tolist(),
            f"saved_{money}": self.saved.tolist(),
        }

    def words(self) -> list[str]:
        """Who pays what, whether anybody is worse off, and whether a group would leave."""
        unit, room = self.currency, _SOME * max(1.0, float(np.abs(self.alone).max()))
        out = [
            f"{owner}: {total:,.2f} {unit} by {self.rule}, alone {alone:,.2f}, saves {saved:,.2f}"
            for owner, total, alone, saved in zip(self.owners, self.total, self.alone, self.saved, strict=True)
        ]
        if self.rule == "prices":
            out.append(
                f"prices collect {self.surplus:,.2f} {unit} beyond the joint bill, shared out {self.handed_back}"
            )
        worse = [owner for owner, saved in zip(self.owners, self.saved, strict=True) if saved < -room]
        out.append(f"worse off than alone: {', '.join(worse)}" if worse else "nobody is worse off than alone")
        who, least = self.leaving
        text = f"{', '.join(who)} could save {least:,.2f} {unit} by leaving together: outside the core"
        out.append(text if least > room else "no group of owners would save by leaving: the shares are in the core")
        return out


def game(
    members: Sequence[Member],
    shared: Sequence[Shared],
    park: Park,
    horizon: Horizon,
    *,
    state: Mapping[str, Mapping[str, float]] | None = None,
    limits: Limits | None = None,
    mode: Mode | None = None,
    method: Method = whole,
    templates: Templates | None = None,
    plan: SharedPlan | None = None,
) -> Game:
    """The least cost of every group of owners, each planned anew; ``plan`` is that of all, if there is one.

    Other things that the park's sites share hold in every group of two or more, over those who are in it. What the
    park's meter has seen of the month, and what is expected of it, counts for a group as far as its sites' own
    connections together say as much of themselves: a group does not inherit the peak of all.

    Raises:
        DataError: more owners than groups can be planned for.
    """
    inside = [m for m in members if park.members([m.name], [m.labels])[0]]
    owner_of = {m.name: owner(park, m) for m in inside}
    owners = tuple(sorted(set(owner_of.values())))
    if len(owners) > MOST_EXACT // 2:
        raise DataError(f"'{park.name}' has {len(owners)} owners; accepted for the game: {MOST_EXACT // 2} at the most")
    known = templates or Templates(horizon, quantities_of(shared), mode)
    outside = Templates(horizon, known.quantities, mode, {})
    cost, gap = np.zeros(2 ** len(owners)), np.zeros(2 ** len(owners))
    for group in range(1, cost.size):
        who = {o for place, o in enumerate(owners) if group >> place & 1}
        mine = [m for m in inside if owner_of[m.name] in who]
        if len(who) == 1:
            fleet = gathered(mine, outside, currency=mine[0].site.currency)
            found = method(fleet, compiled((), fleet.scope).coupling, limits)
        elif plan is not None and len(who) == len(owners) and len(mine) == len(members):
            found = plan.solution
        else:
            things = _about([_smaller(t, park, mine) for t in shared], mine)
            fleet, made = prepared(mine, things, horizon, state=state, mode=mode, templates=known)
            found = method(fleet, made.coupling, limits)
        cost[group], gap[group] = found.objective, max(found.objective - found.bound, 0.0)
    return Game(owners, cost, gap)


def owner(park: Park, member: Member) -> str:
    """Whose a site is.

    Raises:
        DataError: the label that says it is missing.
    """
    if not park.owner:
        return member.name
    if park.owner not in member.labels:
        raise DataError(f"site '{member.name}' has no label '{park.owner}', which says whose it is in '{park.name}'")
    return str(member.labels[park.owner])


def by_shapley(plan: SharedPlan, park: Park, worth: Game) -> CostShares:
    """Each owner's total is its Shapley value."""
    own = own_cost(plan, park, worth.owners)
    total = shapley(worth.cost)
    return _shares("shapley", plan, worth, own, np.asarray(total) - own, 0.0, "")


def by_prices(plan: SharedPlan, park: Park, worth: Game) -> CostShares:
    """Each owner pays the price inside for what it draws, and gets its share of what that collects too much.

    Raises:
        DataError: the plan has no prices, or the park's shares name other owners.
    """
    scope, meter = plan.fleet.scope, plan.meters[park.name]
    if not np.isfinite(meter.price_per_kwh).all():
        raise DataError(f"'{park.name}': the plan has no prices, because its search was ended by the clock")
    net = np.zeros((len(worth.owners), scope.horizon.steps))
    entries = scope.entries["net_import_kw"]
    for place, member in enumerate(plan.fleet.members):
        if park.members([member.name], [member.labels])[0]:
            net[worth.owners.index(owner(park, member))] += plan.solution.effects[place, entries]
    paid = net @ (meter.price_per_kwh * scope.horizon.hours)
    surplus = float(paid.sum()) - meter.objective
    share, words = _handed_back(park, worth.owners, np.abs(net) @ scope.horizon.hours)
    own = own_cost(plan, park, worth.owners)
    return _shares("prices", plan, worth, own, paid - surplus * share, surplus, words)


def own_cost(plan: SharedPlan, park: Park, owners: Sequence[str]) -> Array:
    """(n,) what each one's sites add to the fleet's objective."""
    out = np.zeros(len(owners))
    for member in plan.fleet.members:
        if park.members([member.name], [member.labels])[0]:
            out[list(owners).index(owner(park, member))] += plan.schedules[member.name].proof.objective
    return out


def _handed_back(park: Park, owners: Sequence[str], energy_kwh: Array) -> tuple[Array, str]:
    """(n,) shares of the surplus, which add up to one, and the rule in words."""
    if park.surplus == "own":
        if set(park.surplus_shares) != set(owners):
            named, there = ", ".join(sorted(park.surplus_shares)), ", ".join(owners)
            raise DataError(f"'{park.name}': surplus_shares name {named}; accepted: a number for each of {there}")
        weight, words = np.array([park.surplus_shares[o] for o in owners]), "by the shares of the park's file"
    elif park.surplus == "energy" and energy_kwh.any():
        weight, words = energy_kwh, "by the energy that each exchanges"
    else:
        weight, words = np.ones(len(owners)), "alike"
    return weight / weight.sum(), words


def _shares(
    rule: Rule, plan: SharedPlan, worth: Game, own: Array, transfer: Array, surplus: float, words: str
) -> CostShares:
    total = own + transfer
    groups = list(_groups(len(worth.owners)))
    over = np.array([total[list(who)].sum() - worth.cost[code] for code, who in groups])
    worst = int(np.argmax(over))
    leaving = tuple(worth.owners[i] for i in groups[worst][1]), max(float(over[worst]), 0.0)
    return CostShares(
        rule, worth.owners, plan.fleet.scope.currency, own, transfer, worth.alone, surplus, words, leaving
    )


def _groups(owners: int) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Every group but nobody: its code and who is in it."""
    for code in range(1, 2**owners):
        yield code, tuple(i for i in range(owners) if code >> i & 1)


_MONTH = ("month_to_date_peak_kw", "expected_peak_kw", "month_to_date_kwh", "expected_day_kwh")


def _smaller(thing: Shared, park: Park, mine: Sequence[Member]) -> Shared:
    """The park as a group of its sites would have it: its part of the month so far."""
    if thing is not park:
        return thing
    changes = {}
    for field in _MONTH:
        own, value = sum(_said(m, field) for m in mine), getattr(park.connection, field)
        changes[field] = {k: min(own, v) for k, v in value.items()} if isinstance(value, Mapping) else min(own, value)
    return park.model_copy(update={"connection": park.connection.model_copy(update=changes)})


def _said(member: Member, field: str) -> float:
    """What the connections of a site say of themselves."""
    values = [getattr(a, field) for a in member.site.assets if isinstance(a, GridConnection)]
    return float(sum(max(v.values(), default=0.0) if isinstance(v, Mapping) else v for v in values))


def _about(shared: Sequence[Shared], members: Sequence[Member]) -> tuple[Shared, ...]:
    """The things that are about any of the members, over those alone."""
    names, labels = [m.name for m in members], [m.labels for m in members]
    kept = []
    for thing in shared:
        if thing.members(names, labels).any():
            left = tuple(name for name in thing.sites if name in names)
            kept.append(thing.model_copy(update={"sites": left} if thing.sites else {}))
    return tuple(kept)
