"""The public case format: a folder with a park, its series and what is published of it. Dropping one in is enough.

::

    my_case/
        case.yaml       title, source, licence, days, what is published
        park.yaml       the park, as `parkwatt plan` reads it
        actuals.csv     what really came: 'start' (with offset) and a column per asset [kW]
        forecasts.csv   what was thought, if given: 'issued', 'start' and a column per asset [kW]

Parks that ship are cases too, by their names. ``docs/cases.md`` shows how to add one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator

from benchmarks.methods.found import methods
from dispatch.config.documents import read_document
from dispatch.config.mistakes import field_problems, near_miss
from dispatch.config.park import PARK, find_config, load_site, shipped_names
from dispatch.errors import ConfigError, Problem
from dispatch.fields.frozen import Finite, Frozen, NonNegative
from dispatch.site import Site

CASE, FOLDERS = "case.yaml", Path(__file__).resolve().parent / "folders"


class Days(Frozen):
    """Whole local days, both ends in."""

    first_day: date
    last_day: date

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.last_day < self.first_day:
            raise ValueError(f"last_day {self.last_day} is before first_day {self.first_day}")
        return self

    @property
    def count(self) -> int:
        """How many."""
        return (self.last_day - self.first_day).days + 1


class Published(Frozen):
    """A figure that somebody has published, or that can be worked out by hand."""

    metric: str = Field(
        min_length=1, description="a metric of studies, such as cost; 'python -m benchmarks cases' has them"
    )
    method: str = Field(default="perfect", description="the method whose figure it is")
    value: Finite
    tolerance: NonNegative = Field(description="relative; of a value of 0 absolute")
    unit: str = ""
    source: str = Field(min_length=1, description="where the figure stands, or how it was worked out")

    def holds(self, found: float) -> bool:
        """Is a figure the published one?"""
        return self.apart(found) <= self.tolerance

    def apart(self, found: float) -> float:
        """By how much a figure is another: relative; of a value of 0 absolute."""
        return abs(found - self.value) / (abs(self.value) or 1.0)


class CaseFile(Frozen):
    """``case.yaml``."""

    title: str = Field(min_length=1)
    about: str = ""
    source: str = Field(min_length=1, description="where park and series come from")
    licence: str = Field(min_length=1, description="of the series, such as CC-BY-4.0")
    days: Days
    actuals: str | None = Field(default=None, description="a CSV or Parquet file; default: the park's own histories")
    forecasts: str | None = Field(default=None, description="likewise; default: made from what was known")
    known: bool = Field(default=False, description="everything is known in advance: forecasts are what really comes")
    published: tuple[Published, ...] = ()


@dataclass(frozen=True)
class Found:
    """A case by name.

    Attributes:
        folder: of a case folder; None for a park that ships.
        park: its file.
        file: its case.yaml; None for a park that ships.
    """

    name: str
    park: Path
    folder: Path | None = None
    file: CaseFile | None = None

    @property
    def days(self) -> Days | None:
        """Its own days."""
        return None if self.file is None else self.file.days

    def site(self) -> Site:
        """The park.

        Raises:
            ConfigError: it is none.
        """
        return load_site(self.park)

    def digest(self) -> str:
        """Of every file in its folder; of a park that ships the files it names are told by what is read."""
        total, folder = hashlib.sha256(), self.folder
        if folder is not None:
            for path in sorted(p for p in folder.rglob("*") if p.is_file()):
                total.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
        return total.hexdigest()


def folders(more: Path | None = None) -> dict[str, Path]:
    """Case folders by name; those in ``more`` win."""
    found: dict[str, Path] = {}
    for root in (FOLDERS, more):
        if root is not None and root.is_dir():
            found |= {path.parent.name: path.parent for path in sorted(root.glob(f"*/{CASE}"))}
    return found


def names(more: Path | None = None) -> list[str]:
    """All cases: folders, then parks that ship."""
    own = folders(more)
    return [*own, *(name for name in shipped_names("parks") if name not in own)]


def find(name: str, more: Path | None = None) -> Found:
    """A case by the name or path of its folder, or a park that ships.

    Raises:
        ConfigError: there is none, or its case.yaml is wrong; lists all problems found.
    """
    own = folders(more)
    if name in own:
        return read_folder(own[name], name)
    if (Path(name) / CASE).is_file():
        return read_folder(Path(name), Path(name).resolve().name)
    if name in shipped_names("parks"):
        return Found(name, find_config(name, "parks"))
    accepted = f"{near_miss(name, names(more))}, or a folder with a {CASE}"
    raise ConfigError(name, [Problem("case", "there is no such case", accepted)])


def read_folder(folder: Path, name: str) -> Found:
    """A case folder.

    Raises:
        ConfigError: case.yaml or park.yaml is wrong, or a file is missing; lists all problems found.
    """
    document = read_document(folder / CASE, f"{name}/{CASE}")
    problems = [Problem(at, "is written twice in one mapping", "one of the two", n) for at, n in document.repeated]
    file = None
    try:
        file = CaseFile.model_validate(document.raw)
        problems += _problems(file, folder)
    except ValidationError as error:
        problems += field_problems(error, document.raw, CaseFile)
    if not (folder / PARK).is_file():
        problems.append(Problem("park", f"the folder holds no {PARK}", "the park, as 'parkwatt plan' reads it"))
    if problems or file is None:
        placed = [Problem(p.path, p.message, p.accepted, p.line or document.line(p.path)) for p in problems]
        raise ConfigError(f"{name}/{CASE}", sorted(placed, key=lambda p: (p.line or 0, p.path)))
    return Found(name, folder / PARK, folder, file)


def _problems(file: CaseFile, folder: Path) -> Iterator[Problem]:
    for field in ("actuals", "forecasts"):
        named = getattr(file, field)
        if named is not None and not (folder / named).is_file():
            yield Problem(field, f"there is no file '{named}' beside {CASE}", "a CSV or Parquet file")
    if file.known and file.forecasts is not None:
        yield Problem("known", "stands beside 'forecasts'", "one of the two")
    valid = list(methods())
    for number, one in enumerate(file.published):
        if one.method not in valid:
            yield Problem(
                f"published[{number}].method", f"is not known (found '{one.method}')", near_miss(one.method, valid)
            )


def schema() -> Mapping[str, Any]:
    """The JSON schema of a case.yaml."""
    return CaseFile.model_json_schema()
