"""What operators of some parks ask of a plan beyond its balances: the origin of each step's use, and moved compute."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dispatch.accounts.matching import Matched, matched
from dispatch.assets.data_centre import DataCentre
from dispatch.assets.direct_line import DirectLine
from dispatch.assets.grid_connection import GridConnection
from dispatch.carbon_wanted.wishes import CarbonFreeWish
from dispatch.loads.data_centre_work import done_early, work
from dispatch.plan import Plan
from dispatch.presentation.chain_answers import heat_cascade, products_made
from dispatch.presentation.emission_answers import carbon_account
from dispatch.report.data import Answer, Line, Picture
from dispatch.report.wording import energy, number, percent
from dispatch.schedule import Schedule, Solved
from dispatch.signals import Array
from dispatch.site import DirectShareWish, Site
from dispatch.tables import rounded

_ORIGINS = (
    ("direct", "direct_kw", "wind"),
    ("contract", "contract_kw", "battery"),
    ("grid, clean part", "grid_clean_kw", "chiller"),
    ("own fuel", "fuel_kw", "genset"),
    ("grid, rest", "rest_kw", "grid_connection"),
    ("stored before", "stored_kw", "losses"),
)
_WHOLE = 1 - 1e-3


def answers(plan: Plan) -> Iterator[Answer]:
    """Those that the park's file gives reason for."""
    if asks_for_origins(plan.site):
        yield _origins(matched(plan.site, plan.schedule))
    for solved in plan.schedule.kinds.values():
        if isinstance(solved.rows.members[0], DataCentre):
            yield _compute(plan.schedule, solved)
    yield from carbon_account(plan)
    yield from products_made(plan)
    yield from heat_cascade(plan)


def asks_for_origins(site: Site) -> bool:
    """Is there a line of its own, a contract for green power, or a wish for a direct share or carbon-free hours?"""
    contracts = any(isinstance(a, GridConnection) and a.green_power for a in site.assets)
    lines = any(isinstance(a, DirectLine) for a in site.assets)
    return contracts or lines or any(isinstance(w, DirectShareWish | CarbonFreeWish) for w in site.wishes)


def _origins(found: Matched) -> Answer:
    """Shares of the day and of every step."""
    hours, share = found.horizon.hours, found.step_share
    used = np.isfinite(share)
    whole = float(hours[used & (share >= _WHOLE)].sum())
    unused = np.maximum(found.offered_kw - found.contract_kw, 0)
    facts = [
        ("electricity used", energy(float(found.use_kw @ hours))),
        ("direct share", percent(found.direct_share)),
        ("direct and contracted, step by step", percent(found.green_share)),
        ("the same by volume, whenever it came", percent(found.by_volume)),
        ("carbon-free around the clock (CFE), the grid's clean part included", percent(found.cfe)),
        ("time fully matched", f"{number(whole, 1)} of {number(float(hours[used].sum()), 1)} h"),
        ("lowest share of a step", percent(float(share[used].min()) if used.any() else None)),
        ("in stores at the start, of unknown origin", energy(float(found.stored_kw @ hours))),
        ("agreed by contract and not taken", energy(float(unused @ hours))),
    ]
    lines = [Line(name, rounded(getattr(found, field)), kind) for name, field, kind in _ORIGINS]
    kept = tuple(line for line in lines if max(line.values) > 0)
    picture = Picture(
        "Origin of each step's use",
        "Use of every step by where it came from; what a store gives has the origin of what charged it.",
        kept,
        ratio=Line("direct, contract", rounded(100 * share), unit="%"),
    )
    return Answer("Origin, step by step", tuple(facts), (picture,))


def _compute(schedule: Schedule, solved: Solved) -> Answer:
    """Where and when batch work is done, against work that is done as it comes and where it comes."""
    rows, inputs, hours = solved.rows, schedule.inputs, schedule.inputs.horizon.hours
    room = np.maximum(rows.series(inputs, "capacity_kw") - rows.series(inputs, "demand_kw"), 0)
    early, members = done_early(rows, inputs, room), range(len(rows.members))
    slots = range(len(early))
    done = {row: [solved.series[f"batch_{k}_kw"][row] for k in slots] for row in members}
    later = sum(float(np.maximum(done[m][k] - early[f"batch_{k}_kw"][m], 0) @ hours) for m in members for k in slots)
    wanted = sum(float(one.wanted_kwh[: len(members)].sum()) for one in work(rows, inputs))
    made = sum(float(flow @ hours) for flows in done.values() for flow in flows)
    sent = float(solved.series["sent_kw"][: len(members)].sum(axis=0) @ hours)
    facts = [
        ("batch work done", f"{energy(made)} of {energy(wanted)}"),
        ("of it, moved in time", energy(later)),
        ("of it, done elsewhere in its pool", energy(sent)),
        ("PUE of all together", number(_pue(solved, list(members), hours), 3)),
        *((f"PUE of {member.name}", number(_pue(solved, [m], hours), 3)) for m, member in enumerate(rows.members)),
    ]
    pictures = tuple(
        _hall(solved, m, sum(done[m], 0 * room[m]), _as_it_comes(solved, inputs, early, m)) for m in members
    )
    return Answer("Compute: work that waits and moves", tuple(facts), pictures)


def _hall(solved: Solved, row: int, done: Array, as_it_comes: Array) -> Picture:
    member, series = solved.rows.members[row], {name: values[row] for name, values in solved.series.items()}
    base = series["it_kw"] - done + series["sent_kw"] - series["received_kw"]
    lines = (
        Line("base load", rounded(base), "load"),
        Line("own batch work", rounded(np.maximum(done - series["sent_kw"], 0)), "vehicles"),
        Line("work of others", rounded(series["received_kw"]), "hydrogen"),
    )
    pue = np.divide(series["it_kw"] + series["overhead_kw"], series["it_kw"], out=np.full_like(base, np.nan),
                    where=series["it_kw"] > 0)  # fmt: skip
    return Picture(
        f"IT power of {member.name}",
        f"IT power of {member.name} by work, and what it would be if all work were done when and where it comes.",
        lines,
        over=Line("as it comes", rounded(as_it_comes)),
        ratio=Line("PUE", rounded(pue), unit="kW/kW"),
    )


def _as_it_comes(solved: Solved, inputs: Any, early: dict[str, Array], row: int) -> Array:
    demand = solved.rows.series(inputs, "demand_kw")[row] - solved.series["shed_kw"][row]
    return np.asarray(demand + sum(flow[row] for flow in early.values()))


def _pue(solved: Solved, rows: list[int], hours: Array) -> float:
    it, overhead = (float(solved.series[name][rows].sum(axis=0) @ hours) for name in ("it_kw", "overhead_kw"))
    return (it + overhead) / it if it > 0 else float("nan")
