r"""What a park makes or delivers, with its carbon: direct and indirect, by scope, and the electricity behind it.

A good's carbon is that of its meters in a ledger. Two more tracings of the same operation part it, which is exact since
tracing is linear in what sources emit:

* *direct*: with every electric side cut off, so that only what came without passing through electricity arrives;
  *indirect* is the rest. The electricity consumed is traced alike, with what each plant draws in place of emissions.
* *scope 1*: with the grid's emissions left out; *scope 2* is the rest.

Sources: the terms are those of Implementing Regulation (EU) 2023/1773, annexes III and IV, for direct and indirect
embedded emissions, and of the GHG Protocol for scopes. CN codes: Regulation (EU) 2023/956, annex I.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from dispatch.carbon.carriers import traced
from dispatch.carbon.ledger import Ledger
from dispatch.carbon.operation import Operation
from dispatch.carbon.units import Side, Unit
from dispatch.fields.fluids import KWH_PER_KG
from dispatch.signals import Array, Horizon

Period = tuple[str, int, int]
"""Its name, its first step, and the step after its last."""
_DELIVERED = ("heat", "steam", "cold")
CN_CODES: Mapping[str, str] = {"hydrogen": "2804 10 00", "ammonia": "2814", "electricity": "2716 00 00"}
"""Of goods that CBAM covers; methanol, heat and cold are none of them."""


@dataclass(frozen=True, eq=False)
class Good:
    """One good over T steps.

    Attributes:
        name: hydrogen, ammonia, methanol, heat, steam, cold, or electricity (exported).
        unit: t or kWh, of which ``amount`` (T,) was delivered.
        carbon_kg: by ledger, (T,).
        direct_kg: (T,) of it, the same in every ledger.
        scope_1_kg: (T,) of it, by ledger: accounts by contracts share out the park's own electricity by another rule.
        electricity_kwh: (T,) consumed for it.
    """

    name: str
    unit: str
    amount: Array
    carbon_kg: Mapping[str, Array]
    direct_kg: Array
    scope_1_kg: Mapping[str, Array]
    electricity_kwh: Array


@dataclass(frozen=True)
class Line:
    """A good in one ledger over one period; what is missing has no amount to be divided by.

    Attributes:
        first, end: place of the first step, and of the one after the last.
    """

    good: str
    unit: str
    ledger: str
    period: str
    first: int
    end: int
    amount: float
    carbon_kg: float
    direct_kg: float
    indirect_kg: float
    scope_1_kg: float
    scope_2_kg: float
    electricity_kwh: float

    @property
    def per_unit_kg(self) -> float:
        """Carbon per t or kWh [kg]; NaN where nothing was delivered."""
        return self.carbon_kg / self.amount if self.amount > 0 else float("nan")

    @property
    def electricity_kg_per_kwh(self) -> float:
        """Factor of the electricity consumed; NaN where there is none."""
        return self.indirect_kg / self.electricity_kwh if self.electricity_kwh > 1e-9 else float("nan")


def goods(
    operation: Operation,
    ledgers: Sequence[Ledger],
    own: Mapping[str, Ledger] | None = None,
    *,
    held: Iterable[str] = (),
) -> tuple[Good, ...]:
    """All that is sold or delivered over the meters of ledgers that follow carbon through carriers.

    Args:
        own: by the name of a ledger, how it shares out what the park itself emits; by default as it physically flowed.
        held: stores whose content at the start was said to have an intensity: it is indirect, and of scope 2.
    """
    names = dict.fromkeys(_good(meter.role, meter.carrier) for ledger in ledgers for meter in ledger.meters)
    found = [name for name in names if name]
    if not found:
        return ()
    start = dict.fromkeys(held, 0.0)
    electric = {unit.name for unit in operation.units if not _makes(operation, unit)}
    apart = {name: zero for name, zero in start.items() if name not in electric}
    direct = traced(_cut(operation, lambda unit, _: unit.emitted_kg), start_kg_per_kwh=apart)
    consumed = traced(_cut(operation, lambda _, drawn: drawn), start_kg_per_kwh=apart)
    inside = replace(operation, units=tuple(_without_grid(unit) for unit in operation.units))
    physical = traced(inside, start_kg_per_kwh=start)
    by_ledger = {ledger.name: (own or {}).get(ledger.name, physical) for ledger in ledgers}
    out = []
    for name in found:
        per_kg = KWH_PER_KG.get(name)  # type: ignore[call-overload]  # any carrier
        amount = _summed(ledgers[0], name)[0] / (1000 * per_kg if per_kg else 1.0)
        out.append(
            Good(
                name,
                "t" if per_kg else "kWh",
                amount,
                {ledger.name: _summed(ledger, name)[1] for ledger in ledgers},
                _summed(direct, name)[1],
                {ledger: _summed(one, name)[1] for ledger, one in by_ledger.items()},
                _summed(consumed, name)[1],
            )
        )
    return tuple(out)


FIGURES = ("amount", "carbon_kg", "direct_kg", "indirect_kg", "scope_1_kg", "scope_2_kg", "electricity_kwh")


def lines(good: Good, named: Sequence[Period]) -> list[Line]:
    """A line for each ledger and period."""
    out = []
    for ledger in good.carbon_kg:
        columns = figures(good, ledger, named)
        for place, (period, first, end) in enumerate(named):
            values = (float(columns[name][place]) for name in FIGURES)
            out.append(Line(good.name, good.unit, ledger, period, first, end, *values))
    return out


def figures(good: Good, ledger: str, named: Sequence[Period]) -> dict[str, Array]:
    """(period,) sums of a good in one ledger, by the names of ``FIGURES``."""
    carbon, own = _sums(good.carbon_kg[ledger], named), _sums(good.scope_1_kg[ledger], named)
    # Of electricity that is sold, what was emitted for it is direct.
    direct = carbon if good.name == "electricity" else _sums(good.direct_kg, named)
    amount, electricity = _sums(good.amount, named), _sums(good.electricity_kwh, named)
    found = (amount, carbon, direct, _rest(carbon, direct), own, _rest(carbon, own), electricity)
    return dict(zip(FIGURES, found, strict=True))


def _sums(values: Array, named: Sequence[Period]) -> Array:
    """(period,) sums; periods that follow each other are summed at once."""
    first, end = (np.array([period[k] for period in named], dtype=np.intp) for k in (1, 2))
    out = np.empty(len(named))
    starts = [0, *(np.flatnonzero(first[1:] != end[:-1]) + 1).tolist(), len(named)]
    for one, last in pairwise(starts):
        out[one:last] = np.add.reduceat(values[: end[last - 1]], first[one:last])
    return out


def _rest(total: Array, part: Array) -> Array:
    """What is left, without the rounding of a sum of many steps."""
    left = total - part
    return np.where(np.abs(left) > 1e-9 * np.maximum(np.abs(total), np.abs(part)), left, 0.0)


def periods(horizon: Horizon, by: str) -> list[Period]:
    """Each local hour, day, month or year of a horizon, or the whole ("all"), or its steps."""
    if by == "step":
        return [(start.isoformat(), k, k + 1) for k, start in enumerate(horizon.local_start)]
    form, depth = _PERIODS[by]
    local = horizon.local_start
    # An hour that comes twice, when clocks go back, is two hours: their offsets differ.
    keys = [(t.year, t.month, t.day, t.hour, t.utcoffset())[:depth] for t in local]
    cuts = [0, *(k for k in range(1, len(keys)) if keys[k] != keys[k - 1]), len(keys)]
    return [(local[first].strftime(form), first, end) for first, end in pairwise(cuts)]


_PERIODS = {"hour": ("%Y-%m-%dT%H:00%z", 5), "day": ("%Y-%m-%d", 3), "month": ("%Y-%m", 2), "year": ("%Y", 1),
            "all": ("all", 0)}  # fmt: skip


def _good(role: str, carrier: str) -> str:
    if role == "product":
        return carrier
    if role == "export" and carrier == "electricity":
        return carrier
    return carrier if role in ("load", "export") and carrier in _DELIVERED else ""


def _summed(ledger: Ledger, name: str) -> tuple[Array, Array]:
    """(T,) energy and carbon of a good's meters."""
    at = [k for k, meter in enumerate(ledger.meters) if _good(meter.role, meter.carrier) == name]
    return ledger.energy_kwh[at].sum(axis=0), ledger.carbon_kg[at].sum(axis=0)


def _without_grid(unit: Unit) -> Unit:
    if unit.role == "connection" or unit.kind == "imbalance":
        return replace(unit, emitted_kg=np.zeros(unit.emitted_kg.size))
    return unit


def _makes(operation: Operation, unit: Unit) -> bool:
    """Is there another carrier than electricity at it?"""
    return any(operation.carriers[side.bus] != "electricity" for side in unit.ports.values())


def _cut(operation: Operation, emitted_kg: Callable[[Unit, Array], Array]) -> Operation:
    """The operation without its electricity: what units draw of it is gone, what they give of it leaves at once."""
    hours, apart, units = operation.horizon.hours, "electricity apart", list[Unit]()
    gone = np.zeros(hours.size)
    for unit in operation.units:
        electric = [s.power_kw for s in unit.ports.values() if operation.carriers[s.bus] == "electricity"]
        net = sum(electric, np.zeros(hours.size))
        ports = {name: s for name, s in unit.ports.items() if operation.carriers[s.bus] != "electricity"}
        if not ports and unit.stock is not None:
            continue
        given = np.maximum(net, 0.0) if unit.role != "link" or ports else np.zeros(hours.size)
        if given.any():
            ports["electricity given"] = Side(apart, given)
            gone = gone + given
        if ports:
            own = emitted_kg(unit, np.maximum(-net, 0.0) * hours)
            units.append(replace(unit, ports=ports, emitted_kg=own, own_kg=None))
    units.append(Unit(apart, "electricity", "sink", {"all": Side(apart, -gone)}, np.zeros(hours.size)))
    carriers = {bus: carrier for bus, carrier in operation.carriers.items() if carrier != "electricity"}
    return Operation(operation.horizon, carriers | {apart: "electricity"}, tuple(units))
