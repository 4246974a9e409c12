"""The parks that stations are like, and what a mapping may say of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from dispatch.asset import Asset
from dispatch.config.mistakes import accepted, near_miss, shown
from dispatch.config.park import load_site, shipped_names
from dispatch.errors import ConfigError, Problem
from dispatch.fleet.fields import SITE_FIELDS, changed, paths, split
from dispatch.fleet.importing.mapping import StationMapping
from dispatch.fleet.importing.units import factor
from dispatch.site import Site


class Like:
    """One park that stations are like.

    Attributes:
        named: how the table of sites names it: a park that ships, or the path of a file.
    """

    def __init__(self, named: str, site: Site) -> None:
        self.named, self.site = named, site
        self._answers: dict[tuple[str, tuple[tuple[str, float | str], ...]], list[tuple[str, str, str]]] = {}

    @cached_property
    def assets(self) -> Mapping[str, Asset]:
        """By name."""
        return {asset.name: asset for asset in self.site.assets}

    @cached_property
    def fields(self) -> Mapping[str, Mapping[str, type]]:
        """Paths of the numbers and words of each asset, by its name."""
        return {name: paths(asset) for name, asset in self.assets.items()}

    def has(self, path: str) -> bool:
        """Is there such a field, of the park or of one of its assets?"""
        asset, inside = split(path)
        return not asset or inside in self.fields.get(asset, {})

    def is_text(self, path: str) -> bool:
        """Is it a field of words?"""
        asset, inside = split(path)
        return path == "title" or self.fields.get(asset, {}).get(inside) is str

    def wrong(self, asset: str, values: tuple[tuple[str, float | str], ...]) -> list[tuple[str, str, str]]:
        """(path, what is wrong, what is accepted) of an asset with other numbers; asked once for equal ones."""
        key = asset, values
        if key not in self._answers:
            self._answers[key] = _wrong(self.assets[asset], dict(values))
        return self._answers[key]


_WORDS = {
    "greater_than": "is too small",
    "greater_than_equal": "is too small",
    "less_than": "is too large",
    "less_than_equal": "is too large",
    "int_from_float": "is not a whole number",
}


def _wrong(asset: Asset, values: Mapping[str, float | str]) -> list[tuple[str, str, str]]:
    try:
        changed(asset, values)
    except ValidationError as error:
        found = []
        for details in error.errors(include_url=False):
            path = ".".join(str(part) for part in details["loc"] if not _is_tag(str(part), values))
            text = _WORDS.get(details["type"]) or details["msg"].replace("Value error, ", "").replace("Input", "value")
            found.append((path, text, _accepted(asset, path)))
        return found
    return []


def _is_tag(part: str, values: Mapping[str, float | str]) -> bool:
    """Is a part of an error's place the name of one of several shapes, and no field?"""
    return not any(part in path.split(".") for path in values)


def _accepted(asset: Asset, path: str) -> str:
    owner: Any = asset
    *inner, name = path.split(".") if path else [""]
    for part in inner:
        owner = getattr(owner, part, None)
    is_known = isinstance(owner, BaseModel) and name in type(owner).model_fields
    return accepted(type(owner), name) if is_known else ""


def parks_of(mapping: StationMapping, template: str | None, folder: Path) -> dict[str, Like]:
    """The parks by the word in ``park_column``; "" is that of rows which do not say.

    Args:
        folder: of the mapping file, from which its paths count.

    Raises:
        ConfigError: one cannot be read, or nothing says which park there is.
    """
    found: dict[str, Like] = {}
    if template is not None:
        found[""] = _read(template, Path())
    for word, name in mapping.parks.items():
        found[word] = _read(name, folder)
    if not found:
        problem = Problem("--template", "is missing", "the park that the stations are like, or parks in the mapping")
        raise ConfigError("fleet import", [problem])
    return found


def _read(name: str, folder: Path) -> Like:
    if name in shipped_names("parks") and not (folder / name).exists():
        return Like(name, load_site(name))
    path = folder / name
    return Like(str(path.resolve()), load_site(path))


def mapping_problems(mapping: StationMapping, parks: Mapping[str, Like]) -> list[Problem]:
    """Fields and units of a mapping that none of the parks has."""
    found: list[Problem] = []
    likes = list(parks.values())
    for number, one in enumerate(mapping.fields):
        place = f"fields[{number}]"
        if not any(like.has(one.field) for like in likes):
            found.append(Problem(f"{place}.field", *_unknown(one.field, likes)))
        elif any(like.is_text(one.field) for like in likes):
            if one.unit is not None or one.scale != 1 or one.least is not None or one.most is not None:
                found.append(Problem(place, f"{one.field} is a field of words", "no unit, scale, least or most"))
        else:
            try:
                factor(one.unit, one.field)
            except ValueError as error:
                found.append(Problem(f"{place}.unit", str(error)))
    return found


def _unknown(path: str, likes: Sequence[Like]) -> tuple[str, str]:
    asset, inside = split(path)
    assets = sorted({name for like in likes for name in like.assets})
    if not inside:
        return f"{shown(path)} is no field of a station", near_miss(path, [*SITE_FIELDS, *(f"{a}.…" for a in assets)])
    if asset not in assets:
        return f"there is no asset {shown(asset)}", near_miss(asset, assets)
    fields = sorted({field for like in likes for field in like.fields.get(asset, {})})
    return f"asset {shown(asset)} has no field {shown(inside)}", near_miss(inside, fields)
