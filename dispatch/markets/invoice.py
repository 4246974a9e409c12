"""A settlement as a table that adds up: each line with its formula, quantity, price and amount."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from dispatch.errors import DataError
from dispatch.markets.settlement import CENTS, Settlement
from dispatch.markets.split import decimals

if TYPE_CHECKING:
    import pyarrow as pa


def invoice(settlement: Settlement) -> pa.Table:
    """A row per line that is not empty, in the order of kinds and periods.

    ``amount`` is quantity × price to the cent and ``revenue`` the same to the portfolio: negative where it pays.
    """
    import pyarrow as pa

    product = settlement.terms.product
    parts = []
    for line in settlement.lines:
        kept = np.flatnonzero(line.quantity != 0)
        amount = line.cents[kept] if line.to_us else -line.cents[kept]
        same = {
            "portfolio": settlement.portfolio,
            "product": product.name,
            "side": settlement.terms.side,
            "kind": line.kind,
            "formula": line.formula,
            "paid_to": "portfolio" if line.to_us else "market",
        }
        columns = {name: pa.array([text] * kept.size, pa.string()) for name, text in same.items()}
        columns |= {
            "start": pa.array(settlement.start[kept].astype("datetime64[s]"), pa.timestamp("s", "UTC")),
            "end": pa.array(settlement.end[kept].astype("datetime64[s]"), pa.timestamp("s", "UTC")),
            "quantity": pa.array(line.quantity[kept], pa.float64()),
            "unit": pa.array([line.unit] * kept.size, pa.string()),
            "price": pa.array(line.price[kept], pa.float64()),
            "price_unit": pa.array([f"{product.currency}/{line.unit}"] * kept.size, pa.string()),
            "amount": decimals(amount),
            "revenue": decimals(line.cents[kept]),
        }
        parts.append(pa.table(columns))
    return pa.concat_tables(parts)


def require_sums(table: pa.Table, cents: int) -> None:
    """Hold an invoice against itself: every amount its quantity times price, and all of them the total.

    Raises:
        DataError: a line or the sum does not add up.
    """
    rows = table.to_pydict()
    for place, (quantity, price) in enumerate(zip(rows["quantity"], rows["price"], strict=True)):
        expected = round(quantity * price * CENTS)
        sign = 1 if rows["paid_to"][place] == "portfolio" else -1
        if expected != rows["amount"][place] * CENTS or sign * expected != rows["revenue"][place] * CENTS:
            raise DataError(f"invoice line {place}: {quantity:g} × {price:g} is not {rows['amount'][place]}")
    total = sum(rows["revenue"], start=0) * CENTS
    if total != cents:
        raise DataError(f"the invoice's lines add up to {total / CENTS}, the settlement to {cents / CENTS:.2f}")


def deliveries(settlement: Settlement) -> pa.Table:
    """A row per period with an award or a delivery: what was asked, given, counted, short and beyond."""
    import pyarrow as pa

    found = settlement.checked
    asked = (found.award_kw > 0) | (found.delivered_kw != 0)
    names = ("award_kw", "delivered_kw", "counted_kw", "short_kw", "beyond_kw")
    return pa.table(
        {
            "start": pa.array(settlement.start[asked].astype("datetime64[s]"), pa.timestamp("s", "UTC")),
            "end": pa.array(settlement.end[asked].astype("datetime64[s]"), pa.timestamp("s", "UTC")),
            **{name: getattr(found, name)[asked] for name in names},
            "whole": found.whole[asked],
        }
    )


def kinds(settlement: Settlement) -> Sequence[tuple[str, int]]:
    """Each kind of line with its sum in cents."""
    names = dict.fromkeys(line.kind for line in settlement.lines)
    return [(name, settlement.cents_of(name)) for name in names]
