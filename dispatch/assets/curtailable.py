"""Demand of which a share may be curtailed at a price, some of it coming back within hours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from dispatch.asset import Carrier, Given, Inputs, Mode, Rows, full, shifted
from dispatch.fields.flexible_devices import Devices
from dispatch.fields.frozen import Fraction, NonNegative
from dispatch.loads import flexible
from dispatch.loads.demand import Demand, demand_kw
from dispatch.loads.windows import edges_s
from dispatch.part import Account, Part, Port, Violation, breaches, mistakes
from dispatch.ruling import Ruling
from dispatch.signals import Array, Horizon

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_SOME_KW = 1e-6
_ANNOUNCED = "announced_kw:"
_DUE = "owed_kwh:"


class Curtailable(Demand):
    r"""Demand d, less what is curtailed (c) or shed (h), more what comes back (b); w is what is still owed [kWh].

    .. math::
        0 ≤ c_t ≤ σ d_t k_t, \quad k_t ∈ \{0, 1\}, \quad Σ_{t ∈ day} Δt k_t ≤ H \\
        w_t = w_{t-1} + Δt (ρ c_t - b_t), \quad 0 ≤ w_t ≤ ρ Σ_{s ≤ t: e_t - e_s < R} Δt_s c_s, \quad w_T = 0, \quad
        b_t ≤ \bar B \\
        cost_t = π Δt c_t

    e are the ends of steps: what is curtailed in a step has come back R hours after its end, and all of it by the end
    of the horizon. k needs binaries only where the hours of a day are limited; without such a limit the kind is linear.
    A curtailment must be announced ``notice_h`` ahead: in steps that begin sooner only what was announced before, by an
    earlier plan, is still there. Shedding is the last resort, as in ``load``.

    The relaxation curtails half of the share for twice the hours, which costs nothing where energy is dear for long.
    """

    kind: Literal["curtailable"] = "curtailable"
    share: Fraction = Field(default=0.2, description="of the demand that may be curtailed")
    price_per_kwh: NonNegative = Field(default=0.0, description="paid for what is curtailed")
    max_h_per_day: NonNegative | None = Field(default=None, description="hours of curtailment in a local day")
    notice_h: NonNegative = Field(default=0.0, description="how long before it a curtailment must be known")
    rebound_share: NonNegative = Field(
        default=0.0, description="of curtailed energy that is drawn later; above 1: more"
    )
    rebound_h: NonNegative = Field(default=4.0, description="within how many hours it is")
    rebound_kw: NonNegative | None = Field(default=None, description="largest power beside the demand; default: any")
    used_h: NonNegative = Field(default=0.0, description="hours curtailed on the day in which the horizon begins")
    owed_kwh: NonNegative = Field(default=0.0, description="what is to come back of curtailments before the horizon")

    bus_fields: ClassVar[Mapping[str, Carrier | None]] = {"bus": None}

    @property
    def structure(self) -> tuple[object, ...]:
        """Bus, time to come back, and whether hours are limited."""
        return (*super().structure, self.rebound_h, self.max_h_per_day is None)

    @classmethod
    def ratings(cls, rows: Rows[Curtailable], horizon: Horizon) -> dict[str, Array]:
        """Price, what comes back, and what shedding costs, (row, step)."""
        hours = horizon.hours
        return {
            "price_per_kw": hours * rows.field("price_per_kwh"),
            "owed_per_kw": hours * rows.field("rebound_share"),
            "hours": full(rows, horizon, np.ones((rows.count, 1))) * hours,
            "shed_per_kw": hours * rows.field("value_of_lost_load_per_kwh"),
        }

    @classmethod
    def signals(cls, rows: Rows[Curtailable], inputs: Inputs) -> dict[str, Array]:
        """Demand, the most that may be curtailed, what is owed from before, and hours that are left of each day."""
        demand, horizon = demand_kw(rows, inputs), inputs.horizon
        owed, steps = _owed(rows, inputs), horizon.steps
        most = np.minimum(rows.field("share") * demand, _announced(rows, inputs))
        out = {
            "demand_kw": demand,
            "most_kw": most,
            # What comes back is bounded somewhere, lest a row without a limit have an infinite coefficient.
            "rebound_kw": full(rows, horizon, _rebound_kw(rows, inputs)),
            "owed_before_kwh": np.hstack([owed, np.zeros((rows.count, steps - 1))]),
            "still_owed_kwh": _still_owed(rows, inputs),
        }
        for slot, mask in enumerate(flexible.day_masks(horizon) if _limited(rows).any() else ()):
            used = rows.state(inputs, "used_h") if slot == 0 else 0.0
            out[f"day_{slot}_h"] = full(rows, horizon, np.ones((rows.count, 1))) * mask * horizon.hours
            out[f"left_{slot}_h"] = np.maximum(rows.field("max_h_per_day", 1e3) - used, 0.0)
        return out

    @classmethod
    def flexible(cls, rows: Rows[Curtailable], inputs: Inputs) -> Devices | None:
        """The demand less what may be curtailed; None where that comes back, or only so many hours of a day may be."""
        if _limited(rows).any() or rows.field("rebound_share").any() or rows.state(inputs, "owed_kwh").any():
            return None
        demand = demand_kw(rows, inputs)
        most = np.minimum(rows.field("share") * demand, _announced(rows, inputs))
        return Devices.of(inputs.horizon.hours, least_kw=demand - most, most_kw=demand, names=rows.names)

    @classmethod
    def part(cls, rows: Rows[Curtailable], given: Given, mode: Mode) -> Part:
        """What is curtailed, owed, drawn again and shed."""
        import cvxpy as cp
        import scipy.sparse as sp

        shape, single, horizon = (rows.count, given.horizon.steps), flexible.deciding(rows, mode), given.horizon
        cut, back, owed, shed = (cp.Variable(shape, nonneg=True) for _ in range(4))
        active = _active(single, horizon)
        called = flexible.spread(rows, active) if _limited(rows).any() else None
        recent = sp.block_diag([_recent(horizon, m.rebound_h) for m in rows.members * rows.scenarios], format="csr")
        added = cp.multiply(given["owed_per_kw"], cut)
        due = cp.reshape(recent @ cp.vec(added, order="C"), shape, order="C")
        before = shifted(np.zeros((rows.count, 1)), owed)
        constraints = [
            cut <= (given["most_kw"] if called is None else cp.multiply(given["most_kw"], called)),
            back <= given["rebound_kw"],
            owed == given["owed_before_kwh"] + before + added - cp.multiply(given["hours"], back),
            owed <= due + given["still_owed_kwh"],
            owed[:, -1:] <= given["still_owed_kwh"][:, -1:],
            shed <= given["demand_kw"] - cut,
        ]
        if called is None:
            constraints.append(active == np.ones(shape[1])[None, :].repeat(single.count, axis=0))
        for slot in range(len(flexible.day_masks(horizon)) if called is not None else 0):
            used = cp.sum(cp.multiply(given[f"day_{slot}_h"][: single.count], active), axis=1, keepdims=True)
            constraints.append(used <= given[f"left_{slot}_h"][: single.count])
        served = given["demand_kw"] - cut - shed + back
        return Part(
            ports={"demand": Port(rows.bus(), -served)},
            constraints=constraints,
            cost_step=cp.multiply(given["price_per_kw"], cut),
            penalty_step=cp.multiply(given["shed_per_kw"], shed),
            series={
                "served_kw": served,
                "reduced_kw": cut,
                "rebound_kw": back,
                "owed_kwh": owed,
                "shed_kw": shed,
                "curtailing": active,
            },
        )

    @classmethod
    def check(cls, rows: Rows[Curtailable], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Shares, notice, hours of each day, and every kWh owed followed until it has come back."""
        cut, back, shed, names = series["reduced_kw"], series["rebound_kw"], series["shed_kw"], rows.names
        demand, active = rows.series(given, "demand_kw"), flexible.per_row(rows, series["curtailing"])
        owed = _owed(rows, given) + np.cumsum((rows.field("rebound_share") * cut - back) * given.horizon.hours, axis=1)
        limited = np.isfinite(rows.field("max_h_per_day"))
        called = np.where(limited, active, 1.0)
        split = np.where(limited, np.abs(active - np.round(active)), 0.0)
        served = demand - cut - shed + back
        return [
            *breaches(names, "curtails more than its share", cut, rows.field("share") * demand * called, "kW"),
            *breaches(names, "curtails without notice", cut, _announced(rows, given), "kW"),
            *breaches(names, "negative power", -np.minimum(np.minimum(cut, back), shed), 0.0, "kW"),
            *breaches(names, "curtails for part of a step", split, 0.0, "-"),
            *breaches(names, "curtails for too many hours", _hours_used(rows, given, active),
                      rows.field("max_h_per_day", 1e3), "h"),
            *breaches(names, "draws more again than it may", back, _rebound_kw(rows, given), "kW"),
            *breaches(names, "draws again what is not owed", -owed, 0.0, "kWh", 1e-3),
            *breaches(names, "owes for too long", owed, _may_owe(rows, given, cut), "kWh", 1e-3),
            *mistakes(names, "owed differs from its flows", np.abs(owed - series["owed_kwh"]), 0.0, "kWh", 1e-3),
            *mistakes(names, "served differs from demand", np.abs(series["served_kw"] - served), 0.0, "kW"),
            *breaches(names, "sheds more than is left", shed, demand - cut, "kW"),
        ]  # fmt: skip

    @classmethod
    def account(cls, rows: Rows[Curtailable], given: Inputs, series: Mapping[str, Array]) -> Account:
        """What is served, what curtailment costs, and the value of what is shed."""
        hours = given.horizon.hours
        demand = rows.series(given, "demand_kw")
        served = demand - series["reduced_kw"] - series["shed_kw"] + series["rebound_kw"]
        lost = (series["shed_kw"] @ hours) * rows.field("value_of_lost_load_per_kwh")[:, 0]
        money = (series["reduced_kw"] @ hours) * rows.field("price_per_kwh")[:, 0]
        return Account({"demand": -served}, money=money, penalty=lost)

    @classmethod
    def rule(cls, rows: Rows[Curtailable], given: Inputs, state: Ruling) -> dict[str, Array]:
        """Takes what it wants, and at once what is owed."""
        return _paid_back(rows, given, np.zeros((rows.count, given.horizon.steps)))

    @classmethod
    def settle(
        cls, rows: Rows[Curtailable], given: Inputs, state: Ruling, values: dict[str, Array]
    ) -> dict[str, Array]:
        """Sheds what nobody could serve."""
        demand = rows.series(given, "demand_kw")
        lacking = np.maximum(-state.share(rows.bus(), np.maximum(demand, _SOME_KW)), 0)
        return values | {"shed_kw": np.minimum(values["shed_kw"] + lacking, demand - values["reduced_kw"])}

    @classmethod
    def carry(
        cls, rows: Rows[Curtailable], given: Inputs, series: Mapping[str, Array], steps: int
    ) -> dict[str, dict[str, float]]:
        """What is owed, the hours of the day that goes on, and what is announced from there on."""
        edge, horizon = edges_s(given.horizon), given.horizon
        active = flexible.per_row(rows, series["curtailing"])
        used = _hours_used(rows, given, active)
        goes_on = horizon.local_start[steps - 1].date() == horizon.local_end[steps - 1].date()
        out = {}
        for row, member in enumerate(rows.members):
            state = _carried_debts(member, given, series["reduced_kw"][row], series["rebound_kw"][row], steps)
            state["owed_kwh"] = sum(state.values())
            state["used_h"] = float(used[row, steps - 1]) if goes_on and member.max_h_per_day is not None else 0.0
            soon = [s for s in range(steps, horizon.steps) if edge[s] < edge[steps] + 3600 * member.notice_h - 1e-3]
            state |= {f"{_ANNOUNCED}{edge[s]:.0f}": float(series["reduced_kw"][row, s]) for s in soon}
            out[member.name] = state
        return out


def _announced(rows: Rows[Any], inputs: Inputs) -> Array:
    """(row, step) what may be curtailed for all that was announced: anything once the notice has passed."""
    edge, early = edges_s(inputs.horizon)[:-1], inputs.horizon.edge_h[:-1]
    out = np.full((rows.count, early.size), 1e12)
    for row, member in enumerate(rows.members * rows.scenarios):
        state = inputs.state.get(member.name, {})
        told = [state.get(f"{_ANNOUNCED}{at:.0f}", 0.0) for at in edge]
        out[row] = np.where(early < member.notice_h - 1e-9, told, 1e12)
    return out


def _rebound_kw(rows: Rows[Any], inputs: Inputs) -> Array:
    """(row, 1) the most that may be drawn again at once; without a limit, all that could ever be owed in one step."""
    demand, hours = rows.series(inputs, "demand_kw"), inputs.horizon.hours
    all_kwh = _owed(rows, inputs) + (rows.field("rebound_share") * demand @ hours[:, None])
    return np.asarray(np.fmin(rows.field("rebound_kw"), all_kwh / hours.min()))


def _recent(horizon: Horizon, hours: float) -> csr_array:
    """(step, step) ones [t, s]: what was curtailed in s may still be owed at the end of t."""
    return flexible.since(horizon.edge_h[1:], hours)


def _still_owed(rows: Rows[Any], inputs: Inputs) -> Array:
    """(row, step) what may be left of what was owed before: until its time is up, or as long as it cannot be drawn."""
    owed, ends = _owed(rows, inputs), inputs.horizon.edge_h[1:]
    soonest = np.maximum(owed - np.cumsum(_rebound_kw(rows, inputs) * inputs.horizon.hours, axis=1), 0)
    allowed = np.zeros_like(soonest)
    for row, member in enumerate(rows.members * rows.scenarios):
        for due_h, kwh in _debts(member, inputs):
            allowed[row] += kwh * (ends < due_h - 1e-9)
    left = np.maximum(allowed, soonest)
    left[:, -1] = soonest[:, -1]
    return left


def _debts(member: Any, inputs: Inputs) -> list[tuple[float, float]]:
    """When what was owed before must be back [h from the start], and how much; without a date, as if just curtailed."""
    state, start = inputs.state.get(member.name, {}), edges_s(inputs.horizon)[0]
    dated = [(float(k.removeprefix(_DUE)), kwh) for k, kwh in state.items() if k.startswith(_DUE)]
    if dated:
        return [((due_s - start) / 3600, kwh) for due_s, kwh in dated]
    return [(member.rebound_h, float(state.get("owed_kwh", member.owed_kwh)))]


def _owed(rows: Rows[Any], inputs: Inputs) -> Array:
    """(row, 1) all that was owed before."""
    return np.array([[sum(kwh for _, kwh in _debts(m, inputs))] for m in rows.members * rows.scenarios])


def _carried_debts(member: Any, given: Inputs, cut: Array, back: Array, steps: int) -> dict[str, float]:
    """What is owed after so many steps, by the time it must be back; what is due first is paid first."""
    edge, hours = edges_s(given.horizon), given.horizon.hours[:steps]
    debts = [(edge[0] + 3600 * due_h, kwh) for due_h, kwh in _debts(member, given)]
    debts += [
        (edge[step + 1] + 3600 * member.rebound_h, member.rebound_share * float(cut[step]) * hours[step])
        for step in range(steps)
    ]
    paid = float(back[:steps] @ hours)
    out: dict[str, float] = {}
    for due_s, kwh in sorted(debts):
        left, paid = max(kwh - paid, 0.0), max(paid - kwh, 0.0)
        if left > _SOME_KW:
            out[f"{_DUE}{due_s:.0f}"] = out.get(f"{_DUE}{due_s:.0f}", 0.0) + left
    return out


def _active(single: Rows[Any], horizon: Horizon) -> Any:
    """(deciding row, step) whether it curtails; whole where hours are limited."""
    import cvxpy as cp

    shape = (single.count, horizon.steps)
    limited = _limited(single)
    if not limited.any():
        return cp.Variable(shape, bounds=[1, 1])
    return cp.Variable(shape, boolean=flexible.where_whole(limited, horizon.steps), bounds=[0, 1])


def _limited(rows: Rows[Any]) -> np.ndarray:
    """(row,) are its hours limited?"""
    return np.array([m.max_h_per_day is not None for m in rows.members * rows.scenarios])


def _hours_used(rows: Rows[Any], given: Inputs, active: Array) -> Array:
    """(row, step) hours curtailed so far on the step's local day."""
    days = [start.date() for start in given.horizon.local_start]
    out = np.zeros_like(active)
    used = rows.state(given, "used_h")[:, 0]
    for step, hours in enumerate(given.horizon.hours):
        used = (used if step == 0 or days[step] == days[step - 1] else 0.0) + active[:, step] * hours
        out[:, step] = used
    return out


def _may_owe(rows: Rows[Any], given: Inputs, cut: Array) -> Array:
    """(row, step) what may be owed at the end of each step: what was curtailed lately; nothing at the end."""
    ends, hours, out = given.horizon.edge_h[1:], given.horizon.hours, np.zeros_like(cut)
    for row, member in enumerate(rows.members * rows.scenarios):
        for step, end in enumerate(ends[:-1]):
            lately = ends > end - member.rebound_h + 1e-9
            lately[step + 1 :] = False
            out[row, step] = member.rebound_share * (cut[row] * hours)[lately].sum()
    return out + _still_owed(rows, given)


def _paid_back(rows: Rows[Any], given: Inputs, cut: Array) -> dict[str, Array]:
    """No curtailment, and what was owed drawn as fast as it may be."""
    owed, hours, most = _owed(rows, given), given.horizon.hours, _rebound_kw(rows, given)
    left = np.maximum(owed - np.cumsum(most * hours, axis=1), 0)
    before = np.hstack([owed, left[:, :-1]])
    zero = np.zeros_like(cut)
    flows = {"reduced_kw": zero, "rebound_kw": (before - left) / hours, "owed_kwh": left}
    return flows | {"shed_kw": zero, "curtailing": zero}
