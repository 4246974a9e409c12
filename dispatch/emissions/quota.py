r"""What a quota adds to a plan: allowances bought and sold or a price by steps, and offsets, as recourse per scenario.

With E_p what is emitted in period p [t], B_p what was before and is expected after, F_p the free allowances and
x_p = B_p + E_p − F_p what lacks,

.. math::
    buy_p - sell_p + o_p + r_p = x_p, \quad cost = Σ_p π^b buy_p - π^s sell_p + π^o o_p \\
    \text{or} \quad cost_p ≥ a_k + m_k (x_p - o_p - r_p) \; ∀ k, \quad o_p + r_p ≤ σ (B_p + E_p)

a, m are the lines of :mod:`dispatch.emissions.step_price`: the greatest of them is the cost by steps, convex for a
growth of 0 or more, so that no binary is needed. o are offsets that are bought, r own ones. Of a month or a year a plan
pays what it adds: the cost at E = 0 is taken off.

Source: Zhou et al., ladder-type carbon trading as in the literature on integrated energy systems; see carbon.ladder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.asset import Inputs
from dispatch.carbon_wanted.settings import ACCOUNT, Quota, StepPrice
from dispatch.emissions.periods import periods
from dispatch.emissions.step_price import lines
from dispatch.signals import Array

if TYPE_CHECKING:
    import cvxpy as cp


@dataclass(frozen=True)
class Defined:
    """A variable that follows from a fixed schedule, and what gives its value there.

    Attributes:
        name: what it is, in words.
    """

    variable: cp.Variable
    value: Callable[[], Any]
    name: str
    unit: str = ""


class QuotaTerms:
    """Variables, rows and money of one quota.

    Args:
        quota: from the park's file.
        emitted_kg: (scenario, step) what the quota covers.
        inputs: the horizon, and what is carried in.
        registered_t: (scenario, step) offsets that own generation is registered for; None: none is.

    Attributes:
        money: (scenario,) what the plan adds.
        constraints, defined: rows, and variables in the order in which they follow.
    """

    def __init__(self, quota: Quota, emitted_kg: Any, inputs: Inputs, registered_t: Any = None) -> None:
        import cvxpy as cp

        self.quota = quota
        scenarios, steps = emitted_kg.shape
        slots = periods(inputs.horizon, quota.per).mask.shape[1]
        self._mask = cp.Parameter((steps, slots), nonneg=True)
        self._before, self._free = cp.Parameter((1, slots), nonneg=True), cp.Parameter((1, slots), nonneg=True)
        self._paid_anyway = cp.Parameter()
        self.take(inputs)
        # Intensities and periods are both parameters: their product is not DPP, so what is emitted is a variable.
        emitted = cp.Variable((scenarios, steps))
        every = np.ones((scenarios, 1))
        self.covered_t = emitted @ self._mask / 1000
        self._obligation = self.covered_t + every @ self._before
        self.constraints: list[Any] = [emitted == emitted_kg]
        self.defined = [Defined(emitted, lambda: emitted_kg.value, "emissions under the quota", "kg")]
        self.variables: dict[str, cp.Variable] = {}
        self._registered = None if registered_t is None else registered_t @ self._mask
        lacking = self._obligation - every @ self._free - self._offsets(scenarios, slots)
        cost = self._traded(lacking) if quota.trading else self._stepped(lacking)
        self.money = cost - self._paid_anyway

    def _offsets(self, scenarios: int, slots: int) -> Any:
        """(scenario, slot) tonnes that offsets stand for."""
        import cvxpy as cp

        if self.quota.offsets is None:
            return np.zeros((scenarios, slots))
        bought = self._variable("offsets_t", (scenarios, slots), "offsets bought")
        used = bought if self._registered is None else bought + self._registered
        self.constraints.append(used <= self.quota.offsets.share_max * self._obligation)
        return cp.Constant(np.zeros((scenarios, slots))) + used

    def _traded(self, lacking: Any) -> Any:
        import cvxpy as cp

        trading = self.quota.trading
        assert trading is not None
        bought = self._variable("bought_t", lacking.shape, "allowances bought")
        sold = self._variable("sold_t", lacking.shape, "allowances sold")
        self.constraints.append(bought - sold == lacking)
        cost = trading.buy_price_per_t * bought - trading.sell_price_per_t * sold
        return cp.sum(cost + self._of_offsets(), axis=1)

    def _stepped(self, lacking: Any) -> Any:
        import cvxpy as cp

        steps = self.quota.steps
        assert steps is not None
        cost = cp.Variable(lacking.shape)
        self.variables["stepped_money"] = cost
        start, slope = _lines(steps)
        self.constraints += [cost >= a + m * lacking for a, m in zip(start, slope, strict=True)]
        self.defined.append(Defined(cost, lambda: stepped(steps, lacking.value), "price by steps"))
        return cp.sum(cost + self._of_offsets(), axis=1)

    def _of_offsets(self) -> Any:
        offsets = self.variables.get("offsets_t")
        return 0.0 if offsets is None or self.quota.offsets is None else self.quota.offsets.price_per_t * offsets

    def _variable(self, name: str, shape: tuple[int, ...], words: str) -> cp.Variable:
        import cvxpy as cp

        made = cp.Variable(shape, nonneg=True)
        self.variables[name] = made
        self.defined.append(Defined(made, lambda: self._settled()[name], words, "t"))
        return made

    def _settled(self) -> dict[str, Array]:
        """What is cheapest for the emissions that there are."""
        registered = 0.0 if self._registered is None else self._registered.value
        lacking = self._obligation.value - self._free.value - registered
        return settled(self.quota, lacking, self._obligation.value, registered)

    def take(self, inputs: Inputs) -> None:
        """Another horizon, and what is carried into it."""
        found = periods(inputs.horizon, self.quota.per)
        before, free = base(self.quota, inputs)
        self._mask.value, self._before.value, self._free.value = found.mask, before, free
        anyway = 0.0
        if self.quota.per != "horizon":
            anyway = float(settled(self.quota, before - free, before)["money"].sum())
        self._paid_anyway.value = anyway

    def read(self) -> dict[str, Array]:
        """(scenario, slot) by name [t], and (scenario,) money, as they stand."""
        out = {name: np.asarray(variable.value) for name, variable in self.variables.items()}
        shape = self.covered_t.shape
        out |= {"covered_t": np.asarray(self.covered_t.value), "money": np.asarray(self.money.value)}
        out |= {"before_t": np.array(np.broadcast_to(self._before.value, shape))}
        out |= {"free_t": np.array(np.broadcast_to(self._free.value, shape))}
        if self._registered is not None:
            out["registered_t"] = np.asarray(self._registered.value)
        return out


def base(quota: Quota, inputs: Inputs) -> tuple[Array, Array]:
    """(1, slot) tonnes before and expected after the horizon, and free allowances."""
    found = periods(inputs.horizon, quota.per)
    to_date = np.zeros(found.touched.size)
    state: Mapping[str, float] = inputs.state.get(ACCOUNT, {})
    to_date[0] = state.get("emitted_to_date_t", quota.emitted_to_date_t)
    before = to_date + quota.expected_day_t * found.days_after
    return before[None, :], (quota.free_t * found.touched)[None, :]


def stepped(price: StepPrice, lacking: Array) -> Array:
    """Cost by steps of what lacks, of the same shape."""
    start, slope = _lines(price)
    return np.asarray((start + slope * lacking[..., None]).max(axis=-1))


def _lines(price: StepPrice) -> tuple[Array, Array]:
    return lines(price.price_per_t, price.interval_t, price.growth, price.steps)


def settled(quota: Quota, lacking: Array, obligation: Array, registered: Array | float = 0.0) -> dict[str, Array]:
    """The cheapest offsets, purchases and sales for what lacks, all of its shape, and what they cost."""
    offsets = np.zeros_like(lacking)
    if quota.offsets is not None:
        most = np.maximum(quota.offsets.share_max * obligation - registered, 0.0)
        offsets = np.clip(lacking - _worth_until(quota, quota.offsets.price_per_t), 0.0, most)
    left = lacking - offsets
    out = {"offsets_t": offsets}
    if quota.trading is not None:
        out |= {"bought_t": np.maximum(left, 0.0), "sold_t": np.maximum(-left, 0.0)}
        money = quota.trading.buy_price_per_t * out["bought_t"] - quota.trading.sell_price_per_t * out["sold_t"]
    else:
        assert quota.steps is not None
        money = stepped(quota.steps, left)
    of_offsets = 0.0 if quota.offsets is None else quota.offsets.price_per_t * offsets
    return {**out, "stepped_money": money, "money": money + of_offsets}


def _worth_until(quota: Quota, price_per_t: float) -> float:
    """What lacks at least where an offset at a price is worth it: above it each saves more than it costs."""
    if quota.trading is not None:
        if price_per_t < quota.trading.sell_price_per_t:
            return -np.inf
        return 0.0 if price_per_t < quota.trading.buy_price_per_t else np.inf
    assert quota.steps is not None
    dearer = np.flatnonzero(_lines(quota.steps)[1] > price_per_t)
    if not dearer.size:
        return np.inf
    return -np.inf if dearer[0] == 0 else float(dearer[0]) * quota.steps.interval_t
