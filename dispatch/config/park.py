"""Reading a park's file: YAML in, :class:`~dispatch.site.Site` out, or every problem at once with its place."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError

from dispatch.config import documents
from dispatch.config.carbon_rules import grid_factors
from dispatch.config.documents import Document, read_document
from dispatch.config.mistakes import field_problems, near_miss, shown
from dispatch.config.outside import is_unbuildable, outside_problems
from dispatch.config.references import reference_problems
from dispatch.config.signal_files import with_signal_files
from dispatch.errors import ConfigError, Problem
from dispatch.site import FillWish, Site

CONFIGS = documents.CONFIGS
PARK = "park.yaml"
_AVERAGE, _MARGINAL = "carbon_intensity_kg_per_kwh", "marginal_intensity_kg_per_kwh"
_RESIDUAL = "residual_kg_per_kwh"
# What 'feed' alone means: the names under which 'parkwatt fetch' stores what it brings.
_FETCHED = {_AVERAGE: "carbon_intensity_g_per_kwh", _MARGINAL: "marginal_intensity_g_per_kwh"}
_FOR_FORECASTS = ("archive", "latitude_deg", "longitude_deg")
_ASSET = re.compile(r"assets\[(\d+)\]")
_OF_A_FACTOR = ("source", "region", "valid_from", "valid_to", "verified")


def load_site(name: str | Path) -> Site:
    """Read a park by path, by a folder that holds a park.yaml, or by the name of one that ships (``yizhuang``).

    Raises:
        ConfigError: the file is missing, is no YAML, or describes no valid park; lists all problems found.
    """
    path = find_config(name, "parks")
    return _site(Reading(read_document(path, str(name)), path.parent), str(name))


def parse_site(raw: Mapping[str, Any], name: str) -> Site:
    """A park that did not come as a file: entries of the shipped libraries by name, and nothing else from any disk.

    Raises:
        ConfigError: it describes no valid park, or names a file, folder or address; lists all problems found.
    """
    outside = tuple(outside_problems(raw))
    if any(is_unbuildable(problem) for problem in outside):
        raise ConfigError(name, outside)
    return _site(Reading(Document(name, dict(raw), {}, ()), None), name, outside)


def built_site(fields: Mapping[str, Any], folder: Path) -> Site:
    """A park out of Python's own values, under the same checks as a file.

    Only what a forecast needs to be there (position, archive) is not asked for: arrays may be given instead.

    Raises:
        ConfigError: it describes no valid park; lists all problems found, each with the asset's name and the field.
    """
    raw = _plain(fields)
    name = str(raw.get("name", "park"))
    try:
        return _site(Reading(Document(name, raw, {}, ()), folder), name, unasked=_FOR_FORECASTS)
    except ConfigError as error:
        raise ConfigError(name, [_with_name(problem, raw) for problem in error.problems]) from None


def _plain(value: Any) -> Any:
    """What a YAML file could hold: models as mappings, tuples and arrays as lists, numbers of NumPy as numbers."""
    if isinstance(value, BaseModel):
        return _plain(value.model_dump())
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def _with_name(problem: Problem, raw: Mapping[str, Any]) -> Problem:
    """Lines of a file say where its assets stand; without a file their names do."""
    found, assets = _ASSET.match(problem.path), raw.get("assets")
    entry = assets[int(found[1])] if found and isinstance(assets, list) else None
    named = entry.get("name") if isinstance(entry, Mapping) else None
    return replace(problem, path=f"{problem.path} of '{named}'") if named else problem


def _site(reading: Reading, name: str, outside: tuple[Problem, ...] = (), *, unasked: Collection[str] = ()) -> Site:
    raw = reading.expanded()
    # Without a folder, what feeds are read from is not the park's business.
    unasked = ("archive",) if reading.folder is None else unasked
    of_names = [problem for problem in reference_problems(raw) if problem.path not in unasked]
    found = [*outside, *reading.problems, *of_names]
    site = None
    try:
        site = Site.model_validate(raw)
        if reading.folder is not None:
            site, unread = with_signal_files(site, reading.folder)
            found += unread
    except ValidationError as error:
        known = {problem.path for problem in found}
        found += [p for p in field_problems(error, raw) if p.path not in known]
    if found or site is None:
        located = dict.fromkeys(reading.located(problem) for problem in found)
        raise ConfigError(name, sorted(located, key=lambda p: (p.line or 0, p.path)))
    return _apply_fill_wishes(site)


def find_config(name: str | Path, folder: str) -> Path:
    """The file of that path, the park.yaml in that folder, or the shipped config of that name.

    Raises:
        ConfigError: there is none; names files that are spelled alike.
    """
    path = Path(name)
    for found in (path, path / PARK, CONFIGS / folder / f"{name}.yaml"):
        if _is_file(found):
            return found
    if _is_folder(path):
        problem = Problem("file", f"the folder holds no {PARK}", "a park's file; 'parkwatt init' writes one")
    else:
        hint = near_miss(name, [*shipped_names(folder), *_neighbours(path)])
        problem = Problem("file", "there is no such file", f"{hint}, or the path of a YAML file")
    raise ConfigError(str(name), [problem])


def shipped_names(folder: str) -> list[str]:
    """Names of the configs that ship in a folder."""
    return sorted(p.stem for p in (CONFIGS / folder).glob("*.yaml"))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # such as a name longer than the file system allows
        return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _neighbours(path: Path) -> list[str]:
    try:
        return sorted(str(p) for p in path.parent.iterdir() if p.suffix in {".yaml", ".yml"})
    except OSError:
        return []


@cache
def _shipped(file: Path) -> Document:
    """A file of the shipped libraries, read once: hundreds of parks may name the same few."""
    return read_document(file, file.name)


class Reading:
    """A park's file (or a fleet's) and the library files it names, with where each part came from."""

    def __init__(self, document: Document, folder: Path | None) -> None:
        """``folder``: where the user's own library files lie; None for none."""
        self.document = document
        self.folder = folder
        self.problems = [
            Problem(path, "is written twice in one mapping", "one of the two", line) for path, line in document.repeated
        ]
        self._origin: dict[str, tuple[Document, str]] = {}

    def expanded(self) -> dict[str, Any]:
        """``use: NAME`` replaced by the library's numbers, tariff names by tariffs; local fields win."""
        out = dict(self.document.raw)
        if isinstance(out.get("assets"), list):
            out["assets"] = [self._asset(a, f"assets[{i}]") for i, a in enumerate(out["assets"])]
        if isinstance(out.get("shared"), list):
            out["shared"] = [self._shared(a, f"shared[{i}]") for i, a in enumerate(out["shared"])]
        if isinstance(out.get("claims"), dict) and out["claims"].get(_RESIDUAL) not in (None, "feed"):
            residual = self._intensity(out["claims"][_RESIDUAL], _RESIDUAL, f"claims.{_RESIDUAL}")
            out["claims"] = {**out["claims"], _RESIDUAL: residual}
        return out

    def _shared(self, thing: Any, path: str) -> Any:
        """What sites of a fleet share: a connection is an asset, a zone's intensity that of one."""
        if not isinstance(thing, dict):
            return thing
        made = dict(thing)
        if "connection" in made:
            made["connection"] = self._asset(made["connection"], f"{path}.connection")
        if _AVERAGE in made:
            made[_AVERAGE] = self._intensity(made[_AVERAGE], _AVERAGE, f"{path}.{_AVERAGE}")
        return made

    def located(self, problem: Problem) -> Problem:
        """The problem with its line; one that comes from a library file names that file and the line there."""
        if problem.line is not None:
            return problem
        for place, (document, inner) in self._origin.items():
            rest = problem.path.removeprefix(place)
            if rest != problem.path and rest[:1] in {"", ".", "["}:
                line = document.line((inner + rest).lstrip("."))
                return replace(problem, path=f"{problem.path} in {document.name}", line=line)
        return replace(problem, line=self.document.line(problem.path))

    def _asset(self, asset: Any, path: str) -> Any:
        if not isinstance(asset, dict):
            return asset
        merged = self._with_library(asset, path)
        if isinstance(merged.get("tariff"), str):
            tariff = self._library(merged["tariff"], "tariffs", f"{path}.tariff")
            if tariff is not None:
                self._origin[f"{path}.tariff"] = tariff, ""
                merged["tariff"] = tariff.raw
        merged |= {n: self._intensity(merged[n], n, f"{path}.{n}") for n in (_AVERAGE, _MARGINAL) if n in merged}
        if isinstance(merged.get("tariff"), dict):
            merged["tariff"] = self._with_fed_prices(merged["tariff"], f"{path}.tariff")
        return merged

    def _intensity(self, value: Any, field: str, path: str) -> Any:
        """``feed``, a factor's name or file, or what stands there; likewise what holds where a feed has nothing."""
        if value == "feed":
            return {"feed": _FETCHED[field]}
        if isinstance(value, dict) and "feed" in value:
            self._require_unread(value, path)
            otherwise = value.get("otherwise")
            named = {"otherwise": self._intensity(otherwise, field, f"{path}.otherwise")} if otherwise else {}
            return {**value, **named}
        if not isinstance(value, str) or not value[:1].isalpha():
            return value
        factors = grid_factors()
        if value not in factors:
            return self._own_factor(value, path)
        factor = factors[value]
        if field == _MARGINAL and factor.region != "fossil":
            found = f"'{value}' is what a kWh has on average, not what one more of it adds"
            self.problems.append(Problem(path, found, "a number, a file's column, feed, or the factor of fossil plant"))
            return None
        shared = {name: getattr(factor, name) for name in (*_OF_A_FACTOR, "kg_per_kwh", "entry")}
        return shared | {"region": f"{factor.pack}_{factor.region}"}

    def _own_factor(self, name: str, path: str) -> Any:
        """A factor in the user's own file, with its source and dates if it gives them."""
        factor = self._library(name, "carbon", path, tuple(grid_factors()))
        if factor is None:
            return None
        self._origin[path] = factor, _AVERAGE
        value = factor.raw.get(_AVERAGE)
        if "source" not in factor.raw or not isinstance(value, float | int | str):
            return value
        return {"entry": name, "kg_per_kwh": value} | {n: factor.raw[n] for n in _OF_A_FACTOR if n in factor.raw}

    def _with_fed_prices(self, tariff: dict[str, Any], path: str) -> dict[str, Any]:
        """``price_per_kwh: feed`` as the day-ahead price in the tariff's currency."""
        components = tariff.get("components")
        if not isinstance(components, list):
            return tariff
        made = []
        for number, component in enumerate(components):
            price = component.get("price_per_kwh") if isinstance(component, dict) else None
            if price == "feed":
                currency = str(tariff.get("currency", "")).lower()
                made.append({**component, "price_per_kwh": {"feed": f"day_ahead_price_{currency}_per_mwh"}})
                continue
            if isinstance(price, dict) and "feed" in price:
                self._require_unread(price, f"{path}.components[{number}].price_per_kwh")
            made.append(component)
        return {**tariff, "components": made}

    def _require_unread(self, feed: dict[str, Any], path: str) -> None:
        if given := [name for name in ("starts", "ends", "values") if name in feed]:
            self.problems.append(Problem(f"{path}.{given[0]}", "is read from the archive", "the name of the feed"))

    def _with_library(self, asset: dict[str, Any], path: str) -> dict[str, Any]:
        if "use" not in asset:
            return dict(asset)
        own = {key: value for key, value in asset.items() if key != "use"}
        library = self._library(asset["use"], "assets", f"{path}.use")
        if library is None:
            return own
        kind = library.raw.get("kind")
        if "kind" in own and kind != own["kind"]:
            found = f"{shown(asset['use'])} is of kind {kind}, this asset of kind {shown(own['kind'])}"
            self.problems.append(Problem(f"{path}.use", found, f"a library entry of kind {own['kind']}"))
            return own
        for field in library.raw:
            if field not in own:
                self._origin[f"{path}.{field}"] = library, str(field)
        return {**library.raw, **own}

    def _library(self, name: Any, folder: str, path: str, valid: tuple[str, ...] | None = None) -> Document | None:
        """A shipped file by name, or the user's own by path (from the park's folder).

        Args:
            valid: names that the caller has looked for already; files of the folder do not count then.
        """
        names = list(valid) if valid is not None else shipped_names(folder)
        shipped = isinstance(name, str) and valid is None and name in names
        file = CONFIGS / folder / f"{name}.yaml" if shipped else self._own(name)
        if file is None or not _is_file(file):
            accepted = near_miss(name, names) + ("" if self.folder is None else ", or the path of a YAML file")
            self.problems.append(Problem(path, f"there is no {shown(name)}", accepted))
            return None
        try:
            return _shipped(file) if shipped else read_document(file, str(name))
        except ConfigError as error:
            self.problems += [replace(p, path=f"{path} in {name}: {p.path}") for p in error.problems]
            return None

    def _own(self, name: Any) -> Path | None:
        return None if self.folder is None else self.folder / str(name)


def _apply_fill_wishes(site: Site) -> Site:
    """A wish for a store's end fill is that store's own field: one place for one number."""
    wishes: Mapping[str, FillWish] = {w.asset: w for w in site.wishes if isinstance(w, FillWish)}
    changes = {
        name: {"end_fill_min": wish.soc_end_min, "end_penalty_per_kwh": wish.penalty_per_kwh}
        for name, wish in wishes.items()
    }
    assets = tuple(a.model_copy(update=changes[a.name]) if a.name in changes else a for a in site.assets)
    return site.model_copy(update={"assets": assets})
