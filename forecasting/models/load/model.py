"""Loads at any lead: the rhythm of the recent past for the first days, temperature scenarios beyond them.

The two change over between `NEAR_DAYS` and `FAR_DAYS` by the share of each in the averaged quantiles. Where one of
them cannot answer the other does alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasting.archive import Known
from forecasting.clock import DAY_NS, Ns
from forecasting.models.base import CannotForecast, Model, Trained
from forecasting.models.load.by_temperature import ByTemperature
from forecasting.models.rhythm import Rhythm
from forecasting.targets import Place, Target

Floats = NDArray[np.float64]
VERSION = "load 1"
NEAR_DAYS, FAR_DAYS = 4.0, 8.0  # weather is forecast well for some four days and hardly beyond eight


@dataclass(frozen=True)
class LoadModel:
    """The model of loads: its parts for near and for far leads."""

    near: Model = field(default_factory=Rhythm)
    far: Model = field(default_factory=ByTemperature)
    name: str = "load"

    def train(
        self, known: Known, targets: Sequence[Target], place: Place, horizon_ns: Ns, levels: Floats
    ) -> TrainedLoad:
        """Train the near part on the first days of the horizon, the far one where the horizon goes beyond them."""
        inner = horizon_ns[horizon_ns <= int(FAR_DAYS * DAY_NS)]
        trained, why = {}, {}
        for target in targets:
            parts: list[Trained | None] = [None, None]
            reasons = []
            for number, (model, edges) in enumerate(((self.near, inner), (self.far, horizon_ns))):
                if not _needed(number, horizon_ns):
                    continue
                try:
                    parts[number] = model.train(known, [target], place, edges, levels)
                except CannotForecast as reason:
                    reasons.append(str(reason))
            if parts == [None, None]:
                raise CannotForecast("; ".join(reasons) or f"{target.name}: an empty horizon")
            trained[target.name], why[target.name] = (parts[0], parts[1]), tuple(reasons)
        return TrainedLoad(trained, why, known.time_ns, len(np.atleast_1d(levels)))


def _needed(number: int, horizon_ns: Ns) -> bool:
    """Whether the near part (0) or the far one (1) has a share in any interval of a horizon."""
    if number == 0:
        return bool(horizon_ns[0] < FAR_DAYS * DAY_NS and (horizon_ns <= FAR_DAYS * DAY_NS).sum() > 1)
    return bool(horizon_ns[-1] > NEAR_DAYS * DAY_NS)


@dataclass(frozen=True, eq=False)
class TrainedLoad:
    """What has learnt; see `Trained`."""

    parts: Mapping[str, tuple[Trained | None, Trained | None]]
    why: Mapping[str, tuple[str, ...]]
    trained_ns: int
    levels: int

    @property
    def card(self) -> Mapping[str, Any]:
        """What both parts tell (of what both tell, the near one's counts), which there are, and why one is missing."""
        told = {}
        for name, parts in self.parts.items():
            each = [one.card["targets"][name] for one in reversed(parts) if one is not None]
            there = [part for part, one in zip(("near", "far"), parts, strict=True) if one is not None]
            told[name] = {k: v for card in each for k, v in card.items()} | {"parts": there, "missing": self.why[name]}
        return {"model": VERSION, "trained_ns": self.trained_ns, "targets": told}

    def quantiles(self, known: Known, edges_ns: Ns) -> Mapping[str, Floats]:
        """By target, quantiles (T, Q)."""
        return {name: self._of(name, known, edges_ns) for name in self.parts}

    def _of(self, name: str, known: Known, edges_ns: Ns) -> Floats:
        lead_days = (edges_ns[1:] - known.time_ns) / DAY_NS
        far_share = np.clip((lead_days - NEAR_DAYS) / (FAR_DAYS - NEAR_DAYS), 0.0, 1.0)
        near_until, far_from = int((far_share < 1).sum()), int(np.argmax(far_share > 0)) if far_share.any() else -1
        near, far = self.parts[name]
        reasons: list[str] = []
        first = _asked(near, name, known, edges_ns[: near_until + 1], reasons) if near_until else None
        if first is None:
            far_from, far_share = 0, np.ones(len(far_share))  # better a far answer than none
        second = _asked(far, name, known, edges_ns[far_from:], reasons) if far_from >= 0 else None
        return _joined(first, second, far_share, self.levels, reasons or [f"{name}: not trained for these leads"])


def _asked(part: Trained | None, name: str, known: Known, edges_ns: Ns, reasons: list[str]) -> Floats | None:
    if part is None:
        return None
    try:
        return part.quantiles(known, edges_ns)[name]
    except CannotForecast as reason:
        reasons.append(str(reason))
        return None


def _joined(near: Floats | None, far: Floats | None, far_share: Floats, levels: int, reasons: Sequence[str]) -> Floats:
    """Quantiles (T, Q): the near ones from the start, the far ones to the end, averaged where both are."""
    total, weight = np.zeros((len(far_share), levels)), np.zeros((len(far_share), 1))
    if near is not None:
        share = 1 - far_share[: len(near), None]
        total[: len(near)] += share * near
        weight[: len(near)] += share
    if far is not None:
        share = far_share[len(far_share) - len(far) :, None]
        total[len(far_share) - len(far) :] += share * far
        weight[len(far_share) - len(far) :] += share
    if (weight == 0).any():
        raise CannotForecast("; ".join(reasons))
    return total / weight
