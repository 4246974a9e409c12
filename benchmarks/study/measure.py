"""What a method's executed days come to: every metric of every day, missing where it does not exist."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.methods.base import Method
from benchmarks.study import carbon
from dispatch.assets.direct_line import DirectLine
from dispatch.carbon.matching import matching
from dispatch.network.check import broken
from dispatch.replay import Case
from dispatch.replay.ledger import Day, ledger
from dispatch.replay.methods import Ran
from dispatch.replay.pieces import State, buses, schedule, split, without_end
from dispatch.replay.plant import carried
from dispatch.replay.windows import store_values_of
from dispatch.schedule import Schedule
from dispatch.signals import Array
from dispatch.stores.stock import Storage
from dispatch.units.generation import VariableGeneration

if TYPE_CHECKING:
    from grid_models.network import Network

Figures = Mapping[str, float | None]
_MOST_NOTES = 5


@dataclass(frozen=True)
class Extent:
    """What is measured beside what a replay's own account says.

    Attributes:
        accounts: the four carbon ledgers.
        network: violations on the park's network.
    """

    accounts: bool = False
    network: bool = False


@dataclass(frozen=True)
class Days:
    """Days with their figures, and what a reader should know: the first violations, why an account is missing."""

    rows: tuple[tuple[str, Figures], ...]
    notes: tuple[str, ...]


def measured(case: Case, method: Method, ran: Ran, extent: Extent, network: Network | None) -> Days:
    """Every day of what was executed, from the state that the days before leave."""
    at, worth = buses(case), store_values_of(case)
    short = float(case.span.edge_h[-1]) <= case.settings.single_solve_days * 24
    book = ledger(case, ran.piece, at, worth, whole=short and method.name == "perfect")
    notes: dict[str, None] = dict.fromkeys((*book.violations[:_MOST_NOTES], *book.jumps[:_MOST_NOTES]))
    rows: list[tuple[str, Figures]] = []
    state: State = {}
    for day, (_, first, last) in zip(book.days, case.days, strict=True):
        done = schedule(case, split(ran.piece, first, last - first), state, at)
        figures = {**_of_day(case, method, day), **shares(case, done)}
        if extent.accounts and has_carbon(case):
            found, why = carbon.accounts(without_end(case.site), done)
            figures |= found
            notes |= dict.fromkeys(f"{name}: {text}" for name, text in why.items())
        if extent.network and network is not None:
            figures["network_violations"] = float(len(broken(case.site, done, network)))
        rows.append((day.day.isoformat(), figures))
        state = carried(done, last - first)
    return Days(tuple(rows), tuple(notes))


def _of_day(case: Case, method: Method, day: Day) -> dict[str, float | None]:
    """From the replay's own account."""
    carriers = dict(zip(case.site.bus_names, case.site.bus_carriers, strict=True))
    has_store = any(isinstance(a, Storage) and carriers[a.bus] == "electricity" for a in case.site.assets)
    has_renewable = any(isinstance(a, VariableGeneration) for a in case.site.assets)
    has_connection = any(hasattr(a, "tariff") for a in case.site.assets)
    return {
        "objective": day.objective,
        "cost": day.cost,
        "bill": day.bill,
        "penalty": day.penalty,
        "co2_kg": day.co2_kg if has_carbon(case) else None,
        "peak_kw": day.peak_import_kw if has_connection else None,
        "curtailed_kwh": day.curtailed_kwh if has_renewable else None,
        "shed_kwh": day.shed_kwh,
        "cycles": day.cycles if has_store else None,
        "plans": float(day.plans) if method.plans else None,
        "plan_changes": float(day.changes) if method.revises else None,
        "violations": float(day.violations),
        "gap": day.gap if math.isfinite(day.gap) else None,
    }


def has_carbon(case: Case) -> bool:
    """Does the park's file say what its imports emit? An intensity that nobody has stated is not zero."""
    field = "carbon_intensity_kg_per_kwh"
    connections = [asset for asset in case.site.assets if field in type(asset).model_fields]
    return not connections or any(field in asset.model_fields_set for asset in connections)


def shares(case: Case, done: Schedule) -> dict[str, float | None]:
    """The sums that shares are made of [kWh]; None where there is nothing to have a share of."""
    hours = done.inputs.horizon.hours
    lines = _sum(done, "own_use_kw", DirectLine), _sum(done, "sold_kw", DirectLine)
    made = _sum(done, "power_kw", VariableGeneration)
    own, gone = made + sum(lines), np.minimum(made, _sum(done, "export_kw")) + lines[1]
    supply, unclean = done.per_step("supply_kw"), done.per_step("unclean_kw")
    out: dict[str, float | None] = {"supply_kwh": float(supply @ hours), "clean_kwh": float((supply - unclean) @ hours)}
    if any(isinstance(a, VariableGeneration | DirectLine) for a in case.site.assets):
        out |= {"own_kwh": float(own @ hours), "own_used_kwh": float((own - gone) @ hours)}
    # Supply is net of what is exported; what a store gives was counted when it was charged.
    used, clean = (np.clip(_hourly(done, kw * hours), 0.0, None) for kw in (supply, supply - unclean))
    if used.sum() > 0:
        out |= {"used_kwh": float(used.sum()), "cfe_kwh": matching(used, clean).cfe * float(used.sum())}
    return out


def _hourly(done: Schedule, energy_kwh: Array) -> Array:
    """Sums over the hours that the steps begin in."""
    begins = done.inputs.horizon.edges[:-1].astype("datetime64[h]").astype(np.int64)
    return np.asarray(np.bincount(begins - begins[0], weights=energy_kwh), float)


def _sum(done: Schedule, series: str, kind: type | None = None) -> Array:
    out = np.zeros(done.inputs.horizon.steps)
    for solved in done.kinds.values():
        if series in solved.series and (kind is None or issubclass(type(solved.rows.members[0]), kind)):
            out += solved.series[series].sum(axis=0)
    return out
