"""What a park's ``carbon`` block and its wishes add to the objective: money, rows, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.asset import Inputs, Rows
from dispatch.emissions.certificates import CertificateTerms
from dispatch.emissions.position import CarbonPosition
from dispatch.emissions.quota import Defined, QuotaTerms
from dispatch.part import Part
from dispatch.site import Site
from dispatch.terms.breach import Breach, Wished, emitted_kg

if TYPE_CHECKING:
    import cvxpy as cp


class CarbonTerms:
    """Certificates, quota and wishes of one site.

    Attributes:
        breaches: wishes with their shortfalls.
        money: (scenario,) what certificates and quota cost; None where the park has neither.
        flow_limits: limits on traced carbon.
        unmatched_kwh: (scenario,) use that is not carbon-free in its own hour; None where nobody asks.
        defined: variables that follow from a fixed schedule, in that order.
    """

    def __init__(self, site: Site, inputs: Inputs, rows: Mapping[str, Rows[Any]], parts: Mapping[str, Part]) -> None:
        self.site, horizon = site, inputs.horizon
        asked = site.carbon
        self.certificates = self.quota = None
        if asked.certificates is not None:
            self.certificates = CertificateTerms(asked.certificates, rows, parts, horizon)
        if asked.quota is not None:
            emitted = emitted_kg(rows, parts, asked.quota.covers, horizon)
            registered = None if self.certificates is None else self.certificates.registered_t
            self.quota = QuotaTerms(asked.quota, emitted, inputs, registered)
        wished = Wished(site, horizon, rows, parts, self.certificates)
        self.breaches: list[Breach] = wished.breaches()
        self.unmatched_kwh = wished.not_free_kw @ horizon.hours if site.objective.unmatched_price_per_kwh else None
        self._wished = wished
        self.flow_limits = wished.flow_limits

    @property
    def _accounts(self) -> list[CertificateTerms | QuotaTerms]:
        return [account for account in (self.certificates, self.quota) if account is not None]

    @property
    def money(self) -> Any:
        """(scenario,) what certificates and quota cost; None where the park has neither."""
        terms = [account.money for account in self._accounts]
        return sum(terms[1:], terms[0]) if terms else None

    @property
    def constraints(self) -> list[cp.Constraint]:
        """The shortfalls of the wishes first, in their order; then all other rows."""
        own = [breach.short >= breach.needed for breach in self.breaches]
        if self._asks_for_hours:
            variable, over = self._wished.unmatched
            own.append(variable >= over)
        return own + self.flow_limits.constraints + [row for account in self._accounts for row in account.constraints]

    @property
    def _asks_for_hours(self) -> bool:
        return "unmatched" in self._wished.__dict__

    @property
    def defined(self) -> list[Defined]:
        """Variables that follow from a fixed schedule: certificates, quota, hours, then what wishes lack."""
        out = [one for account in self._accounts for one in account.defined]
        if self._asks_for_hours:
            variable, over = self._wished.unmatched
            out.append(Defined(variable, lambda: np.maximum(over.value, 0.0), "use not met carbon-free", "kW"))
        return out + self.flow_limits.defined + [_shortfall(breach) for breach in self.breaches]

    def take(self, inputs: Inputs) -> None:
        """Another horizon, and what is carried into it."""
        if self.quota is not None:
            self.quota.take(inputs)

    def read(self) -> CarbonPosition:
        """What the variables' present values come to."""
        return CarbonPosition(
            settings=self.site.carbon,
            wishes=self.site.wishes,
            carriers=dict(zip(self.site.bus_names, self.site.bus_carriers, strict=True)),
            caps_kg={b.text: np.asarray(b.limit.value) for b in self.breaches if b.limit is not None},
            quota={} if self.quota is None else self.quota.read(),
            certificates={} if self.certificates is None else self.certificates.read(),
        )


def _shortfall(breach: Breach) -> Defined:
    return Defined(breach.short, lambda: np.maximum(breach.needed.value, 0.0), breach.text, breach.unit)
