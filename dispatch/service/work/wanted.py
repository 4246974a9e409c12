"""A plan that is asked for, with all that it is made from: what travels to the process that plans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dispatch.service.work.basis import Asked
from dispatch.service.work.start import Start
from dispatch.signals import Array

if TYPE_CHECKING:
    from forecasting.archive import Archive

PERFECT = "perfect_foresight"


@dataclass(frozen=True)
class Wanted:
    """A plan that is asked for, with all that it is made from.

    Attributes:
        id: of the schedule.
        solving_s: after which solvers end by themselves.
        told: by asset, (rows, T) paths that are not forecast; weights: of their scenarios.
        kept: awards whose net exchange the park is held to.
    """

    id: str
    what: Asked
    mode: str
    archive: Archive
    start: Start
    solving_s: float
    request: Mapping[str, Any]
    told: Mapping[str, Array] = field(default_factory=dict)
    weights: Array | None = None
    with_network: bool = True
    kept: tuple[Mapping[str, str], ...] = ()
