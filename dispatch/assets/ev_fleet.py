"""Fleets of electric vehicles at their chargers, which may give back what they hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from dispatch.asset import Asset, Given, Inputs, Mode, Rows, full, shifted
from dispatch.errors import DataError
from dispatch.fields.flexible_devices import Devices, joined
from dispatch.fields.frozen import Efficiency, NonNegative, Positive
from dispatch.fields.inverter import Inverter
from dispatch.loads import vehicle_rows
from dispatch.loads.ev_disaggregation import Split, Wanted, Worth, disaggregate
from dispatch.loads.sessions import Session, SessionFile
from dispatch.loads.vehicles import AtEnd, Visits, bands, pair_places, places, visits
from dispatch.part import Account, Part, Port, Violation, breaches, mistakes
from dispatch.ruling import Ruling
from dispatch.signals import Array, Horizon

_SERVED_KW = 1e-3
_LEFT_KW, _LEFT_KWH = 0.01, 0.05
# What a kWh above the plan counts in looking for cheap powers, in mean prices: freely, and with regard for the park.
_ABOVE = (0.02, 0.5)
_DECIDED = ("charge_kw", "discharge_kw", "unserved_kwh")


class EvFleet(Asset):
    r"""Charge c and discharge d of all vehicles of a fleet at the bus, and the energy u that leaving ones lack.

    By vehicle (``aggregate: false``), with the stock of each visit as in :mod:`dispatch.loads.vehicles`:

    .. math:: c_t = Σ_n c_{nt}, \quad d_t = Σ_n d_{nt}, \quad u_t = Σ_{n\ leaves\ in\ t} u_n

    In sum (``aggregate: true``), for fleets of hundreds, with bands of power and of content x added since the start:

    .. math::
        c_t ≤ Σ_n C_n a_{nt}, \quad d_t ≤ Σ_n D_n a_{nt}, \quad x_t = x_{t-1} + Δt (η_c c_t - d_t / η_d) \\
        \underline{x}_t - Σ_s u_s ≤ x_t ≤ \overline{x}_t

    Arrays are (row, step), powers in kW, content in kWh. The bands are an outer bound: what they allow need not be
    possible. So each plan is shared out among the vehicles (:meth:`shared`); one that cannot be is replaced by one
    that can, the nearest or one that is cheap at the bus's prices, and the rest of the park is planned anew around the
    best of them, with the bound of the bands for its gap. The check shares out every plan, whichever way it was made.
    Sums make a small problem, not a better one: where vehicles differ, the bands promise much that none can do.

    Visits in progress at an end (``at_end``; equations in :mod:`dispatch.loads.vehicles`). A truck that is there from
    18:00 to 06:00 is in a day twice: the one that came the evening before, and the one that comes. What the second
    holds at midnight is what the first begins with: that level is decided with the powers (``cyclic``), so that a
    night's need is bought once a day, before or after midnight as it is cheap. A level that is known (the state handed
    on, or a session's ``start_kwh``) stands and is asked for again at the end. In sum, or with ``as_at_start``, visits
    begin with the share of their need that the time gone is of their stay, as do those of one date or where a horizon
    is not whole days; these must hold their share at the end, too. ``in_time`` asks for no more than leaving in time.

    u costs ``unserved_penalty_per_kwh`` in the objective, never in the reported money. Discharge costs
    ``wear_cost_per_kwh``. A vehicle does not charge and discharge in one step; the switch is made integral where it
    would. The fleet's powers are published: the same in every scenario.

    Sources: arXiv 2306.16824 and 2406.12755 (sums of flexible loads, and why an outer bound must be checked).
    """

    kind: Literal["ev_fleet"] = "ev_fleet"
    bus: str
    sessions: Annotated[tuple[Session, ...], Field(min_length=1)] | SessionFile
    aggregate: bool = Field(default=False, description="plan the sum of all vehicles, then share it out")
    chargers_kw: Positive | None = Field(default=None, description="what all chargers take together; default: no limit")
    at_end: AtEnd = Field(default="cyclic", description="what vehicles hold that stay beyond the horizon's end")
    charge_efficiency: Efficiency = 0.92
    discharge_efficiency: Efficiency = 0.92
    wear_cost_per_kwh: NonNegative = Field(default=0.05, description="ageing cost per kWh discharged")
    unserved_penalty_per_kwh: NonNegative = Field(
        default=2.0, description="price of a kWh that a leaving vehicle lacks"
    )

    rule_order: ClassVar[int] = 4
    transient: ClassVar[bool] = True
    inverter: ClassVar[Inverter | None] = Inverter()

    @property
    def all_sessions(self) -> tuple[Session, ...]:
        """Those written in the park's file or read from the fleet's own."""
        if isinstance(self.sessions, tuple):
            return self.sessions
        if not self.sessions.sessions:
            raise DataError(f"'{self.name}': '{self.sessions.file}' has not been read; load the park from its file")
        return self.sessions.sessions

    @property
    def structure(self) -> tuple[object, ...]:
        """Bus, when which vehicles come, and what multiplies their powers; what they need is data."""
        when = tuple((s.arrival, s.departure, s.discharge_kw > 0) for s in self.all_sessions)
        largest = tuple(max(getattr(s, name) for s in self.all_sessions) for name in ("charge_kw", "discharge_kw"))
        return (*super().structure, self.aggregate, when, self.charge_efficiency, self.discharge_efficiency, largest)

    @property
    def most_kw(self) -> float:
        """What its chargers take together."""
        return np.inf if self.chargers_kw is None else self.chargers_kw

    @property
    def gives_back(self) -> bool:
        """Does any vehicle discharge?"""
        return any(s.discharge_kw > 0 for s in self.all_sessions)

    def places(self, horizon: Horizon) -> int:
        """How many visits a problem of this length has room for."""
        return places(self.all_sessions, float(horizon.hours.sum()))

    def pairs(self, horizon: Horizon) -> tuple[list[int], list[int]]:
        """Places of visits in progress at a horizon's start and at its end, by session of every day."""
        return pair_places(self.all_sessions, float(horizon.hours.sum()))

    def visits(self, given: Inputs, *, levels: bool = False) -> Visits:
        """The fleet's sessions in a horizon, from the state carried in; with ``levels`` no start is left to decide."""
        settled = self.at_end == "cyclic" and (levels or self.aggregate)
        at_end: AtEnd = "as_at_start" if settled else self.at_end
        state = given.state.get(self.name, {})
        parked = visits(self.all_sessions, given.horizon, state, self.charge_efficiency, at_end)
        return parked.plugged(~self.stands(given.horizon)) if self.out_of_service else parked

    def shared(self, given: Inputs, plan: Wanted, worth: Worth | None = None) -> Split:
        """Each vehicle's powers, (N, T) in the order of :meth:`visits`, of a plan or of what is cheap beside it."""
        rates = self.charge_efficiency, 1 / self.discharge_efficiency
        return disaggregate(self.visits(given), given.horizon.hours, *rates, plan, worth)

    @classmethod
    def ratings(cls, rows: Rows[EvFleet], horizon: Horizon) -> dict[str, Array]:
        """Content moved and money per kW, (row, step)."""
        return {
            "gain_kwh_per_kw": horizon.hours * rows.field("charge_efficiency"),
            "drain_kwh_per_kw": horizon.hours / rows.field("discharge_efficiency"),
            "wear_per_kw": horizon.hours * rows.field("wear_cost_per_kwh"),
            "unserved_penalty": full(rows, horizon, rows.field("unserved_penalty_per_kwh")),
            **vehicle_rows.ratings(rows, horizon),
        }

    @classmethod
    def signals(cls, rows: Rows[EvFleet], inputs: Inputs) -> dict[str, Array]:
        """Bands of all rows, and of each visit of those that are planned by vehicle, (visit, step)."""
        fleet = [member.visits(inputs) for member in rows.members]
        found = [
            bands(v, inputs.horizon.hours, m.charge_efficiency, 1 / m.discharge_efficiency)
            for m, v in zip(rows.members, fleet, strict=True)
        ]
        names = ("charge_kw", "discharge_kw", "lower_kwh", "upper_kwh", "least_unserved_kwh", "most_unserved_kwh")
        out = {n: np.tile(np.stack([getattr(b, n) for b in found]), (rows.scenarios, 1)) for n in names}
        # Of vehicles with limits of their own the sum is held wide of theirs: of two that bind neither has a price.
        wide = np.where([[m.aggregate] for m in rows.members] * rows.scenarios, 1.0, 2.0)
        out |= {name: np.minimum(out[name] * wide, rows.field("most_kw")) for name in ("charge_kw", "discharge_kw")}
        # What cannot be served is no part of what content must reach.
        out["lower_kwh"] = out["lower_kwh"] + out["least_unserved_kwh"].sum(axis=1, keepdims=True)
        alone = [v for m, v in zip(rows.members, fleet, strict=True) if not m.aggregate]
        return out | vehicle_rows.signals(alone)

    @classmethod
    def flexible(cls, rows: Rows[EvFleet], inputs: Inputs) -> Devices | None:
        """Each visit by itself; None where chargers together take less than the vehicles could."""
        parts = []
        for member in rows.members:
            parked = member.visits(inputs, levels=True)
            if (np.maximum(parked.charge_most_kw, parked.discharge_most_kw).sum(axis=0) > member.most_kw).any():
                return None
            parts.append(_devices(member, parked, inputs.horizon.hours))
        return joined(parts)

    @classmethod
    def part(cls, rows: Rows[EvFleet], given: Given, mode: Mode) -> Part:
        """Sums of all rows; the vehicles behind some of them, the bands around the others."""
        import cvxpy as cp

        shape = (rows.count, given.horizon.steps)
        charge, discharge, unserved = (cp.Variable(shape, nonneg=True) for _ in range(3))
        added = cp.Variable(shape)  # in each step
        moved = cp.multiply(given["gain_kwh_per_kw"], charge) - cp.multiply(given["drain_kwh_per_kw"], discharge)
        constraints = [
            added == moved,
            charge <= given["charge_kw"],
            discharge <= given["discharge_kw"],
            unserved >= given["least_unserved_kwh"],
            unserved <= given["most_unserved_kwh"],
        ]
        lead = len(rows.members)
        if mode.shared and lead < rows.count:
            constraints += [x == rows.spread @ x[:lead] for x in (charge, discharge, unserved)]
        constraints += _in_bands(rows, given, added, unserved)
        more, inner, exclusive = vehicle_rows.made(rows, given, mode, (charge, discharge, unserved))
        return Part(
            ports={"electricity": Port(rows.bus(), discharge - charge)},
            constraints=[*constraints, *more],
            cost_step=cp.multiply(given["wear_per_kw"], discharge),
            penalty_step=cp.multiply(given["unserved_penalty"], unserved),
            series={"charge_kw": charge, "discharge_kw": discharge, "unserved_kwh": unserved, "added_kwh": added},
            inner=inner,
            exclusive=exclusive,
        )

    @classmethod
    def check(cls, rows: Rows[EvFleet], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Shares the plan out among the vehicles; what cannot be is a violation."""
        charge, discharge, unserved = (series[name] for name in _DECIDED)
        hours, names = given.horizon.hours, rows.names
        into, out = charge * rows.field("charge_efficiency"), discharge / rows.field("discharge_efficiency")
        apart = np.abs((into - out) * hours - series["added_kwh"])
        least = np.minimum(np.minimum(charge, discharge), unserved)
        found = [
            *mistakes(names, "content added differs from its powers", apart, 0.0, "kWh"),
            *breaches(names, "negative power or energy", -least, 0.0, "-"),
            *breaches(names, "more than its chargers take", np.maximum(charge, discharge), rows.field("most_kw"), "kW"),
        ]
        whole = all(np.isfinite(series[name]).all() for name in _DECIDED)
        away, lacking = np.full(charge.shape, np.nan), np.full(charge.shape, np.nan)
        for row, split in _splits(rows, given, series) if whole else ():
            away[row], lacking[row] = split.away_kw, split.lacking_kwh
        return [
            *found,
            *breaches(names, "no sharing among its vehicles gives this power", away, 0.0, "kW", _SERVED_KW),
            *mistakes(names, "vehicles leave with less than stated", lacking, 0.0, "kWh", _SERVED_KW),
        ]

    @classmethod
    def account(cls, rows: Rows[EvFleet], given: Inputs, series: Mapping[str, Array]) -> Account:
        """Net discharge, wear of what is given back, and the price of what vehicles lack."""
        charge, discharge, unserved = (series[name] for name in _DECIDED)
        return Account(
            {"electricity": discharge - charge},
            money=(discharge @ given.horizon.hours) * rows.field("wear_cost_per_kwh")[:, 0],
            penalty=unserved.sum(axis=1) * rows.field("unserved_penalty_per_kwh")[:, 0],
        )

    @classmethod
    def missed(cls, rows: Rows[EvFleet], given: Inputs, series: Mapping[str, Array]) -> list[str]:
        """Energy that vehicles leave without."""
        lacks = series["unserved_kwh"][: len(rows.members)].sum(axis=1)
        return [f"{m.name}: vehicles leave without {kwh:,.1f} kWh that they need" for m, kwh in
                zip(rows.members, lacks, strict=True) if kwh > _LEFT_KWH]  # fmt: skip

    @classmethod
    def repaired(
        cls, rows: Rows[EvFleet], given: Inputs, series: Mapping[str, Array], price: Array | None
    ) -> list[dict[str, Array]]:
        """The nearest decisions that vehicles can follow, and cheap ones that go more or less far above the plan."""
        in_sum = [m.aggregate for m in rows.members]
        near, wrong = {name: np.array(series[name]) for name in _DECIDED}, np.zeros(rows.count, bool)
        for row, split in _splits(rows, given, series) if any(in_sum) else ():
            missed = max(split.away_kw.max(), split.lacking_kwh.max()) > _SERVED_KW / 10
            if missed and in_sum[row % len(in_sum)]:
                wrong[row] = True
                _put(near, row, split)
        if not wrong.any():
            return []
        out = [near]
        for above in _ABOVE if price is not None else ():
            out.append({name: values.copy() for name, values in near.items()})
            for row in (n for n in range(rows.count) if wrong[n]):
                member, own = rows.members[row % len(in_sum)], np.asarray(price)[row]
                dear = above * float(np.abs(own).mean())
                worth = Worth(own, member.wear_cost_per_kwh, member.unserved_penalty_per_kwh, dear)
                charge, discharge, unserved = (np.maximum(series[name][row], 0) for name in _DECIDED)
                plan = Wanted(charge, discharge, unserved, member.most_kw)
                _put(out[-1], row, member.shared(given, plan, worth))
        return out

    @classmethod
    def complete(cls, rows: Rows[EvFleet], given: Inputs, values: dict[str, Array]) -> dict[str, Array]:
        """Content added, and what each vehicle does where they are planned one by one."""
        out = super().complete(rows, given, values)
        hours = given.horizon.hours
        moved = out["charge_kw"] * hours * rows.field("charge_efficiency")
        moved = moved - out["discharge_kw"] * hours / rows.field("discharge_efficiency")
        out["added_kwh"] = moved
        alone = [not m.aggregate for m in rows.members] * rows.scenarios
        made = [split for row, split in _splits(rows, given, out) if alone[row]] if any(alone) else []
        if not made:
            return out
        for name in ("charge_kw", "discharge_kw", "content_kwh"):
            out[f"visit_{name}"] = np.vstack([getattr(split, name) for split in made])
        out["visit_start_kwh"] = np.concatenate([split.start_kwh for split in made])[:, None]
        out["visit_switch"] = (out["visit_charge_kw"] > 0).astype(float)
        fleet = [m.visits(given) for m in rows.members if not m.aggregate] * rows.scenarios
        wanted, leaves = np.concatenate([v.wanted_kwh for v in fleet]), np.vstack([v.leaves for v in fleet])
        lacks = np.maximum(wanted - out["visit_content_kwh"][:, -1], 0)
        out["visit_lacks_kwh"] = lacks[:, None] * leaves
        return out

    @classmethod
    def rule(cls, rows: Rows[EvFleet], given: Inputs, state: Ruling) -> dict[str, Array]:
        """Every vehicle charges at once until it has what it wants."""
        at_once = [_at_once(member, member.visits(given), given.horizon.hours) for member in rows.members]
        charge = np.tile(np.stack(at_once), (rows.scenarios, 1))
        return cls._near(rows, given, charge, np.zeros_like(charge))

    @classmethod
    def follow(cls, rows: Rows[EvFleet], given: Inputs, wanted: Mapping[str, Array]) -> dict[str, Array]:
        """As near to the powers wanted as vehicles that are to leave with what they need let it; else none charges."""
        nothing = np.zeros((rows.count, given.horizon.steps))
        if "charge_kw" not in wanted:
            return cls._near(rows, given, nothing, nothing, nothing)
        return cls._near(rows, given, wanted["charge_kw"], wanted["discharge_kw"])

    @classmethod
    def settle(cls, rows: Rows[EvFleet], given: Inputs, state: Ruling, values: dict[str, Array]) -> dict[str, Array]:
        """Charges less where electricity lacks; what vehicles then leave without is unserved."""
        lacking = np.maximum(-state.share(rows.bus(), values["charge_kw"]), 0)
        if lacking.max() < _LEFT_KW:
            return values
        most = np.maximum(values["charge_kw"] - lacking, 0)
        return cls._near(rows, given, most, values["discharge_kw"], most)

    @classmethod
    def _near(
        cls, rows: Rows[EvFleet], given: Inputs, charge: Array, discharge: Array, most: Array | None = None
    ) -> dict[str, Array]:
        """Decisions that vehicles can follow, near to given powers, and with no more charge than ``most``."""
        plan = {"charge_kw": charge, "discharge_kw": discharge, "unserved_kwh": np.zeros_like(charge)}
        out = {name: np.zeros_like(charge) for name in _DECIDED}
        for row, split in _splits(rows, given, plan, most):
            _put(out, row, split)
        return out

    @classmethod
    def carry(
        cls, rows: Rows[EvFleet], given: Inputs, series: Mapping[str, Array], steps: int
    ) -> dict[str, dict[str, float]]:
        """What each vehicle holds that is still there."""
        out = {}
        for row, split in _splits(rows, given, {name: series[name][: len(rows.members)] for name in _DECIDED}):
            member = rows.members[row]
            parked = member.visits(given)
            came = parked.share[:, :steps].any(axis=1)
            here = came & ((parked.last >= steps) | parked.goes_on)
            held = split.content_kwh[:, steps - 1]
            out[member.name] = {parked.keys[n]: float(held[n]) for n in np.flatnonzero(here)}
        return out


def _put(values: dict[str, Array], row: int, split: Split) -> None:
    """The sums of a plan shared out, in their row."""
    values["charge_kw"][row], values["discharge_kw"][row] = split.charge_kw.sum(axis=0), split.discharge_kw.sum(axis=0)
    values["unserved_kwh"][row] = split.unserved_kwh


def _splits(
    rows: Rows[EvFleet], given: Inputs, plan: Mapping[str, Array], most: Array | None = None
) -> Iterator[tuple[int, Split]]:
    """Each row's plan shared out; scenarios that have the same one share its sharing."""
    known: dict[tuple[int, bytes], Split] = {}
    for row in range(plan["charge_kw"].shape[0]):
        place = row % len(rows.members)
        own = [np.maximum(plan[name][row], 0) for name in _DECIDED]
        key = place, np.concatenate(own).tobytes()
        if key not in known:
            member = rows.members[place]
            limit: float | Array = member.most_kw if most is None else np.minimum(most[row], member.most_kw)
            known[key] = member.shared(given, Wanted(own[0], own[1], own[2], limit))
        yield row, known[key]


def _in_bands(rows: Rows[EvFleet], given: Given, added: Any, unserved: Any) -> list[Any]:
    """Content of the fleets that are planned in sum; what is unserved is no part of what they must reach."""
    import cvxpy as cp

    at = np.flatnonzero([m.aggregate for m in rows.members] * rows.scenarios)
    if not at.size:
        return []
    relief = cp.sum(unserved[at], axis=1, keepdims=True) @ np.ones((1, added.shape[1]))
    since = cp.Variable((at.size, added.shape[1]))
    return [
        since == shifted(np.zeros((at.size, 1)), since) + added[at],
        since + relief >= given["lower_kwh"][at],
        since <= given["upper_kwh"][at],
    ]


def _at_once(member: EvFleet, parked: Visits, hours: Array) -> Array:
    """(T,) charge of vehicles that take all they can until they have what they want."""
    held, gain = parked.start_kwh, member.charge_efficiency
    wanted = np.maximum(parked.departure_kwh, parked.wanted_kwh)
    out = np.zeros(hours.size)
    for step, length in enumerate(hours):
        most = np.minimum(parked.charge_most_kw[:, step], np.maximum(wanted - held, 0) / (gain * length))
        most = most * min(1.0, member.most_kw / max(most.sum(), 1e-9))
        held, out[step] = held + gain * length * most, most.sum()
    return out


def _devices(member: EvFleet, parked: Visits, hours: Array) -> Devices:
    """The visits of a fleet as stores that come and go; what they cannot get is not wanted of them."""
    there = np.flatnonzero([bool(key) for key in parked.keys])
    leaves = np.arange(hours.size) >= parked.last[:, None]
    wanted = np.where(leaves, parked.wanted_kwh[:, None], parked.least_kwh[:, None])
    start, ones = parked.start_kwh[:, None], np.ones_like(parked.share)
    every = Devices(
        tuple(f"{member.name}/{key}" for key in parked.keys), hours, -parked.discharge_most_kw, parked.charge_most_kw,
        np.maximum(wanted, parked.least_kwh[:, None]) - start, ones * parked.most_kwh[:, None] - start,
        ones * member.charge_efficiency, ones / member.discharge_efficiency, ones,
    )  # fmt: skip
    return every.some(there).opened()
