"""One activity with ports in proportion to it: what turns one carrier into others; the kinds say in what proportion."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field

from dispatch.asset import Asset, Given, Inputs, Mode, Rows, full
from dispatch.errors import DataError
from dispatch.fields.frozen import NonNegative
from dispatch.part import Account, Part, Port, Violation, breaches, mistakes
from dispatch.ruling import Ruling
from dispatch.signals import Array, Horizon
from dispatch.worth import Activity, Worth

_LONGEST_CASCADE = 6
_FOLLOWED_KW = 1e-6
_SPENT = 2
"""So often may an input give out before no more is asked of it: a store behind it may only act in the next pass."""


def bus_or(rows: Rows[Any], field: str, other: str) -> np.ndarray:
    """(row,) position of the bus that ``field`` names among scenario-stacked buses; where it is None, ``other``'s."""
    named = [getattr(m, field) if getattr(m, field) is not None else getattr(m, other) for m in rows.members]
    index = np.array([rows.buses.index(name) for name in named])
    return np.concatenate([s * len(rows.buses) + index for s in range(rows.scenarios)])


class Conversion(Asset):
    r"""An activity x, measured at the input bus [kW], and any number of ports in proportion to it.

    .. math::
        0 ≤ x_t ≤ X_t, \quad y_{jt} = k_{jt} x_t - s_{jt}, \quad z_{it} = a_{it} x_t, \quad 0 ≤ s_{jt} ≤ k_{jt} x_t \\
        cost = Σ_t Δt_t c x_t, \quad CO_2 = Σ_t Δt_t e x_t

    y are outputs, z side inputs, s is what a spillable output lets off unused (0 for others). k and a may change from
    step to step. X is the rating itself, or rating / k where the plant is rated by one of its outputs.

    Class attributes:
        input_port, input_bus, input_series: port, field of the bus, and name in the series of the activity.
        rating: field with the largest flow [kW].
        rated_port: the output that ``rating`` means; empty: the input.
        outputs, side_inputs: port → field of its bus. The first output is the one whose demand its rule follows.
        spillable: outputs of which what nobody takes is let off.
        downhill: heat flows by itself: no output's bus may be hotter than the input's.

    A bus field that may be None has a port all the same, with nothing flowing through it.
    """

    cost_per_kwh: NonNegative = Field(default=0.0, description="upkeep per kWh of input; the input has its own price")
    co2_kg_per_kwh: NonNegative = Field(
        default=0.0, description="emitted per kWh of input beside what was counted when its fuel entered the site"
    )

    rule_order: ClassVar[int] = 3
    gives_more: ClassVar[bool] = True
    input_port: ClassVar[str] = "electricity"
    input_bus: ClassVar[str] = "bus"
    input_series: ClassVar[str] = "power_kw"
    rating: ClassVar[str] = "electric_kw"
    rated_port: ClassVar[str] = ""
    outputs: ClassVar[Mapping[str, str]] = {"heat": "heat_bus"}
    side_inputs: ClassVar[Mapping[str, str]] = {}
    spillable: ClassVar[tuple[str, ...]] = ()
    downhill: ClassVar[bool] = False

    @abstractmethod
    def per_input(self, horizon: Horizon) -> Mapping[str, Array | float]:
        """By port, the flow per kW of input, one number or (step,)."""

    @property
    def supply_fraction(self) -> float:
        """Of an electric output: what counts as supply of the site; 0 for what was supplied before (power to gas)."""
        return 1.0

    @property
    def unclean_fraction(self) -> float:
        """Of that supply: what does not count as clean."""
        return 1.0

    def known(self, horizon: Horizon) -> dict[str, Array]:
        """(1, step) ``{port}_kw_per_kw``; nothing where the port has no bus."""
        given, out = self.per_input(horizon), {}
        for port, field in self._fields().items():
            value = given[port] if getattr(self, field) is not None else 0.0
            out[f"{port}_kw_per_kw"] = np.array(np.broadcast_to(np.asarray(value, float), (1, horizon.steps)))
            self._require_sensible(port, out[f"{port}_kw_per_kw"][0], horizon)
        return out

    def _require_sensible(self, port: str, per_kw: Array, horizon: Horizon) -> None:
        least = 0.0 if port != self.rated_port else 1e-6
        for step in np.flatnonzero(~(per_kw >= least))[:1]:
            found = f"{per_kw[step]:g} kW of {port} per kW of input at {horizon.local_start[step].isoformat()}"
            raise DataError(f"'{self.name}' would make {found}: it must be {'above' if least else 'at least'} 0")

    @classmethod
    def _fields(cls) -> dict[str, str]:
        return {**cls.outputs, **cls.side_inputs}

    @classmethod
    def shown(cls, port: str) -> str:
        """The name of a port's flow among the series."""
        return f"{port}_kw"

    @classmethod
    def bus_at(cls, rows: Rows[Self], field: str) -> np.ndarray:
        """(row,) bus of a field; that of the input where the field is None."""
        return bus_or(rows, field, cls.input_bus)

    @classmethod
    def most_kw(cls, rows: Rows[Self], inputs: Inputs) -> Array:
        """(row, step) largest input; none of plant that is out of service."""
        rating = np.where(rows.standing(inputs.horizon), 0.0, rows.field(cls.rating))
        return rating / rows.series(inputs, f"{cls.rated_port}_kw_per_kw") if cls.rated_port else rating

    def worth(self, inputs: Inputs) -> Worth:
        """Its outputs per kWh of its main input, on average."""

        def flows(fields: Mapping[str, str]) -> dict[str, float]:
            named = {p: getattr(self, f) for p, f in fields.items() if getattr(self, f) is not None}
            return {bus: float(inputs.series[self.name, f"{port}_kw_per_kw"].mean()) for port, bus in named.items()}

        made, drawn = flows(self.outputs), {getattr(self, self.input_bus): 1.0}
        if next(iter(made.values()), 0.0) <= 0:
            return Worth()
        return Worth((Activity(drawn | flows(self.side_inputs), made, self.cost_per_kwh),))

    @classmethod
    def ratings(cls, rows: Rows[Self], horizon: Horizon) -> dict[str, Array]:
        """Money and carbon per kW and step, (row, step)."""
        return {
            "cost_per_kw": rows.field("cost_per_kwh") * horizon.hours,
            "co2_per_kw": rows.field("co2_kg_per_kwh") * horizon.hours,
        }

    @classmethod
    def signals(cls, rows: Rows[Self], inputs: Inputs) -> dict[str, Array]:
        """Largest input and flow of each port per kW of it, (row, step)."""
        out = {"most_kw": cls.most_kw(rows, inputs)}
        for port in cls._fields():
            out[f"{port}_per_kw"] = rows.series(inputs, f"{port}_kw_per_kw")
        if "electricity" in cls.outputs:
            out["supply_per_kw"] = out["electricity_per_kw"] * rows.field("supply_fraction")
            out["unclean_per_kw"] = out["supply_per_kw"] * rows.field("unclean_fraction")
        return out

    @classmethod
    def part(cls, rows: Rows[Self], given: Given, mode: Mode) -> Part:
        """The equations above for all rows."""
        import cvxpy as cp

        shape = (rows.count, given.horizon.steps)
        flow = cp.Variable(shape, nonneg=True)
        spilled = {port: cp.Variable(shape, nonneg=True) for port in cls.spillable}
        made = {port: cp.multiply(given[f"{port}_per_kw"], flow) for port in cls._fields()}
        used = {port: made[port] - spilled[port] if port in spilled else made[port] for port in made}
        supplies = "electricity" in cls.outputs
        return Part(
            ports={
                cls.input_port: Port(rows.bus(cls.input_bus), -flow),
                **{port: Port(cls.bus_at(rows, field), used[port]) for port, field in cls.outputs.items()},
                **{port: Port(cls.bus_at(rows, field), -used[port]) for port, field in cls.side_inputs.items()},
            },
            constraints=[flow <= given["most_kw"], *(spilled[port] <= made[port] for port in spilled)],
            cost_step=cp.multiply(given["cost_per_kw"], flow),
            co2_step_kg=cp.multiply(given["co2_per_kw"], flow),
            of_fuel=cls.input_port != "electricity",
            supply_kw=cp.multiply(given["supply_per_kw"], flow) if supplies else None,
            unclean_kw=cp.multiply(given["unclean_per_kw"], flow) if supplies else None,
            series={
                cls.input_series: flow,
                **{cls.shown(port): term for port, term in used.items()},
                **{f"{port}_spilled_kw": term for port, term in spilled.items()},
            },
        )

    @classmethod
    def check(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Rating, proportions, and nothing let off that was not made."""
        flow, names = series[cls.input_series], rows.names
        made = {port: rows.series(given, f"{port}_kw_per_kw") * flow for port in cls._fields()}
        rated = made[cls.rated_port] if cls.rated_port else flow
        found = [
            *breaches(names, "above rating", rated, rows.field(cls.rating), "kW"),
            *breaches(names, "negative input", -flow, 0.0, "kW"),
        ]
        for port, expected in made.items():
            spilled = series.get(f"{port}_spilled_kw", np.zeros_like(flow))
            apart = np.abs(series[cls.shown(port)] + spilled - expected)
            found += mistakes(names, "a port is out of proportion to the input", apart, 0.0, "kW")
        return found + cls._check_spilled(rows, made, series)

    @classmethod
    def _check_spilled(
        cls, rows: Rows[Self], made: Mapping[str, Array], series: Mapping[str, Array]
    ) -> list[Violation]:
        found = []
        for port in cls.spillable:
            spilled = series[f"{port}_spilled_kw"]
            found += breaches(rows.names, "lets off more than it makes", spilled, made[port], "kW")
            found += breaches(rows.names, "lets off less than nothing", -spilled, 0.0, "kW")
        return found

    @classmethod
    def account(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> Account:
        """Input, ports by their proportions, upkeep and emissions."""
        flow = series[cls.input_series]
        powers = {cls.input_port: -flow}
        for port in cls._fields():
            made = rows.series(given, f"{port}_kw_per_kw") * flow
            powers[port] = made - series.get(f"{port}_spilled_kw", 0.0) if port in cls.outputs else -made
        supply = powers["electricity"] * rows.field("supply_fraction") if "electricity" in cls.outputs else 0.0
        energy = flow @ given.horizon.hours
        return Account(
            powers,
            at={cls.input_port: cls.input_bus, **cls.outputs, **cls.side_inputs},
            money=energy * rows.field("cost_per_kwh")[:, 0],
            co2_kg=flow * given.horizon.hours * rows.field("co2_kg_per_kwh"),
            of_fuel=cls.input_port != "electricity",
            supply_kw=supply,
            unclean_kw=supply * rows.field("unclean_fraction"),
        )

    @classmethod
    def wanted_kw(cls, rows: Rows[Self], given: Inputs, state: Ruling) -> Array:
        """(row, step) input that would serve what lacks on the bus of the first output, within the rating."""
        port, field = next(iter(cls.outputs.items()))
        per_kw = rows.series(given, f"{port}_kw_per_kw")
        wanted = np.maximum(-state.share(cls.bus_at(rows, field), full(rows, given.horizon, rows.field(cls.rating))), 0)
        flow = np.divide(wanted, per_kw, out=np.zeros_like(wanted), where=per_kw > 0)
        return np.minimum(flow, cls.most_kw(rows, given))

    @classmethod
    def given_way(cls, rows: Rows[Self], given: Inputs, state: Ruling, flow: Array) -> Array:
        """(row, step) input after drawing less where an input lacks or nobody takes the first output."""
        port = next(iter(cls.outputs))
        less = np.maximum(-state.share(rows.bus(cls.input_bus), flow), 0)
        per_kw = {name: rows.series(given, f"{name}_kw_per_kw") for name in (port, *cls.side_inputs)}
        for name, per in per_kw.items():
            sign = 1 if name == port else -1
            left = np.maximum(sign * state.share(cls.bus_at(rows, cls._fields()[name]), flow * per), 0)
            less = np.maximum(less, np.divide(left, per, out=np.zeros_like(left), where=per > 0))
        return np.maximum(flow - less, 0)

    @classmethod
    def spilling(cls, rows: Rows[Self], given: Inputs, state: Ruling, values: Mapping[str, Array]) -> dict[str, Any]:
        """By series: what is let off of spillable outputs, as much as their buses do not take."""
        flow, out = values[cls.input_series], {}
        for port in cls.spillable:
            made, name = rows.series(given, f"{port}_kw_per_kw") * flow, f"{port}_spilled_kw"
            before = values.get(name, np.zeros_like(made))
            left = state.share(cls.bus_at(rows, cls.outputs[port]), made + 1e-9)
            out[name] = np.clip(before + left, 0, made)
        return out

    @classmethod
    def rule(cls, rows: Rows[Self], given: Inputs, state: Ruling) -> dict[str, Array]:
        """Follows the demand on the bus of its first output; of what else comes of it, uses what is asked for.

        Where one plant feeds another of its kind (a cascade), the first follows what the second draws.
        """
        most, left = cls.most_kw(rows, given), state
        flow = np.zeros_like(most)
        for _ in range(_LONGEST_CASCADE):
            more = np.minimum(cls.wanted_kw(rows, given, left), most - flow)
            if more.max() < _FOLLOWED_KW:
                break
            flow, left = flow + more, cls._moved(rows, given, left, more)
        made = {f"{p}_spilled_kw": rows.series(given, f"{p}_kw_per_kw") * flow for p in cls.spillable}
        return {cls.input_series: flow, **cls.spilling(rows, given, state, {cls.input_series: flow, **made})}

    @classmethod
    def settle(cls, rows: Rows[Self], given: Inputs, state: Ruling, values: dict[str, Array]) -> dict[str, Array]:
        """Less where an input lacks or nobody takes the output; before loads shed, more where that alone lacks."""
        had, starved = values[cls.input_series], cls._starved(rows, given, state)
        # What another plant of the kind can make does not lack: heat at 60 °C, of which the next exchanger draws.
        idle = starved | (state.spent.get(cls, 0) >= _SPENT) | state.sheds
        made = np.minimum(cls.wanted_kw(rows, given, state), cls.most_kw(rows, given) - had) * ~idle
        flow = cls.given_way(rows, given, cls._moved(rows, given, state, made, draws=False), had)
        # What one plant of the kind no longer draws, another need not make: a compressor, and the valve back.
        left = cls._moved(rows, given, state, flow - had)
        gave_way = starved & (flow < had - _FOLLOWED_KW)
        state.spent[cls] = spent = state.spent.get(cls, 0) + gave_way
        more = cls.wanted_kw(rows, given, left) * ~(starved | (spent >= _SPENT) | state.sheds)
        flow = np.minimum(flow + more, cls.most_kw(rows, given))
        spilled = cls.spilling(rows, given, state, {**values, cls.input_series: flow})
        return {**values, cls.input_series: flow, **spilled}

    @classmethod
    def follow(cls, rows: Rows[Self], given: Inputs, wanted: Mapping[str, Array]) -> dict[str, Array] | None:
        """The input wanted, within the rating; None where nothing is: its rule then serves, for it remembers nothing.

        A rule sees what is asked of the first output now. That a plan makes more of it, for a tank, or has another
        plant make it, is for the plan to say.
        """
        if cls.input_series not in wanted:
            return None
        flow = np.clip(wanted[cls.input_series], 0, cls.most_kw(rows, given))
        made = {port: rows.series(given, f"{port}_kw_per_kw") * flow for port in cls.spillable}
        names = {port: f"{port}_spilled_kw" for port in cls.spillable}
        spilled = {n: np.clip(wanted.get(n, np.zeros_like(flow)), 0, made[port]) for port, n in names.items()}
        return {cls.input_series: flow, **spilled}

    @classmethod
    def _starved(cls, rows: Rows[Self], given: Inputs, state: Ruling) -> np.ndarray:
        """(row, step) does an input lack that it draws?"""
        starved = state.residual_kw[rows.bus(cls.input_bus)] < -_FOLLOWED_KW
        for port, field in cls.side_inputs.items():
            lacks = state.residual_kw[cls.bus_at(rows, field)] < -_FOLLOWED_KW
            starved = starved | (lacks & (rows.series(given, f"{port}_kw_per_kw") > 0))
        return np.asarray(starved)

    @classmethod
    def _moved(cls, rows: Rows[Self], given: Inputs, state: Ruling, more: Array, *, draws: bool = True) -> Ruling:
        """What is left over once the rows draw so much more; without ``draws``, of what they make alone."""
        left = state.residual_kw.copy()
        if draws:
            np.add.at(left, rows.bus(cls.input_bus), -more)
        for port, field in cls._fields().items():
            sign = 1 if port in cls.outputs else -draws
            np.add.at(left, cls.bus_at(rows, field), sign * rows.series(given, f"{port}_kw_per_kw") * more)
        return state.left(left)
