"""The job that settles an award: meters against a baseline, in money, shared out among the sites."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from dispatch.errors import ConfigError, Problem
from dispatch.markets import portfolio
from dispatch.markets.alongside import Other, without
from dispatch.markets.awards import Award
from dispatch.markets.baselines.methods import method as method_of
from dispatch.markets.calendar import periods
from dispatch.markets.catalogue import product as product_of
from dispatch.markets.portfolio import Metered, Prices, Settled
from dispatch.markets.product import Product
from dispatch.markets.split import By
from dispatch.markets.statement import Statement, unused
from dispatch.markets.underway import on_steps
from dispatch.service.store import fleet_results, metering
from dispatch.service.store.fleet_results import Content
from dispatch.service.store.jobs import Job
from dispatch.service.store.transaction import Tx
from dispatch.service.work import alongside
from dispatch.service.work.fleet_day import DEADLINE_S, Progress
from dispatch.signals import Array, Horizon

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["DEADLINE_S", "commit", "floor", "prepare", "run"]
# A field of the request's periods, what it is to the product, and what to the settlement.
_BESIDE = (
    ("surplus_price_per_kwh", "imbalance", "surplus_per_kwh"),
    ("shortage_price_per_kwh", "imbalance", "shortage_per_kwh"),
    ("available_share", "availability", "available"),
    ("activated_kw", "activated", "activated_kw"),
)


@dataclass(frozen=True, eq=False)
class Asked:
    """An award, what meters showed of its sites, and what they were to give.

    Attributes:
        called: other days with an award of one of the sites, which no baseline is made of.
        others: other awards that ask something of the sites on the day.
    """

    award: Award
    metered: Metered
    setpoints: pa.Table
    baseline: str
    split_by: By
    holidays: tuple[date, ...]
    called: tuple[date, ...]
    others: tuple[Other, ...]
    periods: tuple[Mapping[str, Any], ...]


def prepare(tx: Tx, job: Job) -> Asked:
    """The award, and the meters of its sites over as many days as the baseline looks back."""
    asked = job.request
    found = fleet_results.require(tx, "award", asked["award"])
    award = Award.model_validate(found.request["award"])
    product, setpoints = product_of(award.product, award.day), fleet_results.read_table(tx, found, "setpoints")
    sites = tuple(dict.fromkeys(setpoints["site"].to_pylist()))
    start, end = span(product, award.day, found.summary["time_zone"], method_of(asked["baseline"]).look_back_days)
    metered = metering.metered(tx, sites, start, end, found.summary["time_zone"], 60 * product.period_minutes)
    holidays = tuple(date.fromisoformat(day) for day in asked["holidays"])
    more = alongside.awards_of(tx, sites, start, end, found.id)
    return Asked(
        award, metered, setpoints, asked["baseline"], asked["split_by"], holidays, alongside.days(more, award.day),
        alongside.others(tx, more, sites, award.day, metered.steps), tuple(asked["periods"]),
    )  # fmt: skip


def span(product: Product, day: date, time_zone: str, days_before: int) -> tuple[datetime, datetime]:
    """From a local midnight some days before a delivery day to the first one after its last period."""
    zone = ZoneInfo(time_zone)
    over = periods(product, day)
    first, last = over.start.astimezone(zone).date(), over.local_end[-1].astimezone(zone)
    until = last.date() + timedelta(days=int(last.time() > time()))
    begin = first - timedelta(days=days_before)
    return datetime.combine(begin, time(), zone), datetime.combine(until, time(), zone)


def run(asked: Asked, progress: Progress) -> Content:
    """Baseline, delivery, money, split."""
    product, method = product_of(asked.award.product, asked.award.day), method_of(asked.baseline)
    asks = portfolio.asked(product, [asked.award])
    progress(f"baselines of {len(asked.metered.sites)} sites by {method.name}")
    alone = replace(asked.metered, net_import_kw=without(asked.metered.net_import_kw, asked.others))
    base = portfolio.baselines(method, alone, asks, asked.holidays, called=asked.called, whole=False)
    setpoints = _on_meters(asked.setpoints, asked.metered.steps)
    prices = prices_of(product, asks, asked.periods)
    progress("settling")
    settled = portfolio.settle_awards(
        product, [asked.award], asked.metered, base, setpoints, prices, asked.others, whole=False
    )
    state = "" if method.verified else f" Not verified: {method.note}"
    told = (f"Baseline {method.name}: {method.title}. {method.source}.{state}",)
    made = Statement(settled, settled.split(asked.split_by), told)
    hours = settled.settlement.terms.hours
    checked = settled.settlement.checked
    plain = {
        **made.plain(),
        "delivered_kwh": float(checked.delivered_kw @ hours),
        "awarded_kwh": float(checked.award_kw @ hours),
    }
    return Content(plain, {**made.tables(), "sites": _sites(settled)}, {"page": made.page()})


def _on_meters(table: pa.Table, steps: Horizon) -> Array:
    """(N, T) set-points on the meters' steps."""
    count = len(dict.fromkeys(table["site"].to_pylist()))
    start, end = (table[name].to_numpy(zero_copy_only=False).reshape(count, -1)[0] for name in ("start", "end"))
    edges = np.append(start, end[-1]).astype("datetime64[s]")
    return on_steps(table["given_kw"].to_numpy().reshape(count, -1), edges, steps.edges)


def prices_of(product: Product, asks: portfolio.Asked, given: Sequence[Mapping[str, Any]]) -> Prices:
    """What the request says of awarded periods, as series of all of them.

    Raises:
        ConfigError: a period that was not awarded, a price that the product has no use for or needs, or that some lack.
    """
    starts = asks.start.astype("datetime64[s]").astype(np.int64)
    place = {int(start): n for n, start in enumerate(starts)}
    series = {name: np.full(starts.size, np.nan) for name, _, _ in _BESIDE}
    useless, wrong = unused(product), list(_twice(given))
    for number, one in enumerate(given):
        at = place.get(round(datetime.fromisoformat(one["start"]).timestamp()))
        if at is None:
            wrong.append(Problem(f"periods[{number}].start", f"{one['start']} was not awarded", "an awarded period"))
            continue
        for name, what, _ in _BESIDE:
            if one.get(name) is not None and what in useless:
                text = f"{product.name} is not settled by {what}"
                wrong.append(Problem(f"periods[{number}].{name}", text, "nothing: leave it out"))
            elif one.get(name) is not None:
                series[name][at] = one[name]
    wrong += _lacking(product, series)
    if wrong:
        raise ConfigError("settlement", wrong)
    return Prices(**{to: series[name] for name, _, to in _BESIDE if np.isfinite(series[name]).any()})


def _lacking(product: Product, series: Mapping[str, Array]) -> Iterator[Problem]:
    """Prices that the product's rules need, and what is said of some periods only."""
    useless = unused(product)
    for name, what, _ in _BESIDE:
        known = np.isfinite(series[name])
        if known.any() and not known.all():
            yield Problem("periods", f"say {name} of some awarded periods only", "all of them, or none")
        if what == "imbalance" and what not in useless and not known.any():
            text = f"{product.name} is settled with imbalance, and its {name} is missing"
            yield Problem("periods", text, f"{name} of each awarded period")
    surplus, shortage = (series[name] for name, what, _ in _BESIDE if what == "imbalance")
    if product.delivery.imbalance == "single" and (np.abs(surplus - shortage) > 0).any():
        text = f"{product.name} has one imbalance price, and surplus and shortage are given two"
        yield Problem("periods", text, "the same price for both")


def _twice(given: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    """Periods that are told of more than once: nobody could say which counts."""
    seen: set[datetime] = set()
    for number, one in enumerate(given):
        start = datetime.fromisoformat(one["start"])
        if start in seen:
            yield Problem(f"periods[{number}].start", f"{one['start']} is told of twice", "each period once")
        seen.add(start)


def _sites(settled: Settled) -> pa.Table:
    """A row per site and awarded period; a delivery that is not known is null."""
    import pyarrow as pa

    made, stamp, count = settled.settlement, pa.timestamp("s", "UTC"), len(settled.sites)
    return pa.table({
        "site": np.repeat(np.array(settled.sites, object), made.start.size),
        "start": pa.array(np.tile(made.start.astype("datetime64[s]"), count), stamp),
        "end": pa.array(np.tile(made.end.astype("datetime64[s]"), count), stamp),
        "award_kw": settled.award_kw.ravel(),
        "delivered_kw": pa.array(settled.delivered_kw.ravel(), from_pandas=True),
    })  # fmt: skip


def floor(asked: Asked, reason: str) -> None:
    """Money is not settled by a rule of thumb."""
    del asked, reason


def commit(tx: Tx, job: Job, outcome: Content) -> dict[str, Any]:
    """Keep tables and page."""
    made = str(job.request["result"])
    files = fleet_results.write(tx, made, outcome)
    return {
        "href": f"/api/v1/settlements/{made}",
        "revenue": outcome.summary["revenue"],
        "currency": outcome.summary["currency"],
        "files": {fleet_results.ARROW: files["invoice"], fleet_results.HTML: files["page"]},
    }
