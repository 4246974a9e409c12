"""A settlement as a page: what was asked, given and paid, and to whom it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dispatch.markets.axis import Axis
from dispatch.markets.calendar import local
from dispatch.markets.invoice import kinds
from dispatch.markets.portfolio import Settled
from dispatch.markets.settlement import CENTS
from dispatch.markets.split import Split
from dispatch.report.data import Section, Table
from dispatch.report.drawings import Curve, curves
from dispatch.report.study import StudyPage, render_study
from dispatch.report.wording import number, percent

if TYPE_CHECKING:
    from dispatch.report.drawings import Drawing

_ASKED, _GIVEN = "#76828e", "#297fcc"
_MOST_SITES = 40
_NAMES = {"delivered": "delivery", "marginal": "marginal contribution", "shapley": "Shapley value"}
_BY = {
    "delivered": "payments by what each site gave, penalties by what each was short, imbalance by each one's deviation",
    "marginal": "what the portfolio would lose without the site; what is left by delivery",
    "shapley": "what a site adds, the mean over all orders of joining",
}


def page(settled: Settled, split: Split, about: tuple[str, ...]) -> str:
    """The page of a settlement.

    Args:
        about: notes, such as how the baseline was made.
    """
    settlement = settled.settlement
    product, found = settlement.terms.product, settlement.checked
    zone = product.time_zone
    first, last = local(settlement.start[0], zone), local(settlement.end[-1], zone)
    hours = settlement.terms.hours
    asked, given = float(found.award_kw @ hours), float(found.delivered_kw @ hours)
    sites = f"{len(split.sites)} of {len(settled.sites)} sites" if settled.gaps else f"{len(settled.sites)} sites"
    of = "of the part that is known" if settled.gaps else "of the award"
    figures = (
        ("Provisional revenue" if settled.gaps else "Revenue", _money(settlement.cents), product.currency, sites),
        ("Asked for", number(asked / 1000, 2), "MWh", f"{settlement.terms.side}, {hours.size} periods"),
        ("Delivered", number(given / 1000, 2), "MWh", f"{percent(given / asked)} {of}" if asked else ""),
        ("Whole deliveries", percent(float(found.whole.mean())), "", "of the periods"),
    )
    checks = "" if product.verified else f" The product's numbers are not verified: {product.note or product.source}"
    return render_study(
        StudyPage(
            title="parkwatt: settlement",
            site=settlement.portfolio or product.title,
            span=f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}",
            settings=(product.title, settlement.terms.side, f"prices in {product.price_unit}"),
            figures=figures,
            sections=(_lines(settled), _delivery(settled), _sites(settled, split)),
            notes=(*about, *settled.notes, f"Product: {product.source}, {product.span}.{checks}"),
        )
    )


def _money(cents: int) -> str:
    return number(cents / CENTS, 2)


def _lines(settled: Settled) -> Section:
    rows = tuple((kind, _money(cents)) for kind, cents in kinds(settled.settlement))
    total = (*rows, ("in all", _money(settled.settlement.cents)))
    currency = settled.settlement.terms.product.currency
    formulas = "; ".join(dict.fromkeys(f"{line.kind}: {line.formula}" for line in settled.settlement.lines))
    note = f"{formulas}. Every line of the invoice is a quantity times a price, rounded to the cent."
    return Section(
        "What is paid", tables=(Table(("line", f"to the portfolio [{currency}]"), total, short=True),), note=note
    )


def _delivery(settled: Settled) -> Section:
    found = settled.settlement.checked
    terms = settled.settlement.terms
    axis = Axis.of(settled.settlement.start, settled.settlement.end, terms.product.time_zone)
    about = "Mean power of each awarded period; times without an award are left out, and are gaps."
    lines = (
        Curve("asked for", _ASKED, *axis.stairs(found.award_kw)),
        Curve("delivered", _GIVEN, *axis.stairs(found.delivered_kw)),
    )
    drawing: Drawing = curves("Asked for and delivered", about, (axis.name, "kW"), lines, x_names=axis.marks())
    short = float(found.short_kw @ settled.settlement.terms.hours)
    beyond = float(found.beyond_kw @ settled.settlement.terms.hours)
    note = f"Short of it {number(short)} kWh, beyond what is paid {number(beyond)} kWh."
    return Section("What was delivered", plots=(drawing,), note=note)


def _sites(settled: Settled, split: Split) -> Section:
    hours = settled.settlement.terms.hours
    _, given_kw, asked_kw = settled.counted()
    asked, given = asked_kw @ hours, given_kw @ hours
    order = np.argsort(-split.total, kind="stable")[:_MOST_SITES]
    rows = tuple(
        (split.sites[n], number(float(asked[n])), number(float(given[n])), _money(int(split.total[n]))) for n in order
    )
    currency = settled.settlement.terms.product.currency
    head = ("site", "asked for [kWh]", "delivered [kWh]", f"revenue [{currency}]")
    rest = len(split.sites) - len(order)
    more = f" {rest} more sites stand in the table of the split." if rest else ""
    more += f" What is not known of them is in none of these: {settled.open_kwh:.6g} kWh." if settled.gaps else ""
    note = f"Shared out by {_NAMES[split.by]}: {_BY[split.by]}. The sites' revenues add up to the portfolio's.{more}"
    return Section("Whose revenue it is", tables=(Table(head, rows, short=True),), note=note)
