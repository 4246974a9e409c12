"""What a plan says of its caps, its quota and its certificates: tables for the report."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dispatch.accounts.carbon_sums import windows_of
from dispatch.emissions.position import CarbonPosition
from dispatch.plan import Plan
from dispatch.report.data import Answer, Cell, Table
from dispatch.signals import Array

_NOTE = (
    "The shadow carbon price is what the objective would fall by per tonne that a cap is raised, over all scenarios; "
    "it stands beside the carbon price of the park's file. A quota is settled in each scenario by itself; shown is the "
    "central path. Of a month or a year the plan pays what it adds to the account."
)
_MOST_WINDOWS = 10
_SMALL = 1e-6


def carbon_account(plan: Plan) -> Iterator[Answer]:
    """Caps, quota and certificates, where the park has any."""
    tables = [*_caps(plan), *_quota(plan), *_certificates(plan)]
    if tables:
        yield Answer("Carbon: caps, quota, certificates", (), note=_NOTE, tables=tuple(tables))


def _caps(plan: Plan) -> Iterator[Table]:
    """Window by window; of many those that bind."""
    schedule, rows = plan.schedule, []
    for name, wish in schedule.carbon.named_caps:
        cap, over = schedule.carbon.caps_kg[name], schedule.wish_over_kg[name][0]
        prices = schedule.shadow_price_per_t.get(name, np.full(cap.size, np.nan))
        windows = windows_of(plan.horizon, wish.over)
        shown = np.arange(cap.size)
        if cap.size > _MOST_WINDOWS:
            shown = np.flatnonzero((np.nan_to_num(prices) > _SMALL) | (over > _SMALL))[:_MOST_WINDOWS]
        for place in shown:
            first = plan.horizon.local_start[int(windows[:, place].argmax())]
            rows.append((name, f"{first:%d %B %H:%M}", cap[place] / 1000, over[place] / 1000, float(prices[place])))
    if rows:
        price = f"Shadow carbon price [{plan.site.currency}/t]"
        yield Table(("Cap", "From", "Cap [t]", "Over [t]", price), tuple(map(_cells, rows)))


def _quota(plan: Plan) -> Iterator[Table]:
    """Period by period."""
    said, quota = plan.schedule.carbon.quota, plan.site.carbon.quota
    if quota is None:
        return
    names = {
        "before_t": "Before and expected [t]",
        "covered_t": "This plan [t]",
        "free_t": "Free [t]",
        "offsets_t": "Offsets bought [t]",
        "registered_t": "Own offsets [t]",
        "bought_t": "Allowances bought [t]",
        "sold_t": "Allowances sold [t]",
    }
    kept = [name for name in names if name in said]
    rows = [
        (_slot(quota.per, slot), *(said[n][0, slot] for n in kept))
        for slot in range(said["covered_t"].shape[1])
        if said["free_t"][0, slot] or said["covered_t"][0, slot]
    ]
    yield Table(("Quota", *(names[name] for name in kept)), tuple(map(_cells, rows)))


def _slot(per: str, slot: int) -> str:
    if per == "horizon":
        return "the horizon"
    return f"{per} of the start" if slot == 0 else f"the {per} after"


def _certificates(plan: Plan) -> Iterator[Table]:
    if plan.site.carbon.certificates is None:
        return
    found = balance_mwh(plan.schedule.carbon, plan.horizon.hours)
    yield Table(("Certificates", "MWh"), tuple((name, float(values[0])) for name, values in found.items()))


def balance_mwh(carbon: CarbonPosition, hours: Array) -> dict[str, Array]:
    """(scenario,) certificates from the start to the end, by name [MWh].

    What own generation's are kept for is what is neither sold, registered nor left of exports.
    """
    said, wanted = carbon.certificates, carbon.settings.certificates
    issued = said["issued_mwh"]
    zero = np.zeros_like(issued)
    power = {n: said[n] @ hours / 1000 if n in said else zero for n in ("own_sold_kw", "registered_kw", "used_kw")}
    return {
        "in stock at the start": zero + (wanted.held_mwh if wanted is not None else 0.0),
        "issued for own generation": issued,
        "bought": said.get("bought_mwh", zero),
        "sold": power["own_sold_kw"] + said.get("stock_sold_mwh", zero),
        "registered as offsets": power["registered_kw"],
        "used for claims": power["used_kw"],
        "kept with own generation": issued - power["own_sold_kw"] - power["registered_kw"],
        "in stock at the end": said["left_mwh"],
    }


def _cells(row: tuple[object, ...]) -> tuple[Cell, ...]:
    """Numbers to six digits, none where there is no number."""
    out: list[Cell] = []
    for value in row:
        if isinstance(value, str):
            out.append(value)
        else:
            number = float(value)  # type: ignore[arg-type]  # what is no text is a number
            out.append(None if not np.isfinite(number) else round(number, 6) + 0.0)
    return tuple(out)
