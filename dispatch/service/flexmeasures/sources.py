"""What a translation needs to know of the world: the steps it is for, sensors, and what they have measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from dispatch.service.flexmeasures.quantities import Refused, number, quantity


@dataclass(frozen=True)
class Span:
    """Steps of equal length from ``start``.

    Attributes:
        start: UTC.
        step: length of each.
        count: how many.
        time_zone: in which days and months are meant.
    """

    start: datetime
    step: timedelta
    count: int
    time_zone: str

    @property
    def end(self) -> datetime:
        """Of the last step."""
        return self.start + self.count * self.step

    @property
    def edges(self) -> list[datetime]:
        """T + 1 of them."""
        return [self.start + n * self.step for n in range(self.count + 1)]

    def signal(self, values: Sequence[float]) -> list[dict[str, Any]]:
        """One value a step, as a park's file writes such a series."""
        pairs = zip(self.edges, values, strict=False)
        return [{"start": t.isoformat(), "end": (t + self.step).isoformat(), "value": float(v)} for t, v in pairs]


@dataclass(frozen=True)
class Sensor:
    """A sensor as the translation sees it."""

    id: int
    asset_id: int
    name: str
    unit: str
    resolution: timedelta
    time_zone: str
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def measures(self) -> str:
        """``power``, ``energy``, ``price EUR/kWh``, or its unit."""
        return quantity(self.unit)

    def consumes(self, *, by_default: bool) -> bool:
        """Does a positive value mean consumption?"""
        return bool(self.attributes.get("consumption_is_positive", by_default))


class Source(Protocol):
    """Sensors of one tenant."""

    def sensor(self, sensor_id: int) -> Sensor | None:
        """The sensor of that number, None where there is none."""
        ...

    def values(self, sensor: Sensor, span: Span) -> list[float | None]:
        """Mean over each step, in kW, kWh or money per kWh; None where nothing is known."""
        ...

    def latest(self, sensor: Sensor, until: datetime) -> float | None:
        """The newest value not after ``until``, in the same units."""
        ...


def the_sensor(source: Source, value: Any, pointer: str) -> Sensor:
    """The sensor that a request names by its number.

    Raises:
        Refused: there is none.
    """
    found = source.sensor(value) if isinstance(value, int) and not isinstance(value, bool) else None
    if found is None:
        raise Refused(pointer, f"there is no sensor {value!r}")
    return found


def referred(value: Any, pointer: str) -> Any:
    """Number of the sensor in ``{"sensor": 5}``.

    Raises:
        Refused: something else stands there, or beside it.
    """
    if not isinstance(value, Mapping) or set(value) != {"sensor"}:
        raise Refused(pointer, f"accepted: {{'sensor': number}}, found {value!r}")
    return value["sensor"]


def measured(source: Source, sensor: Sensor, span: Span, wanted: str, pointer: str) -> list[float]:
    """A value for every step.

    Raises:
        Refused: the sensor measures something else, or has no value for some step: missing is never zero.
    """
    if sensor.measures.split(" ")[0] != wanted.split(" ", maxsplit=1)[0]:
        raise Refused(pointer, f"sensor {sensor.id} measures {sensor.unit}; accepted: a {wanted}")
    values = source.values(sensor, span)
    for step, value in enumerate(values):
        if value is None:
            at = span.edges[step].isoformat()
            raise Refused(pointer, f"sensor {sensor.id} ('{sensor.name}') has no value for the step from {at}")
    return [number(value, pointer) for value in values]
