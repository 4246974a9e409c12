"""From what a user names to sites: parks' files, tables of sites, a fleet's file.

A table's park is read and checked once; of each row only what it changes is checked, and equal changes once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dispatch.config import find_config, load_site, shipped_names
from dispatch.documents import Document, read_document
from dispatch.errors import ConfigError, Problem
from dispatch.fleet.settings import FleetFile, InputTable, SiteFiles, SiteTable
from dispatch.fleet.table import TABLES, read_rows, sites_of
from dispatch.mistakes import field_problems
from dispatch.site import Site

_FEW = 3


@dataclass(frozen=True)
class Listed:
    """A site of a fleet, as it is read.

    Attributes:
        labels: master data.
        folder: that its own file's paths count from.
        source: where it stands, for messages.
    """

    site: Site
    labels: Mapping[str, str | float]
    folder: Path
    source: str


@dataclass(frozen=True)
class Fleet:
    """What was read.

    Attributes:
        sites: in the order in which they are named.
        file: the fleet's file, None where parks or tables were named themselves.
        inputs: table of what is known of the day; None: it is forecast.
        source: the fleet's file, for messages; ``document`` has its lines.
    """

    name: str
    sites: tuple[Listed, ...]
    file: FleetFile | None = None
    inputs: Path | None = None
    source: str = "fleet"
    document: Document | None = field(default=None, repr=False, compare=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The sites'."""
        return tuple(one.site.name for one in self.sites)


def read_fleet(sources: Sequence[str | Path]) -> Fleet:
    """Parks' files, names of parks that ship, folders, patterns, tables of sites; or one fleet's file.

    Raises:
        ConfigError: something is wrong; lists what is wrong in all of them.
    """
    if len(sources) == 1 and (document := _fleet_document(Path(sources[0]))) is not None:
        return _of_file(Path(sources[0]), document)
    reading = _Reading()
    for source in sources:
        entry: SiteFiles | SiteTable = SiteFiles(files=str(source))
        if str(source).endswith(TABLES):
            entry = SiteTable(table=str(source))
        reading.add(entry, Path())
    name = Path(sources[0]).stem if sources else "fleet"
    return Fleet(name, reading.finished(", ".join(map(str, sources[:_FEW])) or "fleet"))


def _fleet_document(path: Path) -> Document | None:
    """The file's content if it is a fleet's: it has sites, and a park has assets."""
    if path.suffix not in (".yaml", ".yml") or not path.is_file():
        return None
    try:
        document = read_document(path, str(path))
    except ConfigError:
        return None  # as a park's file it will say so
    return document if "sites" in document.raw and "assets" not in document.raw else None


def _of_file(path: Path, document: Document) -> Fleet:
    try:
        file = FleetFile.model_validate(document.raw)
    except ValidationError as error:
        found = [document.located(p) for p in field_problems(error, document.raw, FleetFile)]
        raise ConfigError(str(path), sorted(found, key=lambda p: (p.line or 0, p.path))) from None
    reading = _Reading()
    for number, entry in enumerate(file.sites):
        reading.add(entry, path.parent, f"sites[{number}]")
    for one in reading.sites:
        for key in ("currency", "time_zone"):
            wanted, own = getattr(file, key), getattr(one.site, key)
            if wanted is not None and own != wanted:
                reading.problems.append(Problem(one.source, f"{key} is {own}", f"the fleet's, {wanted}"))
    inputs = path.parent / file.inputs.table if isinstance(file.inputs, InputTable) else None
    if inputs is not None and not inputs.is_file():
        reading.problems.append(Problem("inputs.table", f"there is no file '{inputs.name}'", "a Parquet or CSV table"))
    sites = reading.finished(str(path))
    return Fleet(file.name, sites, file, inputs, str(path), document)


class _Reading:
    """Sites and problems so far."""

    def __init__(self) -> None:
        self.sites: list[Listed] = []
        self.problems: list[Problem] = []
        self._parks: dict[Path, Site | None] = {}

    def add(self, entry: SiteFiles | SiteTable, folder: Path, place: str = "") -> None:
        """All sites of an entry."""
        if isinstance(entry, SiteTable):
            self._add_table(entry, folder, place)
            return
        names = (entry.files,) if isinstance(entry.files, str) else entry.files
        for name in names:
            found = list(_files(name, folder))
            if not found:
                text = f"no file fits '{name}'"
                self.problems.append(Problem(place or name, text, "a park's file, a pattern of them, or a name"))
            for path in found:
                site = self._park(path)
                if site is not None:
                    self.sites.append(Listed(site, entry.labels, _home(path), str(path)))

    def _add_table(self, entry: SiteTable, folder: Path, place: str) -> None:
        path = folder / entry.table
        try:
            table = read_rows(path)
        except ConfigError as error:
            self.problems += [replace(p, path=f"{place}.{p.path}".strip(".")) for p in error.problems]
            return
        default = None if entry.park is None else _beside(entry.park, folder)
        parks = {name: default if name is None else _beside(name, path.parent) for name in set(table.parks)}
        known = {name: None if park is None else self._park(park) for name, park in parks.items()}
        sites, wrong = sites_of(table, known, {name for name, park in parks.items() if park is None})
        self.problems += wrong
        for row, site in sites.items():
            park = parks[table.parks[row]]
            assert park is not None
            self.sites.append(Listed(site, table.labels(row), _home(park), table.place(row)))

    def _park(self, path: Path) -> Site | None:
        """The park, read once; None where it is wrong, which is told once."""
        if path not in self._parks:
            self._parks[path] = None
            try:
                self._parks[path] = load_site(path)
            except ConfigError as error:
                self.problems += [replace(p, path=f"{path}: {p.path}") for p in error.problems]
        return self._parks[path]

    def finished(self, source: str) -> tuple[Listed, ...]:
        """The sites.

        Raises:
            ConfigError: there are none, two have one name, or something else was wrong.
        """
        count = Counter(one.site.name for one in self.sites)
        for one in self.sites:
            if count[one.site.name] > 1:
                text = f"{count[one.site.name]} sites are called '{one.site.name}'"
                self.problems.append(Problem(one.source, text, "a name of its own"))
        if not self.sites and not self.problems:
            self.problems.append(Problem("sites", "there is no site", "parks' files or a table of sites"))
        if self.problems:
            raise ConfigError(source, self.problems)
        return tuple(self.sites)


def _files(name: str, folder: Path) -> Iterator[Path]:
    """Files of a pattern, a path or a folder of parks, in the order of their names; or a name of a park that ships."""
    if any(sign in name for sign in "*?["):
        base = Path(name)
        root = Path(base.anchor) if base.is_absolute() else folder
        yield from sorted(root.glob(str(base.relative_to(base.anchor)) if base.is_absolute() else name))
        return
    path = folder / name
    if path.is_dir() and not (path / "park.yaml").is_file():
        yield from sorted(p for p in path.iterdir() if p.suffix in (".yaml", ".yml"))
    elif path.exists():
        yield path
    elif name in shipped_names("parks"):
        yield Path(name)


def _beside(name: str, folder: Path) -> Path:
    """A park by its path from a folder, or by the name of one that ships."""
    return folder / name if (folder / name).exists() or name not in shipped_names("parks") else Path(name)


def _home(path: Path) -> Path:
    return find_config(path, "parks").parent


def raw_shared(fleet: Fleet) -> tuple[Any, ...]:
    """The list under ``shared`` of the fleet's file, as it stands there."""
    return () if fleet.file is None else fleet.file.shared
