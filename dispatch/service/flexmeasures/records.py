"""What sensors have measured, read and kept: in the series of a site where it has one of that name, else beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from dispatch.service.errors import Fault, InvalidError
from dispatch.service.flexmeasures.quantities import quantity, to_base
from dispatch.service.flexmeasures.sources import Sensor, Span
from dispatch.service.store import flexmeasures, series, sites
from dispatch.service.store.series import names
from dispatch.service.store.transaction import Tx

SOURCE = "flexmeasures"
# How far before a span a value may begin that holds within it: the longest resolution that a sensor may have.
LONGEST = timedelta(days=7)


@dataclass(frozen=True)
class Recorder:
    """Sensors of one tenant as the translation asks for them; a :class:`~.sources.Source`."""

    tx: Tx
    as_of: datetime | None = None

    def sensor(self, sensor_id: int) -> Sensor | None:
        """The sensor of that number."""
        found = flexmeasures.sensor(self.tx, sensor_id)
        return None if found is None else viewed(found)

    def values(self, sensor: Sensor, span: Span) -> list[float | None]:
        """Mean over each step in kW, kWh or money per kWh; None where some of it is not known."""
        kept = flexmeasures.sensor(self.tx, sensor.id)
        assert kept is not None
        known = held(self.tx, kept, span.start, span.end, self.as_of)
        scale = to_base(sensor.unit) or 1.0
        means = stepped(known, sensor.resolution, span.start, span.step, span.count)
        return [None if mean is None else mean * scale for mean in means]

    def latest(self, sensor: Sensor, until: datetime) -> float | None:
        """The newest value not after a time, in kWh."""
        kept = flexmeasures.sensor(self.tx, sensor.id)
        assert kept is not None
        scale = to_base(sensor.unit) or 1.0
        if kept.series:
            known = held(self.tx, kept, until - LONGEST, until, self.as_of)
            values = [known[time] for time in sorted(known) if time <= until and known[time] is not None]
            return None if not values or values[-1] is None else values[-1] * scale
        newest = flexmeasures.newest(self.tx, sensor.id, until)
        return None if newest is None else newest * scale


def viewed(found: flexmeasures.Sensor) -> Sensor:
    """A sensor as the translation sees it."""
    own = found.id, found.asset, found.name, found.unit, found.resolution, found.time_zone, found.attributes
    return Sensor(*own)


def bound(tx: Tx, site: str, name: str, unit: str) -> str:
    """The series of a site that a sensor is, by its name and what it measures; "" where it is none."""
    park = sites.park(tx, site) if site else None
    if park is None or name not in names.of_park(park):
        return ""
    assets = {asset.name for asset in park.assets}
    measures = "power" if name in assets or name.endswith("_kw") else "energy" if name.endswith("_kwh") else ""
    return name if measures and quantity(unit) == measures else ""


def held(
    tx: Tx, sensor: flexmeasures.Sensor, start: datetime, end: datetime, as_of: datetime | None = None
) -> dict[datetime, float | None]:
    """Values in the sensor's unit, by the end of their interval (of a moment: by that)."""
    if not sensor.series:
        return flexmeasures.held(tx, sensor.id, start - LONGEST, end + LONGEST, as_of)
    found = series.read(tx, sensor.site, [sensor.series], start - LONGEST, end + LONGEST, as_of)
    scale = to_base(sensor.unit) or 1.0
    rows = sorted(found.select(["received", "time", "value"]).to_pylist(), key=lambda row: row["received"])
    return {row["time"].astimezone(UTC): None if row["value"] is None else row["value"] / scale for row in rows}


def stepped(
    known: Mapping[datetime, float | None], resolution: timedelta, start: datetime, step: timedelta, count: int
) -> list[float | None]:
    """Means over steps, each weighed by how long its values hold; None for a step of which some is not known.

    A value of a moment (resolution 0) holds until the next one, at most for a day.
    """
    spans = _held_spans(known, resolution)
    out: list[float | None] = []
    place = 0
    for number in range(count):
        begin, end = start + number * step, start + (number + 1) * step
        while place < len(spans) and spans[place][1] <= begin:
            place += 1
        total, covered, at = 0.0, timedelta(0), place
        while at < len(spans) and spans[at][0] < end:
            lasting = min(spans[at][1], end) - max(spans[at][0], begin)
            total += spans[at][2] * (lasting / step)
            covered += lasting
            at += 1
        out.append(total if covered == step else None)
    return out


def _held_spans(
    known: Mapping[datetime, float | None], resolution: timedelta
) -> list[tuple[datetime, datetime, float]]:
    times = sorted(known)
    if resolution:
        return [(t - resolution, t, float(v)) for t in times if (v := known[t]) is not None]
    ends = [*times[1:], *(t + timedelta(days=1) for t in times[-1:])]
    pairs = zip(times, ends, strict=True)
    return [(t, min(e, t + timedelta(days=1)), float(v)) for t, e in pairs if (v := known[t]) is not None]


def keep(tx: Tx, sensor: flexmeasures.Sensor, found: Mapping[datetime, float | None]) -> int:
    """Keep values in the sensor's unit; how many are new.

    Raises:
        InvalidError: the site's series cannot take them, each with its reason.
    """
    if not sensor.series:
        return flexmeasures.keep(tx, sensor.id, found)
    receipt = series.append(tx, _table(sensor, found))
    if not receipt.is_taken:
        faults = [
            Fault(f"/values/{r.index}", f"{r.field} {r.message}", accepted=r.accepted) for r in receipt.rejections
        ]
        raise InvalidError(f"series '{sensor.series}' of site '{sensor.site}' cannot take these values", faults)
    return receipt.taken


def _table(sensor: flexmeasures.Sensor, found: Mapping[datetime, float | None]) -> Any:
    import pyarrow as pa

    scale = to_base(sensor.unit) or 1.0
    return pa.table(
        {
            "site": [sensor.site] * len(found),
            "series": [sensor.series] * len(found),
            "time": pa.array(list(found), pa.timestamp("us", tz="UTC")),
            "value": pa.array([None if v is None else v * scale for v in found.values()], pa.float64()),
            "source": [SOURCE] * len(found),
        }
    )


def spread(
    values: Sequence[float | None], start: datetime, length: timedelta, resolution: timedelta
) -> dict[datetime, float | None]:
    """Values that were sent for a time as the sensor keeps them: by end; coarser ones hold for each step of theirs.

    Raises:
        ValueError: they are finer than the sensor, or do not fit its steps.
    """
    step = length / len(values)
    if not resolution:
        return {start + number * step: value for number, value in enumerate(values)}
    times = step / resolution
    if abs(times - round(times)) > 1e-9 or round(times) < 1:
        raise ValueError(f"{len(values)} values over {length} are of {step} each; the sensor's are of {resolution}")
    if start.timestamp() % resolution.total_seconds():
        raise ValueError(f"{start.isoformat()} is not on a whole step of {resolution}")
    return {
        start + (number * round(times) + part + 1) * resolution: value
        for number, value in enumerate(values)
        for part in range(round(times))
    }
