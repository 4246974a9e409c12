"""Models that learn nothing beforehand: what they need is read anew whenever they are asked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from forecasting.archive.known import Known
from forecasting.clock import Ns
from forecasting.targets import Place, Target

Floats = NDArray[np.float64]


class Untrained(ABC):
    """A `Model` whose `train` only remembers what it will be asked for; `note` is what readers should know of it."""

    name: str
    note: ClassVar[str] = ""

    def train(
        self,
        known: Known,  # noqa: ARG002 - the protocol's
        targets: Sequence[Target],
        place: Place,
        horizon_ns: Ns,  # noqa: ARG002 - likewise
        levels: Floats,
    ) -> Asked:
        """Nothing is learnt before it is asked."""
        return Asked(self, tuple(targets), place, np.asarray(levels, dtype=np.float64))

    @abstractmethod
    def one(self, known: Known, target: Target, place: Place, edges_ns: Ns, levels: Floats) -> Floats:
        """Quantiles (T, Q) of one target; see `Trained.quantiles`."""


@dataclass(frozen=True, eq=False)
class Asked:
    """A model that learns nothing, with the targets it answers for."""

    model: Untrained
    targets: tuple[Target, ...]
    place: Place
    levels: Floats

    @property
    def card(self) -> Mapping[str, Any]:
        """What it is."""
        return {"model": self.model.name}

    @property
    def notes(self) -> Mapping[str, tuple[str, ...]]:
        """What a reader of its forecasts should know, by target."""
        return {target.name: (f"{target.name}: {self.model.note}",) for target in self.targets if self.model.note}

    def quantiles(self, known: Known, edges_ns: Ns) -> Mapping[str, Floats]:
        """See `Trained`."""
        return {
            target.name: self.model.one(known, target, self.place, edges_ns, self.levels) for target in self.targets
        }
