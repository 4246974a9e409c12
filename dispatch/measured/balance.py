"""Powers of all sides of a park's buses from meters, and what the balance of a bus says of those that are missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dispatch.errors import DataError
from dispatch.measured.meters import Point
from dispatch.measured.names import Key, Readings, lacking
from dispatch.signals import Array, Horizon
from dispatch.site import Site

SMALL_KW = 1e-6


@dataclass(frozen=True)
class Tolerance:
    """How far the meters of a bus may differ: a share of its highest throughput, or kW."""

    share: float | None = 0.01
    kw: float | None = None

    def limit_kw(self, throughput_kw: float) -> float:
        """At a bus."""
        return self.kw if self.kw is not None else (self.share or 0.0) * throughput_kw

    def __str__(self) -> str:
        return (
            f"{self.kw:g} kW" if self.kw is not None else f"{100 * (self.share or 0.0):g} % of its highest throughput"
        )


def measured_kw(sides: Sequence[Point], readings: Readings) -> Array:
    """(side, T) power into the bus, NaN where it is not measured."""
    out = np.full((len(sides), readings.horizon.steps), np.nan)
    for k, side in enumerate(sides):
        of = {way: Key("power", side.asset, side.field, way) for way in ("given", "taken", "net")}
        if of["net"] in readings.values:
            out[k] = readings.values[of["net"]]
        elif not lacking(readings, side):
            for way in side.ways:
                values = readings.values[of[way]]
                # Plant that gives may draw a little where it stands still; nothing else turns round.
                if (values < 0).any() and (way == "taken" or len(side.ways) > 1):
                    step = int(np.argmax(values < 0))
                    raise DataError(
                        f"'{readings.names[of[way]]}' is {values[step]:g} kW at {when(readings.horizon, step)}: its "
                        "direction is in its name; accepted: 0 or more, with a series for each direction"
                    )
            out[k] = readings.values.get(of["given"], 0.0) - readings.values.get(of["taken"], np.zeros(out.shape[1]))
    return out


class Found:
    """Powers of all sides, with what the balances of buses tell of those that are not measured."""

    def __init__(self, site: Site, sides: Sequence[Point], power: Array, readings: Readings) -> None:
        self.sides, self.power, self.readings = sides, power, readings
        self.horizon, self.derived = readings.horizon, ~np.isfinite(power)
        names = [bus for bus in site.bus_names if any(side.bus == bus for side in sides)]
        self.at_bus = {bus: np.array([k for k, side in enumerate(sides) if side.bus == bus]) for bus in names}
        pairs = [[k for k, s in enumerate(sides) if s.asset == a.name] for a in site.assets if a.kind == "cable"]
        self.cables = [(pair[0], pair[1]) for pair in pairs]

    def fill(self, notes: list[str]) -> None:
        """Find what can be found, small buses first, until nothing more comes of it."""
        order = sorted(self.at_bus.values(), key=len)
        while True:
            before = int(np.isnan(self.power).sum())
            for near, far in self.cables:
                for one, other in ((near, far), (far, near)):
                    gap = np.isnan(self.power[one])
                    self.power[one, gap] = -self.power[other, gap]
            done = next((True for at in order if self._balanced(at)), False)
            if not done and int(np.isnan(self.power).sum()) == before:
                break
        self._require_found()
        notes += self._told()

    def _told(self) -> Iterator[str]:
        """What was found, for the reader."""
        for near, _ in self.cables:
            if self.derived[near].all():
                yield f"the flow over '{self.sides[near].asset}' was not measured: it follows from the balances"
        ends = {k for pair in self.cables for k in pair}
        for k, side in enumerate(self.sides):
            count = int(self.derived[k].sum())
            if count == self.horizon.steps and k not in ends:
                yield f"{side.told()} was not measured: it is what the balance of '{side.bus}' leaves"
            elif count and k not in ends:
                yield f"{side.told()} is missing in {count} steps: there it is what the balance leaves"

    def _balanced(self, at: np.ndarray) -> bool:
        """Fill the steps of one bus in which one side is unknown; whether there were any."""
        unknown = np.isnan(self.power[at])
        alone = unknown.sum(axis=0) == 1
        if not alone.any():
            return False
        left = -np.nansum(self.power[at][:, alone], axis=0)
        row = np.argmax(unknown[:, alone], axis=0)
        self.power[at[row], np.flatnonzero(alone)] = left
        return True

    def _require_found(self) -> None:
        for bus, at in self.at_bus.items():
            unknown = np.isnan(self.power[at])
            if not unknown.any():
                continue
            step = int(np.argmax(unknown.any(axis=0)))
            if np.isnan(self.power[:, step]).all():
                empty = int(np.isnan(self.power).all(axis=0).sum())
                raise DataError(
                    f"bus '{bus}' at {when(self.horizon, step)}: no meter has a value, and in {empty} of "
                    f"{self.horizon.steps} steps in all; give what lies between --from and --to, on the park's clock "
                    f"where times have no offset. Read from {self.readings.source or 'the series given'}"
                )
            missing = [self.sides[at[i]] for i in np.flatnonzero(unknown[:, step])]
            wanted = "; ".join(f"{side.told()} ({side.kind})" for side in missing)
            raise DataError(
                f"bus '{bus}' at {when(self.horizon, step)}: {len(missing)} meters are missing, and a balance finds "
                f"one: give {wanted}. Read from {self.readings.source or 'the series given'}"
            )

    def checked(self, tolerance: Tolerance) -> Array:
        """(side, T); what a balance found against the direction a side has is left to the imbalance, if it is small."""
        out = self.power.copy()
        for k, side in enumerate(self.sides):
            if len(side.ways) > 1 or not self.derived[k].any():
                continue
            sign = 1.0 if side.ways[0] == "given" else -1.0
            against = np.where(self.derived[k], np.maximum(-sign * out[k], 0.0), 0.0)
            limit = tolerance.limit_kw(_throughput(out[self.at_bus[side.bus]]))
            if (over := against > limit + SMALL_KW).any():
                step = int(np.argmax(over))
                raise DataError(
                    f"bus '{side.bus}' at {when(self.horizon, step)}: the balance leaves {against[step]:.6g} kW that "
                    f"'{side.asset}' would have {'taken' if sign > 0 else 'given'}, which it cannot; tolerance "
                    f"{tolerance}. One of the meters of the bus is wrong or missing"
                )
            out[k] = np.where(against > 0, 0.0, out[k])
        return out


def _throughput(into: Array) -> float:
    return float(np.maximum(into, 0.0).sum(axis=0).max(initial=0.0))


def require_balanced(
    horizon: Horizon, found: Found, into: Array, balance: Mapping[str, Array], tolerance: Tolerance
) -> None:
    """Refuse meters that differ too much.

    Raises:
        DataError: names bus, hour and kW of the largest difference.
    """
    for bus, left in balance.items():
        limit = tolerance.limit_kw(_throughput(into[found.at_bus[bus]]))
        if (over := np.abs(left) > limit + SMALL_KW).any():
            step = int(np.argmax(np.abs(left)))
            more = "more given than taken" if left[step] > 0 else "more taken than given"
            raise DataError(
                f"bus '{bus}' at {when(horizon, step)}: its meters differ by {abs(left[step]):.6g} kW, {more}, and by "
                f"more than {limit:.6g} kW in {int(over.sum())} of {horizon.steps} steps. A meter is wrong or missing, "
                f"or the tolerance ({tolerance}) is too small"
            )


def when(horizon: Horizon, step: int) -> str:
    """A step on the local clock."""
    return horizon.local_start[step].isoformat()


def require_known(horizon: Horizon, name: str, values: Array) -> None:
    """Refuse a series with gaps.

    Raises:
        DataError: names the first of them, and how many there are.
    """
    if not np.isfinite(values).all():
        step = int(np.argmin(np.isfinite(values)))
        count = int((~np.isfinite(values)).sum())
        raise DataError(
            f"'{name}' is missing at {when(horizon, step)} and in {count} steps in all; missing is never zero: give "
            "every step, or leave the series out"
        )
