"""From what a user names to sites: parks' files and tables of sites.

A table's park is read and checked once; of each row only what it changes is checked, and equal changes once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dispatch.config.park import find_config, load_site, shipped_names
from dispatch.errors import ConfigError, Problem
from dispatch.fleet.settings import SiteFiles, SiteTable
from dispatch.fleet.table import TABLES, read_rows, sites_of
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


def read_sites(sources: Sequence[str | Path]) -> tuple[Listed, ...]:
    """Sites of parks' files, of names of parks that ship, of folders and patterns of them, and of tables of sites.

    Raises:
        ConfigError: something is wrong; lists what is wrong in all of them.
    """
    listing = Listing()
    for source in sources:
        named = str(source)
        listing.add(SiteTable(table=named) if named.endswith(TABLES) else SiteFiles(files=named), Path())
    return listing.finished(", ".join(map(str, sources[:_FEW])) or "fleet")


class Listing:
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
                is_fleet = name in shipped_names("fleets")
                text = f"'{name}' is a fleet that ships" if is_fleet else f"no file fits '{name}'"
                fleets = f", of a park or a fleet ({', '.join(shipped_names('fleets'))})"
                self.problems.append(
                    Problem(place or name, text, f"a park's file, a pattern of them, or a name{fleets}")
                )
            for path in found:
                site = self._park(path)
                if site is not None:
                    self.sites.append(Listed(site, entry.labels, _home(path), str(path)))

    def add_park(self, park: str, labels: Mapping[str, str | float], folder: Path, place: str) -> None:
        """One park, by its path from a folder or by the name of one that ships."""
        path = _beside(park, folder)
        try:
            self.sites.append(Listed(load_site(path), labels, _home(path), place))
        except ConfigError as error:
            self.problems += [replace(p, path=f"{place} in {park}: {p.path}", line=None) for p in error.problems]

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
                if any(problem.path.partition(" ")[0] == "sites" for problem in error.problems):
                    text = "is a fleet's file, which 'parkwatt fleet plan' takes alone"
                    self.problems.append(Problem(str(path), text, "parks' files or a table of sites"))
                    return None
                self.problems += [replace(p, path=f"{path}: {p.path}") for p in error.problems]
        return self._parks[path]

    def finished(self, source: str) -> tuple[Listed, ...]:
        """The sites, each with a name of its own.

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
    shipped = name in shipped_names("parks") and not (folder / name).exists()
    return Path(name) if shipped else folder / name


def _home(path: Path) -> Path:
    return find_config(path, "parks").parent
