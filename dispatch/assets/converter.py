"""Converters between an ac and a dc bus, with losses that grow faster than their power."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from dispatch.asset import Asset, Carrier, Given, Inputs, Mode, Rows, full
from dispatch.fields.frozen import Fraction, NonNegative, Positive
from dispatch.fields.inverter import Inverter
from dispatch.loads import flexible
from dispatch.loads.convex_curve import curve, filled, quadratic_slopes
from dispatch.part import Account, Exclusive, Part, Port, Violation, breaches, mistakes
from dispatch.ruling import Ruling
from dispatch.signals import Array, Horizon
from dispatch.worth import Activity, Worth

_LEFT_KW = 0.01
_WAYS = ("to_dc", "to_ac")


class Converter(Asset):
    r"""n equal converters in parallel; p is what they draw from one side in either direction (to_dc, to_ac).

    .. math::
        L(p) = b p + a p^2 / n, \quad \text{delivered} = p - L(p), \quad \text{standing loss } c n u \\
        s^{dc}_{1t} ≤ w y_t, \quad s^{ac}_{1t} ≤ w (1 - y_t), \quad s^{dc}_{1t} + s^{ac}_{1t} ≤ w u_t

    The standing loss is drawn from the ac side while the converters are on (u). L stands as ``segments`` straight
    pieces s (:mod:`dispatch.loads.convex_curve`) of length w that meet the parabola at their ends; between them they
    lie at most a·w²/(4n) above it. Two relaxations are watched: y, which is made integral where power
    goes both ways in one step, and the order of the pieces, made integral where energy worth nothing or less rewards
    an over-stated loss. u is integral only for converters with a standing loss.

    Source: loss polynomial of converters as used for PV inverters, Schmidt & Sauer 1996 (and DIN EN 50530).
    """

    kind: Literal["converter"] = "converter"
    bus: str = Field(description="the ac side")
    dc_bus: str
    rated_kw: Positive = Field(description="of each, at the side it draws from")
    count: int = Field(default=1, ge=1, description="how many stand in parallel and share the power")
    no_load_kw: NonNegative = Field(default=0.0, description="c: loss of each while it is on, whatever its power")
    loss_per_kw: Fraction = Field(default=0.01, description="b: loss in proportion to the power")
    loss_per_kw2: NonNegative = Field(default=0.0, description="a: loss per kW squared of each")
    segments: int = Field(default=4, ge=1, le=20, description="straight pieces of the loss curve")

    bus_fields: ClassVar[Mapping[str, Carrier | None]] = {"bus": "electricity", "dc_bus": "electricity"}
    bus_currents: ClassVar[Mapping[str, str]] = {"bus": "ac", "dc_bus": "dc"}
    rule_order: ClassVar[int] = 6
    relieves: ClassVar[bool] = True
    inverter: ClassVar[Inverter | None] = Inverter()

    @model_validator(mode="after")
    def _delivers(self) -> Self:
        last = self.loss_per_kw + 2 * self.loss_per_kw2 * self.rated_kw
        if last >= 1:
            raise ValueError(
                f"at rated_kw another kW would lose {last:g} kW: loss_per_kw2 is per kW squared of one unit"
            )
        return self

    @property
    def structure(self) -> tuple[object, ...]:
        """Buses, the pieces of the curve, and whether it has a standing loss."""
        return (*super().structure, self.segments, self.no_load_kw > 0)

    @property
    def most_kw(self) -> float:
        """Rating of all together."""
        return self.rated_kw * self.count

    def worth(self, inputs: Inputs) -> Worth:
        """What is left of it on the other side."""
        ways = ((self.bus, self.dc_bus), (self.dc_bus, self.bus))
        return Worth(tuple(Activity({one: 1.0}, {other: 1 - self.loss_per_kw}) for one, other in ways))

    @classmethod
    def ratings(cls, rows: Rows[Self], horizon: Horizon) -> dict[str, Array]:
        """Standing loss, and the curve's pieces, (row, step)."""
        widths, slopes = _pieces(rows)
        out = {"no_load_kw": rows.field("no_load_kw") * rows.field("count")}
        for k, (width, slope) in enumerate(zip(widths, slopes, strict=True)):
            out |= {f"{way}_width_{k}_kw": width for way in _WAYS}
            out |= {f"{way}_slope_{k}": slope for way in _WAYS}
        return {name: full(rows, horizon, value) for name, value in out.items()}

    @classmethod
    def part(cls, rows: Rows[Self], given: Given, mode: Mode) -> Part:
        """Power either way, its losses, and what stands between."""
        import cvxpy as cp

        shape, count = (rows.count, given.horizon.steps), len(_pieces(rows)[0])
        drawn = {way: cp.Variable(shape, nonneg=True) for way in _WAYS}
        switch = cp.Variable(shape, bounds=[0, 1])
        on = _on(rows, given.horizon)
        curves = {way: curve(rows, given, way, count, drawn[way]) for way in _WAYS}
        into, back = drawn["to_dc"], drawn["to_ac"]
        standing = cp.multiply(given["no_load_kw"], on)
        # Fractions of pieces fall along the curve, so what bounds the first bounds all, as tightly as can be.
        first = {way: made.parts[0] for way, made in curves.items()}
        width = given["to_dc_width_0_kw"]
        constraints = [
            first["to_dc"] <= cp.multiply(width, switch),
            first["to_ac"] <= cp.multiply(width, 1 - switch),
            first["to_dc"] + first["to_ac"] <= cp.multiply(width, on),
        ]
        series = {"to_dc_kw": into, "to_ac_kw": back, "on": on, "switch": switch}
        for way, made in curves.items():
            constraints += made.constraints
            series[f"{way}_loss_kw"] = made.loss
        return Part(
            ports={
                "electricity": Port(rows.bus(), back - curves["to_ac"].loss - into - standing),
                "dc": Port(rows.bus("dc_bus"), into - curves["to_dc"].loss - back),
            },
            constraints=constraints,
            series=series,
            inner=curves["to_dc"].variables | curves["to_ac"].variables,
            exclusive=[Exclusive(switch, into, back), *(pair for made in curves.values() for pair in made.exclusive)],
        )

    @classmethod
    def complete(cls, rows: Rows[Self], given: Inputs, values: dict[str, Array]) -> dict[str, Array]:
        """The pieces in order, the direction, and on wherever power flows."""
        widths, _ = _pieces(rows)
        flows = {way: values[f"{way}_kw"] for way in _WAYS}
        pieces = [filled(way, widths, flow) for way, flow in flows.items()]
        switch = (flows["to_dc"] > 0).astype(float)
        on = ((flows["to_dc"] + flows["to_ac"]) > 0).astype(float)
        return values | pieces[0] | pieces[1] | {"switch": switch, "on": on}

    @classmethod
    def check(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Ratings, one direction at a time, and losses read off the parabola at the ends of its pieces."""
        into, back, on, names = series["to_dc_kw"], series["to_ac_kw"], series["on"], rows.names
        standing = rows.field("no_load_kw") > 0
        apart = [np.abs(series[f"{way}_loss_kw"] - _loss(rows, series[f"{way}_kw"])) for way in _WAYS]
        return [
            *breaches(names, "power above rating", np.maximum(into, back), rows.field("rated_kw") * rows.field("count"),
                      "kW"),
            *breaches(names, "negative power", -np.minimum(into, back), 0.0, "kW"),
            *breaches(names, "converts both ways at once", np.minimum(into, back), 0.0, "kW", 2e-3),
            *mistakes(names, "loss is not that of its power", np.maximum(*apart), 0.0, "kW", 2e-3),
            *breaches(names, "converts while off", (into + back) * (np.round(on) == 0) * standing, 0.0, "kW", 1e-3),
            *breaches(names, "on/off is not 0 or 1", np.abs(on - np.round(on)) * standing, 0.0, "-"),
        ]  # fmt: skip

    @classmethod
    def account(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> Account:
        """Both sides, with the loss of the curve and the standing loss."""
        into, back = series["to_dc_kw"], series["to_ac_kw"]
        standing = rows.field("no_load_kw") * rows.field("count") * series["on"]
        return Account(
            {
                "electricity": back - _loss(rows, back) - into - standing,
                "dc": into - _loss(rows, into) - back,
            },
            at={"dc": "dc_bus"},
        )

    @classmethod
    def rule(cls, rows: Rows[Self], given: Inputs, state: Ruling) -> dict[str, Array]:
        """Keeps the dc side balanced."""
        return _delivering(rows, -state.share(rows.bus("dc_bus"), full(rows, given.horizon, rows.field("most_kw"))))

    @classmethod
    def settle(cls, rows: Rows[Self], given: Inputs, state: Ruling, values: dict[str, Array]) -> dict[str, Array]:
        """Takes up what is left over on the dc side, and draws no more than the ac side has."""
        weight = full(rows, given.horizon, rows.field("most_kw"))
        left = state.share(rows.bus("dc_bus"), weight)
        lacking = np.maximum(-state.share(rows.bus(), weight), 0) * (values["to_dc_kw"] > 0)
        if max(np.abs(left).max(), lacking.max()) < _LEFT_KW:
            return values
        into = values["to_dc_kw"]
        net = into - _loss(rows, into) - values["to_ac_kw"] - left
        made = _delivering(rows, net)
        into = np.where(
            lacking > _LEFT_KW, np.minimum(made["to_dc_kw"], np.maximum(into - lacking, 0)), made["to_dc_kw"]
        )
        return {"to_dc_kw": into, "to_ac_kw": made["to_ac_kw"]}


def _pieces(rows: Rows[Any]) -> tuple[list[Array], list[Array]]:
    """(row, 1) lengths and slopes of each piece; a curve of fewer pieces ends in some without length."""
    most, count = max(m.segments for m in rows.members), rows.field("segments")
    width = rows.field("most_kw") / count
    slopes = quadratic_slopes(rows.field("loss_per_kw"), rows.field("loss_per_kw2") / rows.field("count"), width, most)
    return [np.where(k < count, width, 0.0) for k in range(most)], slopes


def _on(rows: Rows[Any], horizon: Horizon) -> Any:
    """(row, step) variable, whole for converters with a standing loss."""
    import cvxpy as cp

    shape = (rows.count, horizon.steps)
    standing = np.array([m.no_load_kw > 0 for m in rows.members * rows.scenarios])
    if not standing.any():
        return cp.Variable(shape, bounds=[0, 1])
    return cp.Variable(shape, boolean=flexible.where_whole(standing, shape[1]), bounds=[0, 1])


def _ends(member: Any) -> tuple[Array, Array]:
    """Powers and losses at the ends of a member's pieces."""
    at = np.linspace(0, member.rated_kw * member.count, member.segments + 1)
    return at, member.loss_per_kw * at + member.loss_per_kw2 * at**2 / member.count


def _loss(rows: Rows[Any], power: Array) -> Array:
    """(row, step) loss of a power, straight between the ends of pieces."""
    out = np.zeros_like(power)
    for row, member in enumerate(rows.members * rows.scenarios):
        at, loss = _ends(member)
        out[row] = np.interp(power[row], at, loss)
    return out


def _delivering(rows: Rows[Any], wanted: Array) -> dict[str, Array]:
    """Power that delivers what is wanted on the dc side (+), or draws what is too much there (−), within the rating."""
    into = np.zeros_like(wanted)
    for row, member in enumerate(rows.members * rows.scenarios):
        at, loss = _ends(member)
        into[row] = np.interp(wanted[row], at - loss, at)
    into = np.where(wanted > 0, into, 0.0)
    return {"to_dc_kw": into, "to_ac_kw": np.clip(-wanted, 0, rows.field("most_kw"))}
