"""The independent proof of a schedule's carbon account: wishes, quota and certificates from the kinds' own accounts.

It shares no formula with the optimiser: periods are told by the clock, a price by steps is walked interval by interval,
and the cheapest way to settle a position is looked for among all kinks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from dispatch.accounts.carbon_sums import Accounts, Gap, Sums, brought, gaps, hourly, windows_of
from dispatch.carbon_wanted.settings import ACCOUNT, Certificates, Quota
from dispatch.carbon_wanted.wishes import EmissionsWish
from dispatch.part import Violation
from dispatch.schedule import Schedule
from dispatch.signals import Array
from dispatch.site import FillWish, wish_names

_ROOM = 0.1  # kg or kWh
_T = 1e-4
_SHARE = 1e-5


def carbon_money(schedule: Schedule) -> Array:
    """(scenario,) what quota and certificates cost, counted from what is traded."""
    asked, total = schedule.carbon.settings, np.zeros(schedule.scenarios)
    if asked.quota is not None:
        total = total + _quota_money(asked.quota, schedule)
    if asked.certificates is not None:
        total = total + _certificate_money(asked.certificates, schedule)
    return total


def carbon_violations(schedule: Schedule, accounts: Accounts) -> Iterator[Violation]:
    """Shortfalls of wishes that are understated, a quota that is not settled, certificates that are used twice."""
    if not schedule.carbon.wishes and schedule.carbon.settings.quota is None and not schedule.carbon.certificates:
        return
    of = brought(schedule, accounts)
    yield from _wishes(schedule, of)
    if schedule.carbon.settings.quota is not None:
        yield from _quota(schedule.carbon.settings.quota, schedule, of)
    if schedule.carbon.settings.certificates is not None:
        yield from _certificates(schedule.carbon.settings.certificates, schedule, of)


def _wishes(schedule: Schedule, of: Sums) -> Iterator[Violation]:
    """No wish is missed by more than what the schedule says."""
    hours = schedule.inputs.horizon.hours
    for wish, names in zip(schedule.carbon.wishes, wish_names(schedule.carbon.wishes), strict=True):
        if isinstance(wish, FillWish):
            continue
        cap = schedule.carbon.caps_kg.get(names[0]) if isinstance(wish, EmissionsWish) else None
        for gap in gaps(wish, names, of, hours, windows_of(schedule.inputs.horizon, wish.over), cap):
            yield from _understated(schedule, gap)


def _understated(schedule: Schedule, gap: Gap) -> Iterator[Violation]:
    stated, unit = schedule.wish_short[gap.text]
    for scenario, window in np.argwhere(~(gap.missed <= stated + _ROOM + _SHARE * np.abs(gap.of))):
        value, limit = float(gap.missed[scenario, window]), float(stated[scenario, window])
        yield Violation("site", f"{gap.text}: missed by more than stated", int(window), value, limit, unit, "mistake",
                        among=stated.shape[1])  # fmt: skip


def _certificates(wanted: Certificates, schedule: Schedule, of: Sums) -> Iterator[Violation]:
    """Each is issued before it is sold, lost to the claim once it is, and out of a stock that holds it."""
    hours, said = schedule.inputs.horizon.hours, schedule.carbon.certificates
    gone, lost = of.gone, hourly(schedule, "lost_kw")
    limits = [
        ("certificates sold or registered that were not issued", gone - of.issued),
        ("certificates sold that a claim still counts", gone - of.exported - lost),
        ("certificates below nothing", np.maximum.reduce([-hourly(schedule, n) for n in _HOURLY])),
    ]
    for what, over in limits:
        for _, step in np.argwhere(~(over <= 1e-3)):
            yield Violation("site", what, int(step), float(over.max()), 0.0, "kW", "mistake", over.shape[1])
    used, zero = hourly(schedule, "used_kw") @ hours / 1000, np.zeros(schedule.scenarios)
    bought, sold = said.get("bought_mwh", zero), said.get("stock_sold_mwh", zero)
    left = wanted.held_mwh + bought - sold - used
    for scenario in np.flatnonzero(~(left >= -_T) | ~(np.minimum(bought, sold) >= -_T)):
        what = "certificates used that are not in stock"
        yield Violation("site", what, 0, float(left[scenario]), 0.0, "MWh", "mistake")


_HOURLY = ("own_sold_kw", "registered_kw", "lost_kw", "used_kw")


def _certificate_money(wanted: Certificates, schedule: Schedule) -> Array:
    said, zero = schedule.carbon.certificates, np.zeros(schedule.scenarios)
    own = hourly(schedule, "own_sold_kw") @ schedule.inputs.horizon.hours / 1000
    paid = (wanted.buy_price_per_mwh or 0.0) * said.get("bought_mwh", zero)
    return np.asarray(paid - (wanted.sell_price_per_mwh or 0.0) * (own + said.get("stock_sold_mwh", zero)))


def _steps_of(schedule: Schedule, quota: Quota) -> list[tuple[np.ndarray, float, float]]:
    """By period of the quota, its steps, tonnes before and after the horizon, and free allowances."""
    horizon, state = schedule.inputs.horizon, schedule.inputs.state.get(ACCOUNT, {})
    starts = horizon.local_start
    if quota.per == "horizon":
        return [(np.ones(len(starts), bool), 0.0, quota.free_t)]
    names = [s.strftime("%Y-%m" if quota.per == "month" else "%Y") for s in starts]
    out = []
    for name in sorted(set(names)):
        first = name == names[0]
        before = state.get("emitted_to_date_t", quota.emitted_to_date_t) if first else 0.0
        rest = _days_left(horizon.local_end[-1], name, horizon.time_zone) if name == names[-1] else 0.0
        out.append((np.array([n == name for n in names]), before + rest * quota.expected_day_t, quota.free_t))
    return out


def _days_left(end: datetime, name: str, zone: str) -> float:
    """Days of 24 h from the horizon's end to that of the period, in UTC: one zone's own times differ by its clock."""
    year, month = (int(name[:4]), int(name[5:])) if "-" in name else (int(name), 12)
    following = datetime(year + 1, 1, 1) if month == 12 else datetime(year, month + 1, 1)  # noqa: DTZ001 — the zone comes next
    until = following.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    return max((until - end.astimezone(UTC)).total_seconds() / 86_400, 0.0)


def _quota(quota: Quota, schedule: Schedule, of: Sums) -> Iterator[Violation]:
    """Allowances and offsets make up for what is emitted, offsets within their share, each sort once."""
    said, emitted = schedule.carbon.quota, of.direct if quota.covers == "direct" else of.emitted
    hours = schedule.inputs.horizon.hours
    for slot, (steps, before, free) in enumerate(_steps_of(schedule, quota)):
        covered = emitted[:, steps].sum(axis=1) / 1000
        offsets = _slot(said, "offsets_t", slot, covered)
        registered = np.zeros_like(covered)
        if schedule.carbon.settings.certificates is not None:
            per_mwh = schedule.carbon.settings.certificates.offset_t_per_mwh or 0.0
            registered = per_mwh * (hourly(schedule, "registered_kw") * hours)[:, steps].sum(axis=1) / 1000
        left = before + covered - free - offsets - registered
        room = _T + _SHARE * np.abs(before + covered)
        if quota.trading is not None:
            traded = _slot(said, "bought_t", slot, covered) - _slot(said, "sold_t", slot, covered)
            for scenario in np.flatnonzero(~(np.abs(traded - left) <= room)):
                what = "allowances do not make up for what is emitted"
                said_t, asked_t = float(traded[scenario]), float(left[scenario])
                yield Violation("site", what, int(scenario), said_t, asked_t, "t", "mistake")
        share = 0.0 if quota.offsets is None else quota.offsets.share_max
        over = offsets + registered - share * (before + covered)
        for scenario in np.flatnonzero(~(over <= room) | ~(offsets >= -room)):
            yield Violation("site", "offsets above their share", int(scenario), float(over[scenario]), 0.0, "t")


def _slot(said: Mapping[str, Array], name: str, slot: int, like: Array) -> Array:
    return said[name][:, slot] if name in said else np.zeros_like(like)


def _quota_money(quota: Quota, schedule: Schedule) -> Array:
    """(scenario,) what is paid for what is traded, less what would be paid anyway."""
    said, total = schedule.carbon.quota, np.zeros(schedule.scenarios)
    emitted = np.zeros((schedule.scenarios, schedule.inputs.horizon.steps))
    for solved in schedule.kinds.values():
        if quota.covers == "all" or not type(solved.rows.members[0]).is_network:
            np.add.at(emitted, solved.rows.scenario, solved.co2_step_kg)
    for slot, (steps, before, free) in enumerate(_steps_of(schedule, quota)):
        offsets, registered = (_slot(said, n, slot, total) for n in ("offsets_t", "registered_t"))
        lacking = before + emitted[:, steps].sum(axis=1) / 1000 - free
        total = total + [
            _paid(quota, x - o - r) + (0.0 if quota.offsets is None else quota.offsets.price_per_t * o)
            for x, o, r in zip(lacking, offsets, registered, strict=True)
        ]
        if quota.per != "horizon":
            total = total - _cheapest(quota, before - free, before)
    return total


def _paid(quota: Quota, lacking: float) -> float:
    """Money for tonnes that lack, or out of those that are left."""
    if quota.trading is not None:
        return lacking * (quota.trading.buy_price_per_t if lacking > 0 else quota.trading.sell_price_per_t)
    assert quota.steps is not None
    price, money, left = quota.steps.price_per_t, 0.0, lacking
    for _ in range(quota.steps.steps):
        if left <= quota.steps.interval_t:
            break
        money, left = money + price * quota.steps.interval_t, left - quota.steps.interval_t
        price += quota.steps.growth * quota.steps.price_per_t
    return money + price * left


def _cheapest(quota: Quota, lacking: float, obligation: float) -> float:
    """The least that settles a position: of all kinks of its cost, which is convex in the offsets."""
    if quota.offsets is None:
        return _paid(quota, lacking)
    most = quota.offsets.share_max * obligation
    kinks = [0.0, most, lacking]
    if quota.steps is not None:
        kinks += [lacking - k * quota.steps.interval_t for k in range(1, quota.steps.steps + 1)]
    tried = [min(max(kink, 0.0), most) for kink in kinks]
    return min(_paid(quota, lacking - o) + quota.offsets.price_per_t * o for o in tried)
