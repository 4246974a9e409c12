"""The as-of archive on disk: a folder of Parquet files that imports append to and studies read from. No server.

`Store.read` gives an `Archive`, the working form in memory, with only the sites, variables and times asked for.
`Store.append` adds rows, all of them or none: a process that is killed in the middle leaves what was there before.
Rows that are there already are not added again; a restated value is kept beside the old one, with its own availability.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from forecasting.archive import Archive, Known, Time
from forecasting.archive.revisions import Counts, fresh
from forecasting.archive.rows import Rows, concatenated
from forecasting.archive.store_parts import LIST, ROWS, Part, Wanted, commit, listed, read_parts, sweep, write_part
from forecasting.clock import instant_ns, utc_index
from forecasting.errors import ForecastError

Series = tuple[str, str]
LOCK_WAIT_S = 20.0
# Parts are merged from the smallest on while the next is less than so many times as large: a year of hourly appends
# then lies in at most seven files a site, and each row is rewritten as seldom.
GROWTH = 4


@dataclass(frozen=True)
class Store:
    """An archive in a folder; the folder may not exist yet."""

    folder: Path

    @classmethod
    def existing(cls, folder: Path | str) -> Store:
        """The archive in a folder; ForecastError where there is none."""
        store = cls(Path(folder))
        if not (store.folder / LIST).is_file():
            raise ForecastError(
                f"archive {folder}: there is no archive here (no {LIST}); give a folder that was imported into"
            )
        return store

    def series(self) -> tuple[Series, ...]:
        """All (site, variable) that have rows."""
        return tuple(sorted({(part.site, variable) for part in listed(self.folder) for variable in part.variables}))

    def read(
        self,
        *,
        sites: Collection[str] | str | None = None,
        variables: Collection[str] | str | None = None,
        first: Time | None = None,
        last: Time | None = None,
        known_by: Time | None = None,
        progress: Callable[[str, float], None] = lambda _text, _share: None,
    ) -> Archive:
        """What the archive holds of these sites and variables (all by default).

        With valid_time in [first, last] and available_at <= known_by. Files, row groups and columns that hold
        nothing of it are not decoded.
        """
        names = frozenset([variables]) if isinstance(variables, str) else variables
        everything = Wanted()
        wanted = Wanted(
            None if names is None else frozenset(names),
            everything.first_ns if first is None else instant_ns(first, "first"),
            everything.last_ns if last is None else instant_ns(last, "last"),
            everything.known_by_ns if known_by is None else instant_ns(known_by, "known_by"),
        )
        chosen = None if sites is None else {sites} if isinstance(sites, str) else set(sites)
        while True:
            parts = listed(self.folder)
            try:
                return self._read(parts, chosen, wanted, progress)
            except FileNotFoundError as error:
                # An import may have swept what the list named when reading began; then the list is another one now.
                if parts == listed(self.folder):
                    raise ForecastError(
                        f"archive {self.folder}: a file that {LIST} names is not there: {error}"
                    ) from error

    def _read(
        self,
        parts_listed: Collection[Part],
        sites: set[str] | None,
        wanted: Wanted,
        progress: Callable[[str, float], None],
    ) -> Archive:
        by_site: dict[str, list[Part]] = {}
        for part in parts_listed:
            if sites is None or part.site in sites:
                by_site.setdefault(part.site, []).append(part)
        found: dict[Series, Rows] = {}
        for number, (site, parts) in enumerate(by_site.items()):
            progress(f"reading {site}", number / len(by_site))
            found |= {(site, name): rows for name, rows in read_parts(self.folder, parts, wanted).items()}
        return Archive.of_rows(found)

    def as_of(
        self, time: Time, *, sites: Collection[str] | str | None = None, variables: Collection[str] | str | None = None
    ) -> Known:
        """What was known at an instant, read from disk with nothing that came later."""
        return self.read(sites=sites, variables=variables, known_by=time).as_of(time)

    def append(
        self,
        archive: Archive,
        *,
        now: pd.Timestamp | None = None,
        progress: Callable[[str, float], None] = lambda _text, _share: None,
    ) -> dict[Series, Counts]:
        """Add the rows of an archive: all or, whatever happens, none. Says by series what came of them.

        `now` is when a row that contradicts a held one of the same availability became known; see
        `forecasting.archive.revisions`.
        """
        now_ns = instant_ns(now if now is not None else pd.Timestamp.now("UTC"), "now")
        with self._locked():
            before = listed(self.folder)
            parts = set(before)
            sweep(self.folder, parts)
            counts: dict[Series, Counts] = {}
            chunks = _by_site_and_year(archive)
            for number, ((site, year), series) in enumerate(chunks.items()):
                progress(f"writing {site} {year}", number / len(chunks))
                there = {part for part in parts if (part.site, part.year) == (site, year)}
                new, counted = self._fresh(site, there, series, now_ns)
                for name, count in counted.items():
                    counts[site, name] = counts.get((site, name), Counts(0, 0, 0)) + count
                if new:
                    parts = (parts - there) | self._with(site, year, there, new)
            if parts != set(before) or not (self.folder / LIST).is_file():
                commit(self.folder, parts)
        return counts

    def _fresh(
        self, site: str, parts: Collection[Part], series: Mapping[str, Rows], now_ns: int
    ) -> tuple[dict[str, Rows], dict[str, Counts]]:
        first = min(int(rows.valid_ns.min()) for rows in series.values())
        last = max(int(rows.valid_ns.max()) for rows in series.values())
        held = read_parts(self.folder, parts, Wanted(frozenset(series), first, last))
        found = {
            name: fresh(held.get(name, concatenated([])), rows, now_ns, f"{site}/{name}")
            for name, rows in series.items()
        }
        new = {name: f.rows for name, f in found.items() if len(f.rows)}
        return new, {name: f.counts for name, f in found.items()}

    def _with(self, site: str, year: int, parts: Collection[Part], new: Mapping[str, Rows]) -> set[Part]:
        """The parts of a site and year with new rows, merged with those that are not much larger."""
        rest = sorted(parts, key=lambda part: (part.rows, part.file))
        merged, size = [], sum(len(rows) for rows in new.values())
        while rest and rest[0].rows < GROWTH * size:
            merged.append(rest.pop(0))
            size += merged[-1].rows
        held = read_parts(self.folder, merged, Wanted())
        names = {*held, *new}
        series = {
            name: concatenated([rows for rows in (held.get(name), new.get(name)) if rows is not None]).sorted()
            for name in names
        }
        return {*rest, write_part(self.folder, site, year, series)}

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One import at a time. The lock is the operating system's: it goes with the process that holds it."""
        from filelock import FileLock, Timeout

        others = [path.name for path in self.folder.iterdir()] if self.folder.is_dir() else []
        if others and LIST not in others and not set(others) <= {ROWS, ".lock"}:
            raise ForecastError(
                f"archive {self.folder}: the folder holds other things ({', '.join(sorted(others)[:3])}) and no "
                f"archive; give a new or an empty folder"
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.folder / ".lock", timeout=LOCK_WAIT_S):
                yield
        except Timeout as error:
            raise ForecastError(
                f"archive {self.folder}: another import has been writing for {LOCK_WAIT_S:g} s; try again after it"
            ) from error


def _by_site_and_year(archive: Archive) -> dict[tuple[str, int], dict[str, Rows]]:
    chunks: dict[tuple[str, int], dict[str, Rows]] = {}
    for (site, variable), rows in sorted(archive.rows().items()):
        year = np.asarray(utc_index(rows.valid_ns).year)
        for one in np.unique(year).tolist():
            chunks.setdefault((site, one), {})[variable] = rows.take(year == one)
    return dict(sorted(chunks.items()))
