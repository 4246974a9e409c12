"""The study from its spec to answers: forecasts, cells, metrics; one park after the other, or in two processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from benchmarks import manifests
from benchmarks.claims.answers import Answer, LeadError, answers, lead_errors
from benchmarks.claims.cells import Cell, run_cells
from benchmarks.claims.forecasts import forecasts
from benchmarks.claims.park import LETTERS, read_park
from benchmarks.claims.spec import Spec
from benchmarks.methods.separate import groups

_HERE = "benchmarks/claims"
INPUTS = (
    *(f"{_HERE}/{name}.py" for name in ("cells", "figures", "forecasts", "park", "spec")),
    *("benchmarks/methods", "configs", "dispatch", "forecasting"),
)


@dataclass(frozen=True)
class ParkDone:
    """A park's part of the study.

    Attributes:
        groups: by name, the plant that is dispatched on its own in the baseline of joint dispatch.
    """

    name: str
    title: str
    currency: str
    days: tuple[date, ...]
    cells: tuple[Cell, ...]
    leads: tuple[LeadError, ...]
    answers: tuple[Answer, ...]
    groups: dict[str, tuple[str, ...]]
    notes: tuple[str, ...]

    @property
    def letter(self) -> str:
        """A to E."""
        return LETTERS.get(self.name, "")


def key_of(spec: Spec) -> str:
    """What cells depend on: settings, code and configs. Which days are run is not part of it."""
    settings = spec.model_copy(update={"days": 2, "resamples": 100, "title": ""})
    return f"{settings.model_dump_json()} {manifests.digest(manifests.ROOT / name for name in INPUTS)}"


def run_park(
    name: str, spec: Spec, days: Sequence[date], folder: Path, progress: Callable[[str], None] = lambda _: None
) -> ParkDone:
    """All of one park; what is in the folder from the same code, configs and settings is not run again."""
    progress(f"{name}: reading the measured year")
    park = read_park(name)
    said = forecasts(park, spec, days, folder / "cells" / name / "forecasts", progress)
    cells = run_cells(park, said, spec, days, folder / "cells" / name, key_of(spec), progress)
    leads = lead_errors(said, spec)
    own = {group: tuple(sorted(members)) for group, members in groups(park.site).items()}
    site = park.site
    return ParkDone(
        name,
        site.title or name,
        site.currency,
        tuple(days),
        tuple(cells),
        tuple(leads),
        tuple(answers(name, cells, leads, spec)),
        own,
        site.notes,
    )
