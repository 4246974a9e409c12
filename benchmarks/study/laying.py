"""A study laid out: its cases read, its cells keyed by everything that their answers depend on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.cases import folder as case_folders
from benchmarks.cases.folder import Days, Found
from benchmarks.cases.series import Laid, lay
from benchmarks.methods.base import Method, Options
from benchmarks.methods.found import methods
from benchmarks.study.cells import Cell, Stretch, cells
from benchmarks.study.keys import Code, Key, digest
from benchmarks.study.measure import Extent
from benchmarks.study.spec import Settings, Study
from dispatch.errors import ConfigError, ParkwattError, Problem
from dispatch.replay import Case
from dispatch.replay import Settings as ReplaySettings
from dispatch.site import Site


@dataclass
class Layout:
    """A study ready to run.

    Attributes:
        laid: by stretch; those that could not be read are in ``failed`` with the reason.
        keys: by cell's name, of cells that can be run.
    """

    study: Study
    found: Mapping[str, Found]
    cells: list[Cell]
    code: Code
    laid: dict[Stretch, Laid] = field(default_factory=dict)
    keys: dict[str, Key] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def options(self) -> Options:
        """What the file says of methods."""
        asked = self.study.settings
        return Options(asked.cvar_weight, asked.cvar_level, asked.exact_gap)

    @property
    def extent(self) -> Extent:
        """What is measured."""
        return Extent(self.study.show.accounts, self.study.show.network)

    def case(self, cell: Cell) -> Case:
        """Of a cell, with its seed; without one, the study's first."""
        return seeded(self.laid[cell.stretch].case, self.seed(cell))

    def seed(self, cell: Cell) -> int:
        """The cell's, or the study's first where it depends on none."""
        return self.study.seeds[0] if cell.seed is None else cell.seed


def seeded(case: Case, seed: int) -> Case:
    """The case with the seed of everything random in it."""
    planning = case.site.planning.model_copy(update={"seed": seed})
    return replace(case, site=case.site.model_copy(update={"planning": planning}))


def planned(asked: Settings) -> Callable[[Site], Site]:
    """A park as the study plans it: a seed is a cell's."""

    def change(site: Site) -> Site:
        planning = site.planning
        changes: dict[str, Any] = {"seed": 0}
        named = {"step_minutes": asked.step_minutes, "scenarios": asked.scenarios}
        changes |= {name: value for name, value in named.items() if value is not None}
        if asked.step_minutes is not None:
            changes["first_steps"] = ()
        if asked.window_h is not None:
            changes["rolling"] = planning.rolling.model_copy(update={"window_h": asked.window_h})
        return site.model_copy(update={"planning": planning.model_copy(update=changes)})

    return change


def found_cases(study: Study, more: Path | None) -> tuple[dict[str, Found], dict[str, Days]]:
    """The cases and their days, by the cases' names.

    Raises:
        ConfigError: a case is none, has no days, or the name of another one; lists all problems found.
    """
    found: dict[str, Found] = {}
    days: dict[str, Days] = {}
    problems: list[Problem] = []
    for number, asked in enumerate(study.cases):
        try:
            one = case_folders.find(asked.case, more)
        except ConfigError as error:
            problems += [replace(p, path=f"cases[{number}].{p.path}", line=None) for p in error.problems]
            continue
        if one.name in found:
            problems.append(
                Problem(f"cases[{number}].case", f"'{one.name}' is the name of another one", "another folder's name")
            )
        own = asked.days or one.days or study.days
        if own is None:
            accepted = "days: {first_day: 2016-10-14, last_day: 2016-10-15}, here or for the study"
            problems.append(Problem(f"cases[{number}].days", f"'{one.name}' has none of its own", accepted))
        else:
            found[one.name], days[one.name] = one, own
    if problems:
        raise ConfigError(study.title, problems)
    return found, days


def layout(study: Study, more: Path | None, progress: Callable[[str], None]) -> Layout:
    """Read every case; what cannot be read fails its own cells and no others.

    Raises:
        ConfigError: the study names something that is not there.
    """
    found, days = found_cases(study, more)
    known = methods()
    made = Layout(study, found, cells(study, days, known), Code.here())
    for stretch in dict.fromkeys(cell.stretch for cell in made.cells):
        progress(f"reading {stretch.name}")
        try:
            made.laid[stretch] = _lay(study, found[stretch.case], stretch)
        except ParkwattError as error:
            made.failed |= {cell.name: str(error) for cell in made.cells if cell.stretch == stretch}
    for cell in made.cells:
        if cell.stretch in made.laid:
            made.keys[cell.name] = _key(made, cell, known[cell.method])
    return made


def _lay(study: Study, found: Found, stretch: Stretch) -> Laid:
    asked = study.settings
    settings = ReplaySettings(every_h=asked.every_h, methods=(), single_solve_days=asked.single_solve_days)
    days = Days(first_day=stretch.first_day, last_day=stretch.last_day)
    return lay(found, days, settings, planned(asked), with_network=study.show.network)


def _key(made: Layout, cell: Cell, method: Method) -> Key:
    laid = made.laid[cell.stretch]
    spec = [str(cell), made.seed(cell) if method.random else None, str(made.options), str(made.extent)]
    spec += [str(laid.case.settings), str(laid.case.span.edges[[0, -1]].tolist())]
    return Key(digest(spec), digest(sorted(laid.hashes.items())), made.code)
