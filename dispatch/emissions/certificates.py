r"""Green certificates in a plan: issued by own generation, held, bought, sold, registered as offsets, used for claims.

With own clean generation G, export X and unclean use U (step by step [kW]; certificates in MWh),

.. math::
    s_t + r_t ≤ G_t, \quad l_t ≥ s_t + r_t - X_t, \quad l_t ≥ 0 \\
    held + bought - sold - Σ_t Δt_t u_t ≥ 0 \\
    \text{unclean}_t = U_t + l_t - u_t

A certificate that is sold (s) or registered as an offset (r) is no claim any more: what of it cannot be that of
exported electricity is lost to the clean share (l). Those of the stock are used (u) where a wish needs them; each is
used once, sold or kept. What is sold does not count for carbon-free hours either, what is used does not for want of an
hour.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_array

from dispatch.asset import Rows
from dispatch.carbon_wanted.settings import Certificates
from dispatch.emissions.quota import Defined
from dispatch.errors import DataError
from dispatch.part import Part
from dispatch.signals import Array, Horizon

if TYPE_CHECKING:
    import cvxpy as cp


class CertificateTerms:
    """Variables, rows and money of one park's certificates.

    Attributes:
        money: (scenario,).
        gone_kw: (scenario, step) own generation whose certificate is sold or registered.
        lost_kw: (scenario, step) of that, what a claim loses.
        used_kw: (scenario, step) unclean use that certificates of the stock stand for.
        registered_t: (scenario, step) tonnes registered as offsets; None where none can be.
    """

    def __init__(
        self,
        wanted: Certificates,
        rows: Mapping[str, Rows[Any]],
        parts: Mapping[str, Part],
        horizon: Horizon,
    ) -> None:
        import cvxpy as cp

        self.wanted, self._hours = wanted, horizon.hours
        self._shape = next(iter(rows.values())).scenarios, horizon.steps
        self.defined: list[Defined] = []
        self.constraints: list[Any] = []
        self.variables: dict[str, cp.Variable] = {}
        self.issued_kw = issued_kw(wanted, rows, parts, self._shape)
        self._unclean = _sum(rows, parts, "unclean_kw", self._shape)
        zero = np.zeros(self._shape)
        sells, registers = wanted.sell_price_per_mwh is not None, wanted.offset_t_per_mwh is not None
        sold = self._power("own_sold_kw", "certificates sold, by hour") if sells else zero
        registered = self._power("registered_kw", "certificates registered as offsets") if registers else zero
        self.gone_kw = sold + registered
        self.lost_kw: Any = zero
        if sells or registers:
            self._lose(_sum(rows, parts, "bought_kw", self._shape) - _supply_of_grid(rows, parts, self._shape))
        per_kw = (wanted.offset_t_per_mwh or 0.0) * np.ones((self._shape[0], 1)) * self._hours / 1000
        self.registered_t = cp.multiply(per_kw, registered) if registers else None
        self.money = self._stock(sold)

    def _power(self, name: str, words: str) -> cp.Variable:
        import cvxpy as cp

        made = cp.Variable(self._shape, nonneg=True)
        self.variables[name] = made
        self.defined.append(Defined(made, lambda: np.zeros(self._shape), words, "kW"))
        return made

    def _lose(self, exported_kw: Any) -> None:
        import cvxpy as cp

        lost = cp.Variable(self._shape, nonneg=True)
        self.variables["lost_kw"] = self.lost_kw = lost
        over = self.gone_kw - exported_kw
        self.constraints += [self.gone_kw <= self.issued_kw, lost >= over]
        self.defined.append(Defined(lost, lambda: np.maximum(over.value, 0.0), "claims lost to sales", "kW"))

    def _stock(self, sold: Any) -> Any:
        """(scenario,) money; the stock's rows."""
        import cvxpy as cp

        wanted, count = self.wanted, self._shape[0]
        self.used_kw: Any = np.zeros(self._shape)
        if wanted.held_mwh or wanted.buy_price_per_mwh is not None:
            self.used_kw = self.variables["used_kw"] = cp.Variable(self._shape, nonneg=True)
            self.defined.append(Defined(self.used_kw, self._claimed, "certificates used, by hour", "kW"))
        left: Any = wanted.held_mwh - self.used_kw @ self._hours / 1000
        money: Any = cp.Constant(np.zeros(count))
        if wanted.buy_price_per_mwh is not None:
            bought = self._mwh("bought_mwh", "certificates bought")
            left, money = left + bought, money + wanted.buy_price_per_mwh * bought
        if wanted.sell_price_per_mwh is not None:
            stock = self._mwh("stock_sold_mwh", "certificates sold from stock")
            left = left - stock
            money = money - wanted.sell_price_per_mwh * (stock + sold @ self._hours / 1000)
        self.left_mwh = cp.Constant(np.zeros(count)) + left
        self.constraints.append(self.left_mwh >= np.zeros(count))
        return money

    def _mwh(self, name: str, words: str) -> cp.Variable:
        import cvxpy as cp

        made = cp.Variable(self._shape[0], nonneg=True)
        self.variables[name] = made
        self.defined.append(Defined(made, lambda: np.zeros(self._shape[0]), words, "MWh"))
        return made

    def _claimed(self) -> Array:
        """Without a plan the stock is spread over all unclean use, none is bought."""
        unclean = np.maximum(np.asarray(self._unclean.value), 0.0)
        energy = np.maximum(unclean @ self._hours, 1e-9)
        return np.asarray(unclean * np.minimum(1.0, 1000 * self.wanted.held_mwh / energy)[:, None])

    def read(self) -> dict[str, Array]:
        """By name, (scenario, step) powers and (scenario,) certificates and money, as they stand."""
        out = {name: np.asarray(variable.value) for name, variable in self.variables.items()}
        issued = np.asarray(self.issued_kw.value) @ self._hours / 1000
        left = np.asarray(self.left_mwh.value)
        return out | {"issued_mwh": issued, "left_mwh": left, "money": np.asarray(self.money.value)}


def issued_kw(
    wanted: Certificates, rows: Mapping[str, Rows[Any]], parts: Mapping[str, Part], shape: tuple[int, int]
) -> Any:
    """(scenario, step) own clean generation that certificates are issued for.

    Raises:
        DataError: an asset that is named generates nothing.
    """
    import cvxpy as cp

    made: Any = cp.Constant(np.zeros(shape))
    giving = {k: p for k, p in parts.items() if p.supply_kw is not None and p.bought_kw is None}
    known = [member.name for kind in giving for member in rows[kind].members]
    for idle in (name for name in wanted.issued_by or () if name not in known):
        raise DataError(f"carbon.certificates.issued_by: '{idle}' generates no electricity; accepted: {_listed(known)}")
    for kind, part in giving.items():
        named = [wanted.issued_by is None or name in wanted.issued_by for name in rows[kind].names]
        if any(named):
            into = _into_scenario(rows[kind], np.array(named))
            made = made + into @ (part.supply_kw if part.unclean_kw is None else part.supply_kw - part.unclean_kw)
    return made


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "nothing: no asset of the park does"


def _into_scenario(rows: Rows[Any], named: np.ndarray) -> csr_array:
    """(scenario, row) ones where a row is named."""
    return csr_array((named.astype(float), (rows.scenario, np.arange(rows.count))), shape=(rows.scenarios, rows.count))


def _sum(rows: Mapping[str, Rows[Any]], parts: Mapping[str, Part], name: str, shape: tuple[int, int]) -> Any:
    import cvxpy as cp

    made: Any = cp.Constant(np.zeros(shape))
    for kind, part in parts.items():
        if getattr(part, name) is not None:
            made = made + _into_scenario(rows[kind], np.ones(rows[kind].count)) @ getattr(part, name)
    return made


def _supply_of_grid(rows: Mapping[str, Rows[Any]], parts: Mapping[str, Part], shape: tuple[int, int]) -> Any:
    """(scenario, step) import less export."""
    return _sum(rows, {kind: part for kind, part in parts.items() if part.bought_kw is not None}, "supply_kw", shape)
