"""One method's account of an operation's carbon by meter and step, and several methods side by side.

Every ledger says which question it answers, what it distributes, and what it leaves over: nothing where it conserves
emissions, and what marginal rates do not explain. A meter that is no end of the carbon but holds it (a store) counts
what its content gains, so that in every step the meters of a ledger that conserves add up to what was emitted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from dispatch.errors import AlignmentError, DataError
from dispatch.signals import Array, Horizon

if TYPE_CHECKING:
    import pyarrow as pa

_UNITS = {"start": "UTC", "hours": "h", "energy_kwh": "kWh", "carbon_kg": "kg", "intensity_kg_per_kwh": "kg/kWh"}
MeterRole = Literal["load", "export", "product", "loss", "store", "standby", "others", "residual"]
"""Where carbon ends: what is used, sold, made; lost; kept; drawn by plant that gives nothing; and of other parties."""


@dataclass(frozen=True)
class Meter:
    """One place at which carbon is counted.

    Attributes:
        name: unique in its ledger.
        asset: the asset that it belongs to.
        kind: of the asset, as in a park's file.
        bus, carrier: where it stands and what it counts; the bus is "" of what stands on none.
        role: what becomes of the carbon here.
    """

    name: str
    asset: str
    kind: str
    bus: str
    carrier: str
    role: MeterRole

    def __post_init__(self) -> None:
        """A role that nobody knows is a mistake.

        Raises:
            DataError: there is no such role.
        """
        if self.role not in get_args(MeterRole):
            raise DataError(f"meter '{self.name}': role '{self.role}'; accepted: {', '.join(get_args(MeterRole))}")


@dataclass(frozen=True, eq=False)
class Content:
    """What a store holds at the edges of the steps: energy [kWh] and carbon [kg], (T + 1,) each."""

    energy_kwh: Array
    carbon_kg: Array

    @property
    def kg_per_kwh(self) -> Array:
        """(T + 1,) intensity of the content; NaN of an empty store."""
        full = self.energy_kwh > 1e-9 * max(float(self.energy_kwh.max(initial=0.0)), 1e-6)
        return np.divide(self.carbon_kg, self.energy_kwh, out=np.full_like(self.carbon_kg, np.nan), where=full)


@dataclass(frozen=True, eq=False)
class Ledger:
    """One method's account.

    Attributes:
        name: short, such as "traced, losses apart".
        question: a plain sentence: which question it answers.
        horizon: the T steps.
        meters: M of them.
        energy_kwh, carbon_kg: (M, T) by meter and step; of a store what its content gains.
        emitted_kg: (T,) what the ledger distributes.
        stores: by asset, what is held at the edges; only of ledgers that follow carbon through stores.
        buses: by bus, (T,) intensity of what leaves it [kg/kWh], NaN where nothing does; likewise.
    """

    name: str
    question: str
    horizon: Horizon
    meters: tuple[Meter, ...]
    energy_kwh: Array
    carbon_kg: Array
    emitted_kg: Array
    stores: Mapping[str, Content] = field(default_factory=dict)
    buses: Mapping[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Shapes fit, names are unique.

        Raises:
            AlignmentError: an array has another shape than meters and horizon ask for.
            DataError: two meters have one name.
        """
        shape = (len(self.meters), self.horizon.steps)
        for what, values in (("energy_kwh", self.energy_kwh), ("carbon_kg", self.carbon_kg)):
            if values.shape != shape:
                raise AlignmentError(f"ledger '{self.name}': {what} is {values.shape}; accepted: {shape}")
        self.horizon.require(f"ledger '{self.name}': emitted_kg", self.emitted_kg)
        names = [meter.name for meter in self.meters]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise DataError(f"ledger '{self.name}': two meters are called '{twice}'; give each a name of its own")

    @property
    def left_over_kg(self) -> Array:
        """(T,) what was emitted and is on no meter: rounding where a ledger conserves, and not where it is marginal."""
        return np.asarray(self.emitted_kg - self.carbon_kg.sum(axis=0))

    @property
    def residual(self) -> float:
        """The largest step's left-over as a share of all that moves in an average step."""
        moved = np.abs(self.carbon_kg).sum(axis=0).mean() + np.abs(self.emitted_kg).mean()
        return float(np.abs(self.left_over_kg).max() / max(moved / 2, np.finfo(float).tiny))

    @property
    def intensity(self) -> Array:
        """(M, T) carbon per energy [kg/kWh]; NaN where no energy is counted."""
        counted = np.abs(self.energy_kwh) > 1e-9
        return np.divide(self.carbon_kg, self.energy_kwh, out=np.full_like(self.carbon_kg, np.nan), where=counted)

    def of(self, meter: str) -> tuple[Array, Array]:
        """Energy and carbon (T,) of one meter.

        Raises:
            DataError: there is no such meter.
        """
        names = [one.name for one in self.meters]
        if meter not in names:
            raise DataError(f"ledger '{self.name}' has no meter '{meter}'; it has {', '.join(names)}")
        return self.energy_kwh[names.index(meter)], self.carbon_kg[names.index(meter)]

    def rows(self) -> Iterator[dict[str, Any]]:
        """One mapping per meter and step, as in :meth:`Ledgers.to_arrow`."""
        yield from self.to_arrow().to_pylist()

    def to_arrow(self) -> pa.Table:
        """Flat table: ledger, meter, asset, role, carrier, bus, start (UTC), hours, energy, carbon and intensity."""
        import pyarrow as pa

        count, steps = self.carbon_kg.shape
        place = pa.array(np.repeat(np.arange(count, dtype=np.int32), steps))
        text = {
            name: pa.DictionaryArray.from_arrays(place, pa.array(values, pa.string()))
            for name, values in {
                "meter": [m.name for m in self.meters],
                "asset": [m.asset for m in self.meters],
                "role": [m.role for m in self.meters],
                "carrier": [m.carrier for m in self.meters],
                "bus": [m.bus for m in self.meters],
            }.items()
        }
        start = pa.array(np.tile(self.horizon.edges[:-1].astype("datetime64[ms]"), count), pa.timestamp("ms"))
        columns = {
            "ledger": pa.DictionaryArray.from_arrays(
                pa.array(np.zeros(count * steps, np.int32)), pa.array([self.name], pa.string())
            ),
            **text,
            "start": start.cast(pa.timestamp("ms", tz="UTC")),
            "hours": pa.array(np.tile(self.horizon.hours, count)),
            "energy_kwh": pa.array(self.energy_kwh.ravel()),
            "carbon_kg": pa.array(self.carbon_kg.ravel()),
            "intensity_kg_per_kwh": pa.array(self.intensity.ravel(), from_pandas=True),
        }
        fields = [
            pa.field(name, array.type, metadata={"unit": _UNITS[name]} if name in _UNITS else None)
            for name, array in columns.items()
        ]
        return pa.Table.from_arrays(list(columns.values()), schema=pa.schema(fields))


@dataclass(frozen=True)
class Ledgers:
    """Ledgers of one operation side by side, each under its name.

    Attributes:
        ledgers: in order.
        left_out: by method that has none here, why.
    """

    ledgers: tuple[Ledger, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Names are unique and all stand on one horizon.

        Raises:
            DataError: two ledgers have one name.
            AlignmentError: their steps differ.
        """
        names = [one.name for one in self.ledgers]
        if len(set(names)) < len(names):
            raise DataError(f"two ledgers have one name: {', '.join(names)}")
        for one in self.ledgers[1:]:
            if not np.array_equal(one.horizon.edges, self.ledgers[0].horizon.edges):
                raise AlignmentError(f"ledger '{one.name}' has other steps than '{self.ledgers[0].name}'")

    def __iter__(self) -> Iterator[Ledger]:
        """In order."""
        return iter(self.ledgers)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.ledgers)

    def __getitem__(self, name: str) -> Ledger:
        """By name.

        Raises:
            DataError: there is none of that name.
        """
        for one in self.ledgers:
            if one.name == name:
                return one
        raise DataError(f"no ledger '{name}'; there are {', '.join(one.name for one in self.ledgers)}")

    def joined(self, *more: Ledger) -> Ledgers:
        """With further ones behind."""
        return Ledgers((*self.ledgers, *more), self.left_out)

    def rows(self) -> Iterator[dict[str, Any]]:
        """One mapping per ledger, meter and step."""
        for one in self.ledgers:
            yield from one.rows()

    def to_arrow(self) -> pa.Table:
        """All ledgers in one flat table; see :meth:`Ledger.to_arrow`."""
        import pyarrow as pa

        return pa.concat_tables([one.to_arrow() for one in self.ledgers]).unify_dictionaries()
