r"""The site on its own: what must be served should the grid connection be lost, and what there is to serve it with.

An outage begins with a step k and lasts for the site's survival time H; of step j ≥ k it covers h_{kj} hours. Each such
(k, j) is a *pair*. Kinds say what they can give (:class:`~dispatch.part.Backup`), an outage what it asks for
(:class:`~dispatch.part.Survival`), and for every pair

.. math::
    n_{kj} ≤ u_{kj} + Σ_{units} f_{kj} + Σ_{stores} d_{kj}, \quad 0 ≤ d_{kj} ≤ D_{kj}, \quad
    Σ_j h_{kj} \, d_{kj} / η ≤ s_k - B

with the critical load n left by the weather's expected power, what stays unserved u, units' power f, discharge d, the
energy s_k in a store when the outage begins and the black-start reserve B. There are d that serve all but u exactly if
these rows hold: nothing is known of the outage before it begins, and all is known of the plan it begins in.

What the rows take for granted: all electricity buses of the site hang together, an outage begins with a step, what a
unit gives above the critical load goes to other demand, stores are not filled again, and it ends with the horizon.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.asset import Rows
from dispatch.part import Backup, Part, Survival
from dispatch.signals import Array, Horizon, spans

if TYPE_CHECKING:
    import cvxpy as cp
    from scipy.sparse import csr_array

_CLOSE_H = 1e-6


@dataclass(frozen=True)
class Pairs:
    """Every step of every outage, by its beginning.

    Attributes:
        horizon, lasting_h: what they follow from.
    """

    horizon: Horizon
    lasting_h: float

    @cached_property
    def _both(self) -> tuple[np.ndarray, np.ndarray]:
        edge = self.horizon.edge_h[:-1]
        return spans(np.arange(edge.size), np.searchsorted(edge, edge + self.lasting_h - _CLOSE_H, side="left"))

    @property
    def start(self) -> np.ndarray:
        """(pair,) the step with which the outage begins."""
        return self._both[0]

    @property
    def step(self) -> np.ndarray:
        """(pair,) the step in it."""
        return self._both[1]

    @cached_property
    def after_h(self) -> Array:
        """(pair,) time from the beginning of the outage to that of the step."""
        edge = self.horizon.edge_h
        return np.asarray(edge[self.step] - edge[self.start])

    @cached_property
    def hours(self) -> Array:
        """(pair,) how long the outage covers the step."""
        return np.asarray(np.minimum(self.horizon.hours[self.step], self.lasting_h - self.after_h))

    def sums(self, weight: Array) -> csr_array:
        """(pair, start) each pair's weight at the step its outage begins with."""
        from scipy.sparse import csr_array

        return csr_array((weight, (np.arange(weight.size), self.start)), shape=(weight.size, self.horizon.steps))

    @cached_property
    def picks(self) -> csr_array:
        """(start, pair) ones: writes a value at the beginning of each outage to all of its steps."""
        return self.sums(np.ones(self.start.size)).T.tocsr()


def constraints(rows: Mapping[str, Rows[Any]], parts: Mapping[str, Part], horizon: Horizon) -> list[cp.Constraint]:
    """The rows above for every outage that a part asks to survive."""
    out: list[cp.Constraint] = []
    for kind, part in parts.items():
        if part.survival is not None:
            pairs = Pairs(horizon, rows[kind].outage_h)
            for member in range(len(rows[kind].members)):  # a handful of outages, not steps
                out += _of_member(rows, parts, rows[kind], part.survival, pairs, member)
    return out


def _of_member(
    rows: Mapping[str, Rows[Any]],
    parts: Mapping[str, Part],
    asking: Rows[Any],
    survival: Survival,
    pairs: Pairs,
    member: int,
) -> list[cp.Constraint]:
    """One outage in every scenario; what it asks for stands in every ``len(members)``-th row."""
    import cvxpy as cp

    mine = slice(member, None, len(asking.members))
    served: Any = survival.unserved_kw[mine]
    out: list[cp.Constraint] = []
    for kind, part in parts.items():
        backup = part.backup
        if backup is None:
            continue
        sums = _to_scenario(rows[kind])
        if backup.firm_kw is not None:
            served = served + sums @ backup.firm_kw
        if backup.stock_kwh is not None:
            discharge = cp.Variable((rows[kind].count, pairs.start.size), nonneg=True)
            # The reserve is one of a store's, in each scenario; kinds without that store have rows of zeros.
            named = _named(rows[kind], survival.stores[member])
            out += [
                discharge <= backup.power_kw - named @ survival.black_start_kw[mine],
                cp.multiply(backup.drain_kwh_per_kwh, discharge @ pairs.sums(pairs.hours))
                <= backup.stock_kwh - named @ survival.black_start_kwh[mine],
            ]
            served = served + sums @ discharge
    return [*out, served >= survival.need_kw[mine]]


def _to_scenario(rows: Rows[Any]) -> Array:
    """(scenario, row) ones."""
    return np.array(np.arange(rows.scenarios)[:, None] == rows.scenario[None, :], float)


def _named(rows: Rows[Any], store: str | None) -> Array:
    """(row, scenario) 1 where a row is the store of that name."""
    is_it = np.array([name == store for name in rows.names], float)
    return np.asarray(is_it[:, None] * _to_scenario(rows).T)


@dataclass(frozen=True)
class Offer:
    """One scenario's plant in numbers: what all kinds together can give; see :class:`~dispatch.part.Backup`.

    Attributes:
        firm_kw: (pair,) of all units.
        stock_kwh: (store, start) at the bus, above what must stay in it.
        power_kw: (store, start).
    """

    firm_kw: Array
    stock_kwh: Array
    power_kw: Array


def offer(
    backups: Mapping[str, Backup], rows: Mapping[str, Rows[Any]], asked: Survival, at: int, pairs: Pairs
) -> Offer:
    """What row ``at`` of an outage can count on; NumPy arrays in, NumPy arrays out."""
    scenario, members = divmod(at, len(asked.stores))
    firm = np.zeros(pairs.start.size)
    stock, power = [np.zeros((0, pairs.horizon.steps))], [np.zeros((0, pairs.horizon.steps))]
    for kind, backup in backups.items():
        mine = rows[kind].scenario == scenario
        if backup.firm_kw is not None:
            firm = firm + backup.firm_kw[mine].sum(axis=0)
        if backup.stock_kwh is not None:
            named = np.array([name == asked.stores[members] for name in np.array(rows[kind].names)[mine]], float)
            left = backup.stock_kwh[mine] - named[:, None] * asked.black_start_kwh[at]
            stock.append(np.maximum(left, 0) / backup.drain_kwh_per_kwh[mine])
            kept_kw = named[:, None] * asked.black_start_kw[at, :1]
            power.append(np.broadcast_to(np.maximum(backup.power_kw[mine][:, :1] - kept_kw, 0), left.shape))
    return Offer(firm, np.vstack(stock), np.vstack(power))


def unserved_kwh(need_kw: Array, there: Offer, pairs: Pairs, least_kwh: float = 0.0) -> tuple[Array, Array]:
    r"""What the critical load must lack at least, and for how long nothing lacks, by the step the outage begins with.

    Without variables: by max-flow = min-cut the energy that lacks is, over all sets A of stores that are emptied,

    .. math:: \max_A Σ_j h_j (n_j - Σ_{i ∉ A} D_i)^+ - Σ_{i ∈ A} E_i

    and since the first sum is convex in the power, only sets of the stores with the shortest E/D need a look.

    Args:
        need_kw: (pair,) critical load that the weather leaves.
        there: what the site has.
        pairs: steps of outages.
        least_kwh: lacking that counts as none.

    Returns:
        (start,) energy [kWh], and (start,) hours until something lacks; the whole outage where nothing does.
    """
    lacking, lasting = np.zeros(pairs.horizon.steps), np.zeros(pairs.horizon.steps)
    first = np.searchsorted(pairs.start, np.arange(pairs.horizon.steps + 1))  # pairs stand in the order of starts
    for start in range(pairs.horizon.steps):
        at = slice(first[start], first[start + 1])
        need, hours = np.maximum(need_kw[at] - there.firm_kw[at], 0), pairs.hours[at]
        energy, power = there.stock_kwh[:, start], there.power_kw[:, start]
        order = np.argsort(energy / np.maximum(power, 1e-12), kind="stable")
        emptied = np.concatenate([[0.0], np.cumsum(energy[order])])
        others = np.concatenate([np.cumsum(power[order][::-1])[::-1], [0.0]])
        over = np.maximum(need[None, :] - others[:, None], 0) * hours
        so_far = np.maximum((np.cumsum(over, axis=1) - emptied[:, None]).max(axis=0), 0)
        lacking[start] = so_far[-1]
        lasting[start] = _until(so_far, hours, least_kwh)
    return lacking, lasting


def _until(so_far: Array, hours: Array, least_kwh: float) -> float:
    """Hours of the steps before the running sum of what lacks is more than nothing."""
    late = np.flatnonzero(so_far > least_kwh)
    return float(hours[: late[0]].sum() if late.size else hours.sum())
