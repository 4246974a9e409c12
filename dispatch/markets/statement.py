"""What a settlement leaves to read: tables that add up, plain values, a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from dispatch.errors import DataError
from dispatch.markets.invoice import deliveries, invoice, kinds, require_sums
from dispatch.markets.portfolio import Settled
from dispatch.markets.product import Product
from dispatch.markets.split import By, Split

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, eq=False)
class Statement:
    """A settlement with its split.

    Attributes:
        told: notes, such as how the baseline was made.
    """

    settled: Settled
    split: Split
    told: tuple[str, ...] = ()

    def tables(self) -> Mapping[str, pa.Table]:
        """Invoice, deliveries and split; the invoice is held against itself.

        Raises:
            DataError: a line or the sum does not add up.
        """
        settlement = self.settled.settlement
        made = {
            "invoice": invoice(settlement),
            "deliveries": deliveries(settlement),
            "split": self.split.table(settlement.terms.product.currency),
        }
        require_sums(made["invoice"], settlement.cents)
        return made

    def plain(self) -> dict[str, Any]:
        """In short, as plain values."""
        settlement = self.settled.settlement
        return {
            "product": settlement.terms.product.name,
            "side": settlement.terms.side,
            "portfolio": settlement.portfolio,
            "currency": settlement.terms.product.currency,
            "revenue": settlement.cents / 100,
            "lines": {kind: cents / 100 for kind, cents in kinds(settlement)},
            "sites": {site: int(cents) / 100 for site, cents in zip(self.split.sites, self.split.total, strict=True)},
            "split_by": self.split.by,
            "provisional": bool(self.settled.gaps),
            "open_kwh": self.settled.open_kwh,
            "missing": [
                {
                    "site": one.site,
                    "start": np.datetime_as_string(one.start, "s") + "Z",
                    "end": np.datetime_as_string(one.end, "s") + "Z",
                    "lacks": one.lacks,
                    "awarded_kwh": one.awarded_kwh,
                }
                for one in self.settled.gaps
            ],
            "notes": [*self.told, *self.settled.notes],
        }

    def page(self) -> str:
        """As HTML."""
        from dispatch.markets.pages import page

        return page(self.settled, self.split, self.told)


def unused(product: Product) -> tuple[str, ...]:
    """What settles other products and not this one: of ``imbalance``, ``availability`` and ``activated``."""
    is_capacity = product.kind == "capacity"
    pays_imbalance = not is_capacity and product.delivery.imbalance != "none"
    uses = {"imbalance": pays_imbalance, "availability": is_capacity, "activated": is_capacity}
    return tuple(name for name, used in uses.items() if not used)


def rule_of(text: str, place: str = "by") -> By:
    """A rule of splitting.

    Args:
        place: where it was said, for the message.

    Raises:
        DataError: there is none of that name.
    """
    for rule in get_args(By):
        if text == rule:
            return rule  # type: ignore[no-any-return] # one of the literal's own values
    raise DataError(f"{place} '{text}' is unknown; accepted: {', '.join(get_args(By))}")
