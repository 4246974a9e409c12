"""What an optimal power flow decides on: powers with bounds and convex prices, and the supply at the slack."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from grid_models.errors import GridError
from grid_models.network import Array


@dataclass(frozen=True, eq=False)
class Resources:
    """Power that may be chosen at G places in T steps, injection positive; linear · p + quadratic · p² an hour.

    bus                           (G,) a bus may appear more than once
    p_min_kw, p_max_kw            (G, T)
    q_min_kvar, q_max_kvar        (G, T)
    linear_per_kwh                (G, T) [money/kWh]; zeros if None
    quadratic_per_kwh_kw          (G, T) [money/(kWh kW)], ≥ 0; zeros if None
    """

    bus: tuple[str, ...]
    p_min_kw: Array
    p_max_kw: Array
    q_min_kvar: Array
    q_max_kvar: Array
    linear_per_kwh: Array | None = None
    quadratic_per_kwh_kw: Array | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "bus", tuple(self.bus))
        shape = np.shape(self.p_min_kw)
        if len(shape) != 2 or shape[0] != len(self.bus):
            raise GridError(f"resources.p_min_kw must have shape ({len(self.bus)}, steps), got {shape}")
        for name in _ARRAYS:
            given = getattr(self, name)
            array = np.zeros(shape) if given is None else np.asarray(given, dtype=np.float64)
            object.__setattr__(self, name, array)
            if array.shape != shape or not np.isfinite(array).all():
                raise GridError(f"resources.{name} must be finite and have shape {shape}, got {array.shape}")
        for low, high in (("p_min_kw", "p_max_kw"), ("q_min_kvar", "q_max_kvar")):
            self._ordered(low, high)
        if (self.quadratic < 0.0).any():
            raise GridError(f"resources.quadratic_per_kwh_kw must be at least 0, got {self.quadratic.min():g}")

    def _ordered(self, low: str, high: str) -> None:
        bad = np.argwhere(getattr(self, low) > getattr(self, high))
        if bad.size:
            g, t = bad[0]
            values = f"{getattr(self, low)[g, t]:g} is above {high} {getattr(self, high)[g, t]:g}"
            raise GridError(f"resources at bus {self.bus[g]!r}, step {t}: {low} {values}")

    @property
    def steps(self) -> int:
        """Number of steps T."""
        return int(self.p_min_kw.shape[1])

    @property
    def linear(self) -> Array:
        """``linear_per_kwh`` (G, T)."""
        return np.asarray(self.linear_per_kwh)

    @property
    def quadratic(self) -> Array:
        """``quadratic_per_kwh_kw`` (G, T)."""
        return np.asarray(self.quadratic_per_kwh_kw)

    def cost(self, p_kw: Array) -> Array:
        """(T,) [money/h] of powers (G, T)."""
        return np.asarray((self.linear * p_kw + self.quadratic * p_kw**2).sum(axis=0))

    def at_step(self, step: int) -> Resources:
        """One step of them."""
        part = slice(step, step + 1)
        return Resources(self.bus, *(getattr(self, name)[:, part] for name in _ARRAYS))


_ARRAYS = ("p_min_kw", "p_max_kw", "q_min_kvar", "q_max_kvar", "linear_per_kwh", "quadratic_per_kwh_kw")


@dataclass(frozen=True)
class Supply:
    """What comes in over all slacks together: bounds, price, and whether its voltage may be chosen.

    Import positive; ``linear_per_kwh`` · p + ``quadratic_per_kwh_kw`` · p² an hour, in every step alike.
    """

    linear_per_kwh: float = 0.0
    quadratic_per_kwh_kw: float = 0.0
    p_min_kw: float = -np.inf
    p_max_kw: float = np.inf
    q_min_kvar: float = -np.inf
    q_max_kvar: float = np.inf
    voltage_is_free: bool = False
    """Within the limits of its bus; otherwise it is the network's set-point."""

    def __post_init__(self) -> None:
        if self.quadratic_per_kwh_kw < 0.0:
            raise GridError(f"supply.quadratic_per_kwh_kw must be at least 0, got {self.quadratic_per_kwh_kw:g}")
        if self.p_min_kw > self.p_max_kw or self.q_min_kvar > self.q_max_kvar:
            raise GridError(f"supply: a lower bound is above the upper one in {self}")

    def cost(self, p_kw: Array) -> Array:
        """(T,) [money/h] of an import (T,)."""
        return np.asarray(self.linear_per_kwh * p_kw + self.quadratic_per_kwh_kw * p_kw**2)
