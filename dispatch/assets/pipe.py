"""Pipes between two buses of one carrier: what enters arrives later, less a share that is lost on the way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from dispatch.asset import Asset, Carrier, Given, Inputs, Mode, Rows, full
from dispatch.fields.frozen import Finite, NonNegative, Positive
from dispatch.part import Account, Exclusive, Part, Port, Violation, breaches, mistakes
from dispatch.ruling import Ruling
from dispatch.signals import Array, Horizon, spans
from dispatch.worth import Activity, Worth

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_WAYS = ("forward", "backward")
_KEYS = tuple(f"{way}_kwh" for way in _WAYS)
_SMALL_KWH = 1e-9
_LEFT_KW = 0.05


class Pipe(Asset):
    r"""Flow f from ``bus`` to ``far_bus``, and back where the pipe works both ways; d hours on the way.

    With E(τ) the energy that has entered until τ, what was under way at the start included, out of a pipe comes

    .. math::
        a_t = (1-λ) \frac{E(τ_{t+1} - d) - E(τ_t - d)}{Δt_t}, \quad 0 ≤ f^{→}_t ≤ F z_t, \quad
        0 ≤ f^{←}_t ≤ F (1 - z_t)

    so that on steps of any length a kWh that enters at τ leaves at τ + d. Of a pipe of two ways only one entrance works
    in a step; z is continuous until a solution uses both. What arrives and nobody takes is let go at a price.

    The pipe is to hold as much at the end of the horizon as at its start: each kWh less costs ``end_penalty_per_kwh``,
    and without that no plan would fill it for the day after. State: ``forward_kwh:FROM:TO`` (and ``backward_kwh:…``),
    the energy that entered so and leaves between these minutes after the start.
    """

    kind: Literal["pipe"] = "pipe"
    bus: str
    far_bus: str
    capacity_kw: Positive = Field(description="the most that may enter at an end")
    two_way: bool = False
    loss_fraction: Annotated[Finite, Field(ge=0, lt=1)] = Field(
        default=0.0, description="share of what enters that never arrives"
    )
    delay_h: int = Field(default=0, ge=0, le=168, description="whole hours on the way")
    under_way_kwh: tuple[NonNegative, ...] = Field(
        default=(), description="entered at bus before the start, by the hour in which it leaves, the next hour first"
    )
    under_way_back_kwh: tuple[NonNegative, ...] = Field(default=(), description="likewise, entered at far_bus")
    cost_per_kwh: NonNegative = Field(default=0.0, description="of what enters")
    spill_penalty_per_kwh: NonNegative = Field(default=10.0, description="price of a kWh that arrives to be let go")
    end_penalty_per_kwh: NonNegative = Field(default=10.0, description="price of a kWh less under way at the end")

    bus_fields: ClassVar[Mapping[str, Carrier | None]] = {"bus": None, "far_bus": None}
    same_carrier: ClassVar[bool] = True
    rule_order: ClassVar[int] = 2  # after demand, before the plant at its near end that follows what it takes

    @model_validator(mode="after")
    def _known_on_the_way(self) -> Self:
        for name in ("under_way_kwh", "under_way_back_kwh"):
            count = len(getattr(self, name))
            if count not in (0, self.delay_h):
                raise ValueError(f"{name} has {count} hours: give one for each of delay_h {self.delay_h}, or none")
        if self.under_way_back_kwh and not self.two_way:
            raise ValueError("under_way_back_kwh: the pipe goes one way; two_way: true is accepted beside it")
        return self

    @property
    def structure(self) -> tuple[object, ...]:
        """Buses, and the delay, which says which steps belong together."""
        return (*super().structure, self.delay_h)

    def worth(self, inputs: Inputs) -> Worth:
        """What arrives, in each direction that it has."""
        ways = [(self.bus, self.far_bus), (self.far_bus, self.bus)][: 1 + self.two_way]
        return Worth(tuple(Activity({a: 1.0}, {b: 1 - self.loss_fraction}, self.cost_per_kwh) for a, b in ways))

    @classmethod
    def ratings(cls, rows: Rows[Pipe], horizon: Horizon) -> dict[str, Array]:
        """Capacities by way, share that arrives, prices."""
        most, hours = rows.field("capacity_kw"), horizon.hours
        values = {
            "forward_kw": most,
            "backward_kw": most * rows.field("two_way"),
            "kept": 1 - rows.field("loss_fraction"),
            "cost_per_kw": hours * rows.field("cost_per_kwh"),
            "spill_per_kw": hours * rows.field("spill_penalty_per_kwh"),
        }
        written = {name: full(rows, horizon, value) for name, value in values.items()}
        return written | {"end_penalty": rows.field("end_penalty_per_kwh")}

    @classmethod
    def signals(cls, rows: Rows[Pipe], inputs: Inputs) -> dict[str, Array]:
        """Power that arrives of what was under way, (row, step), and what leaves the pipe of it, (row, 1)."""
        leaving = {way: _leaving_kwh(rows, inputs, way) for way in _WAYS}
        kept = 1 - rows.field("loss_fraction")
        out = {f"{way}_carried_kw": kept * kwh / inputs.horizon.hours for way, kwh in leaving.items()}
        return out | {"leaving_kwh": sum(leaving.values(), np.zeros((1, 1))).sum(axis=1, keepdims=True)}

    @classmethod
    def part(cls, rows: Rows[Pipe], given: Given, mode: Mode) -> Part:
        """Flows into both ends, and what of them arrives."""
        import cvxpy as cp

        shape, horizon = (rows.count, given.horizon.steps), given.horizon
        flow = {way: cp.Variable(shape, nonneg=True) for way in _WAYS}
        spilled = {way: cp.Variable(shape, nonneg=True) for way in _WAYS}
        switch, short = cp.Variable(shape, bounds=[0, 1]), cp.Variable((rows.count, 1), nonneg=True)
        arriving = {
            way: given[f"{way}_carried_kw"] + cp.multiply(given["kept"], _delayed(rows, horizon, flow[way]))
            for way in _WAYS
        }
        entered = flow["forward"] + flow["backward"]
        staying = cp.multiply(_staying_h(rows, horizon), entered) @ np.ones((shape[1], 1))
        last = np.eye(1, shape[1], shape[1] - 1)
        return Part(
            ports={
                "near": Port(rows.bus(), arriving["backward"] - spilled["backward"] - flow["forward"]),
                "far": Port(rows.bus("far_bus"), arriving["forward"] - spilled["forward"] - flow["backward"]),
            },
            constraints=[
                flow["forward"] <= cp.multiply(given["forward_kw"], switch),
                flow["backward"] <= cp.multiply(given["backward_kw"], 1 - switch),
                *(spilled[way] <= arriving[way] for way in _WAYS),
                short >= given["leaving_kwh"] - staying,
            ],
            cost_step=cp.multiply(given["cost_per_kw"], entered),
            penalty_step=cp.multiply(given["spill_per_kw"], spilled["forward"] + spilled["backward"])
            + cp.multiply(given["end_penalty"], short) @ last,
            series={f"{way}_kw": flow[way] for way in _WAYS}
            | {f"{way}_arriving_kw": arriving[way] for way in _WAYS}
            | {f"{way}_spilled_kw": spilled[way] for way in _WAYS}
            | {"switch": switch, "short_kwh": short},
            exclusive=[Exclusive(switch, flow["forward"], flow["backward"])],
        )

    @classmethod
    def check(cls, rows: Rows[Pipe], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Capacity at both ends, one entrance at a time, and arrivals against all that has entered."""
        names, most, found = rows.names, rows.field("capacity_kw"), []
        for way, allowed in zip(_WAYS, (most, most * rows.field("two_way")), strict=True):
            flow, arriving, spilled = (series[f"{way}_{name}kw"] for name in ("", "arriving_", "spilled_"))
            apart = np.abs(arriving - _arrived_kw(rows, given, series, way))
            found += [
                *breaches(names, "more enters than the pipe takes", flow, allowed, "kW"),
                *breaches(names, "negative flow", -np.minimum(flow, spilled), 0.0, "kW"),
                *mistakes(names, "arrives otherwise than it entered", apart, 0.0, "kW", 1e-3),
                *breaches(names, "lets go more than arrives", spilled, arriving, "kW"),
            ]
        both = np.minimum(series["forward_kw"], series["backward_kw"])
        found += breaches(names, "both ends feed at once", both, 0.0, "kW", 1e-2)
        if "short_kwh" in series:  # of a plan; what was done has no end
            unsaid = _lacking_kwh(rows, given, series) - series["short_kwh"][:, -1:]
            found += mistakes(names, "less under way at the end than stated", unsaid, 0.0, "kWh", 1e-3)
        return found

    @classmethod
    def account(cls, rows: Rows[Pipe], given: Inputs, series: Mapping[str, Array]) -> Account:
        """What enters and arrives at both ends, the price of what enters, and of what is let go or lacks at the end."""
        hours = given.horizon.hours
        net = {way: _arrived_kw(rows, given, series, way) - series[f"{way}_spilled_kw"] for way in _WAYS}
        entered = series["forward_kw"] + series["backward_kw"]
        spilled = (series["forward_spilled_kw"] + series["backward_spilled_kw"]) @ hours
        short = np.maximum(_lacking_kwh(rows, given, series)[:, 0], 0)
        return Account(
            {"near": net["backward"] - series["forward_kw"], "far": net["forward"] - series["backward_kw"]},
            at={"far": "far_bus"},
            money=(entered @ hours) * rows.field("cost_per_kwh")[:, 0],
            penalty=spilled * rows.field("spill_penalty_per_kwh")[:, 0]
            + short * rows.field("end_penalty_per_kwh")[:, 0],
        )

    @classmethod
    def passed(cls, rows: Rows[Pipe], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """What arrives and nobody takes."""
        spilled = series["forward_spilled_kw"] + series["backward_spilled_kw"]
        return breaches(rows.names, "lets go what arrives, as nobody takes it", spilled, _LEFT_KW, "kW", 0.0)

    @classmethod
    def rule(cls, rows: Rows[Pipe], given: Inputs, state: Ruling) -> dict[str, Array]:
        """Feeds so much that what lacks at the other end arrives in time; back only what is over there."""
        carried = cls.signals(rows, given)
        near, far = rows.bus(), rows.bus("far_bus")
        weight = full(rows, given.horizon, rows.field("capacity_kw"))
        over = {"far": state.share(far, weight), "near": state.share(near, weight)}
        wanted = {
            "forward": np.maximum(-over["far"] - carried["forward_carried_kw"], 0),
            "backward": np.minimum(
                np.maximum(-over["near"] - carried["backward_carried_kw"], 0), np.maximum(over["far"], 0)
            ),
        }
        # What leaves beyond the horizon is taken to be wanted as it is now.
        beyond = _staying_h(rows, given.horizon) / given.horizon.hours / (1 - rows.field("loss_fraction"))
        sent = {way: _sent_for(rows, given.horizon, kw) + beyond * kw for way, kw in wanted.items()}
        return cls._decided(rows, given, sent, {})

    @classmethod
    def follow(cls, rows: Rows[Pipe], given: Inputs, wanted: Mapping[str, Array]) -> dict[str, Array]:
        """The flows wanted; a pipe that rests lets go what was under way."""
        nothing = np.zeros((rows.count, given.horizon.steps))
        sent = {way: wanted.get(f"{way}_kw", nothing) for way in _WAYS}
        spilled = {way: wanted.get(f"{way}_spilled_kw", nothing + np.inf) for way in _WAYS}
        return cls._decided(rows, given, sent, spilled)

    @classmethod
    def settle(cls, rows: Rows[Pipe], given: Inputs, state: Ruling, values: dict[str, Array]) -> dict[str, Array]:
        """Feeds less where that lacks or will be too much at the other end; lets go what is too much all the same."""
        sent, spilled = {}, {}
        ends = {"forward": (rows.bus(), rows.bus("far_bus")), "backward": (rows.bus("far_bus"), rows.bus())}
        for way, (source, target) in ends.items():
            flow, let_go = values[f"{way}_kw"], values[f"{way}_spilled_kw"]
            arriving = _arrived_kw(rows, given, values, way)
            lacking = np.maximum(-state.share(source, flow), 0)
            unused = np.maximum(state.share(target, arriving - let_go), 0)
            less = np.maximum(flow - np.maximum(lacking, _sent_for(rows, given.horizon, unused)), 0)
            fewer = arriving - _arrived_kw(rows, given, {f"{way}_kw": less}, way)
            taken = np.maximum(-state.share(target, let_go), 0)
            sent[way], spilled[way] = less, np.maximum(let_go + np.maximum(unused - fewer, 0) - taken, 0)
        return cls._decided(rows, given, sent, spilled)

    @classmethod
    def carry(
        cls, rows: Rows[Pipe], given: Inputs, series: Mapping[str, Array], steps: int
    ) -> dict[str, dict[str, float]]:
        """What is under way after these steps, by the minutes between which it leaves."""
        edge, out = given.horizon.edge_h, {}
        for row, member in enumerate(rows.members):
            # What has left since must not be taken for what is still to come, nor the park's file for an empty pipe.
            known = {key: 0.0 for key in given.state.get(member.name, {}) if key.split(":")[0] in _KEYS}
            for way in _WAYS:
                energy = series[f"{way}_kw"][row, :steps] * given.horizon.hours[:steps]
                entered = zip(edge[:steps] + member.delay_h, edge[1 : steps + 1] + member.delay_h, energy, strict=True)
                known[f"{way}_kwh:0:60"] = 0.0
                for begin, end, kwh in [*_under_way(member, given, way), *entered]:
                    left = float(kwh) * min(end - edge[steps], end - begin) / (end - begin)
                    if left > _SMALL_KWH:
                        span = f"{60 * max(begin - edge[steps], 0):.10g}:{60 * (end - edge[steps]):.10g}"
                        known[f"{way}_kwh:{span}"] = known.get(f"{way}_kwh:{span}", 0.0) + left
            out[member.name] = known
        return out

    @classmethod
    def _decided(
        cls, rows: Rows[Pipe], given: Inputs, sent: Mapping[str, Array], spilled: Mapping[str, Array]
    ) -> dict[str, Array]:
        """All decisions that follow from flows, as far as the pipe takes them, and from what is let go."""
        most = rows.field("capacity_kw")
        forward = np.clip(sent["forward"], 0, most)
        backward = np.where(forward > 0, 0.0, np.clip(sent["backward"], 0, most * rows.field("two_way")))
        out = {"forward_kw": forward, "backward_kw": backward, "switch": (forward > 0).astype(float)}
        for way in _WAYS:
            arriving = _arrived_kw(rows, given, out, way)
            out[f"{way}_spilled_kw"] = np.clip(spilled.get(way, np.zeros_like(forward)), 0, np.maximum(arriving, 0))
        return out | {"short_kwh": np.maximum(_lacking_kwh(rows, given, out), 0)}


def _under_way(member: Pipe, inputs: Inputs, way: str) -> list[tuple[float, float, float]]:
    """What is under way at the start: hours between which it leaves, and the energy that entered [kWh]."""
    state = inputs.state.get(member.name, {})
    known = [(key.split(":")[1:], value) for key, value in state.items() if key.startswith(f"{way}_kwh:")]
    if known:
        return [(float(begin) / 60, float(end) / 60, float(kwh)) for (begin, end), kwh in known]
    hourly = member.under_way_kwh if way == "forward" else member.under_way_back_kwh
    return [(float(hour), hour + 1.0, kwh) for hour, kwh in enumerate(hourly)]


def _overlap_h(one: Array, other: Array) -> csr_array:
    """(one, other) hours that spans share, each given by its edges."""
    from scipy.sparse import csr_array

    first = np.searchsorted(other[1:], one[:-1], side="right")
    i, j = spans(first, np.searchsorted(other[:-1], one[1:], side="left"))
    inside = np.minimum(one[i + 1], other[j + 1]) - np.maximum(one[i], other[j])
    return csr_array((inside, (i, j)), shape=(one.size - 1, other.size - 1))


def _leaving_kwh(rows: Rows[Pipe], inputs: Inputs, way: str) -> Array:
    """(row, step) energy of what was under way that leaves in each step, before its loss."""
    edge, out = inputs.horizon.edge_h, []
    for member in rows.members:
        leaves = np.zeros(inputs.horizon.steps)
        for begin, end, kwh in _under_way(member, inputs, way):
            leaves += kwh * _overlap_h(np.array([begin, end]), edge).toarray()[0] / (end - begin)
        out.append(leaves)
    return np.tile(np.array(out), (rows.scenarios, 1))


def _delays(rows: Rows[Pipe], horizon: Horizon) -> list[tuple[Array, csr_array]]:
    """For each delay: (row, row) which rows have it, and (step in, step out) hours that leave so of an entry."""
    delay = rows.field("delay_h")[:, 0]
    edge = horizon.edge_h
    return [(np.diag((delay == d).astype(float)), _overlap_h(edge + d, edge)) for d in np.unique(delay)]


def _delayed(rows: Rows[Pipe], horizon: Horizon, flow: Any) -> Any:
    """(row, step) what leaves of a flow, before its loss; of an expression or an array."""
    terms = [own @ flow @ (share / horizon.hours).tocsr() for own, share in _delays(rows, horizon)]
    return sum(terms[1:], terms[0])


def _sent_for(rows: Rows[Pipe], horizon: Horizon, wanted: Array) -> Array:
    """(row, step) flow whose arrival is ``wanted``, as far as it could be sent in the horizon."""
    terms = [own @ wanted @ (share / horizon.hours[:, None]).tocsr().T for own, share in _delays(rows, horizon)]
    return np.asarray(sum(terms) / (1 - rows.field("loss_fraction")))


def _staying_h(rows: Rows[Pipe], horizon: Horizon) -> Array:
    """(row, step) hours of a step's entry that are still on the way at the end of the horizon."""
    edge = horizon.edge_h
    late = edge[None, 1:] - np.maximum(edge[None, :-1], edge[-1] - rows.field("delay_h"))
    return np.asarray(np.maximum(late, 0))


def _arrived_kw(rows: Rows[Pipe], given: Inputs, series: Mapping[str, Array], way: str) -> Array:
    """(row, step) what arrives, from the running sum of all that has entered; shares nothing with ``_delayed``."""
    edge, out = given.horizon.edge_h, []
    for row, flow in enumerate(series[f"{way}_kw"]):
        member = rows.members[row % len(rows.members)]
        total = np.interp(edge - member.delay_h, edge, np.append(0.0, np.cumsum(flow * given.horizon.hours)), left=0.0)
        for begin, end, kwh in _under_way(member, given, way):
            total = total + kwh * np.clip((edge - begin) / (end - begin), 0, 1)
        out.append((1 - member.loss_fraction) * np.diff(total) / given.horizon.hours)
    return np.array(out)


def _lacking_kwh(rows: Rows[Pipe], given: Inputs, series: Mapping[str, Array]) -> Array:
    """(row, 1) by how much less is under way at the end than at the start: what has left less what has entered."""
    left = np.zeros((rows.count, 1))
    for way in _WAYS:
        kept = 1 - rows.field("loss_fraction")
        whole = _arrived_kw(rows, given, series, way) @ given.horizon.hours[:, None]
        entered = series[f"{way}_kw"] @ given.horizon.hours[:, None]
        left += whole / kept - entered
    return left
