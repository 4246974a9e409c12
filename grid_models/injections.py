"""Power put into a network, per bus and step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grid_models.errors import GridError

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Injections:
    """Net injection into the network: generation positive, consumption negative.

    bus      (B,) bus names; a bus may appear more than once, its rows add up
    p_kw     (B, T) active power [kW]
    q_kvar   (B, T) reactive power [kvar]

    Raises GridError on a shape mismatch and on a value that is not finite (names bus and step): a power flow
    has no meaning for a missing injection, so the caller decides what stands in for it.
    """

    bus: tuple[str, ...]
    p_kw: Array
    q_kvar: Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "bus", tuple(self.bus))
        for name in ("p_kw", "q_kvar"):
            array = np.asarray(getattr(self, name), dtype=np.float64)
            object.__setattr__(self, name, array)
            if array.ndim != 2 or array.shape[0] != len(self.bus):
                raise GridError(f"injections.{name} must have shape ({len(self.bus)}, steps), got {array.shape}")
            bad = np.argwhere(~np.isfinite(array))
            if bad.size:
                b, t = bad[0]
                raise GridError(
                    f"injections.{name} at bus {self.bus[b]!r}, step {t} is {array[b, t]}; "
                    f"{len(bad)} such values; finite numbers are needed"
                )
        if self.p_kw.shape != self.q_kvar.shape:
            raise GridError(f"injections: p_kw has shape {self.p_kw.shape}, q_kvar {self.q_kvar.shape}")

    @property
    def steps(self) -> int:
        """Number of steps T."""
        return int(self.p_kw.shape[1])

    def at_steps(self, steps: NDArray[np.int64]) -> Injections:
        """The chosen steps, in the given order; a step may be repeated."""
        return Injections(self.bus, self.p_kw[:, steps], self.q_kvar[:, steps])
