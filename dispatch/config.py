"""Reading a park's file: YAML in, :class:`~dispatch.site.Site` out, or every problem at once with its place."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from dispatch.asset import Asset
from dispatch.assets import kinds
from dispatch.errors import ConfigError, Problem
from dispatch.signals import accepted_units
from dispatch.site import FillWish, Site

CONFIGS = next(p for p in (Path(__file__).parent / "configs", Path(__file__).parents[1] / "configs") if p.is_dir())


def load_site(name: str | Path) -> Site:
    """Read a park by path, or by the name of one that ships (``yizhuang``).

    Raises:
        ConfigError: the file is missing, is no YAML, or describes no valid park; lists all problems found.
    """
    path = find_config(name, "parks")
    text = path.read_text(encoding="utf-8")
    raw, lines = _parse(text, str(name))
    problems: list[Problem] = []
    expanded = _expand(raw, problems)
    problems += list(_reference_problems(expanded))
    site = None
    try:
        site = Site.model_validate(expanded)
    except ValidationError as error:
        problems += [_problem(e, expanded) for e in error.errors()]
    if problems or site is None:
        located = [_with_line(p, lines) for p in problems]
        raise ConfigError(str(name), sorted(located, key=lambda p: (p.line or 0, p.path)))
    return _apply_fill_wishes(site)


def find_config(name: str | Path, folder: str) -> Path:
    """The file of that path, or the shipped config of that name."""
    path = Path(name)
    if path.is_file():
        return path
    shipped = CONFIGS / folder / f"{name}.yaml"
    if shipped.is_file():
        return shipped
    names = shipped_names(folder)
    near = difflib.get_close_matches(str(name), names, 1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    raise ConfigError(
        str(name),
        [Problem("file", "there is no such file", f"{hint}a path to a YAML file, or one of {', '.join(names)}")],
    )


def shipped_names(folder: str) -> list[str]:
    """Names of the configs that ship in a folder."""
    return sorted(p.stem for p in (CONFIGS / folder).glob("*.yaml"))


def _parse(text: str, name: str) -> tuple[dict[str, Any], dict[str, int]]:
    """The document, and the line of every path in it."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = Problem(
            "file",
            f"is not YAML: {getattr(error, 'problem', error)}",
            "YAML with 'key: value' lines",
            mark.line + 1 if mark else None,
        )
        raise ConfigError(name, [problem]) from None
    if not isinstance(raw, dict):
        raise ConfigError(name, [Problem("file", "is empty or not a mapping", "YAML that starts with 'name: …'")])
    return raw, dict(_lines(node, ""))


def _lines(node: Any, path: str) -> Iterator[tuple[str, int]]:
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = f"{path}.{key.value}" if path else str(key.value)
            yield here, key.start_mark.line + 1
            yield from ((p, n) for p, n in _lines(value, here) if p != here)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _lines(value, f"{path}[{index}]")


def _with_line(problem: Problem, lines: Mapping[str, int]) -> Problem:
    path = problem.path
    while path and path not in lines:
        cut = max(path.rfind("."), path.rfind("["))
        path = path[:cut] if cut > 0 else ""
    return Problem(problem.path, problem.message, problem.accepted, problem.line or lines.get(path))


def _expand(raw: Mapping[str, Any], problems: list[Problem]) -> dict[str, Any]:
    """``use: NAME`` replaced by the library's numbers, tariff names by tariffs; local fields win."""
    out = dict(raw)
    if isinstance(raw.get("assets"), list):
        out["assets"] = [_expand_asset(a, f"assets[{i}]", problems) for i, a in enumerate(raw["assets"])]
    return out


def _expand_asset(asset: Any, path: str, problems: list[Problem]) -> Any:
    if not isinstance(asset, dict):
        return asset
    merged = dict(asset)
    if "use" in merged:
        name = merged.pop("use")
        library = _shipped(name, "assets", f"{path}.use", problems)
        wrong = library.get("kind", merged.get("kind")) != merged.get("kind", library.get("kind"))
        if wrong:
            problems.append(
                Problem(f"{path}.use", f"'{name}' is a {library['kind']}, this asset is a {merged['kind']}", "")
            )
        merged = {**library, **merged}
    if isinstance(merged.get("tariff"), str):
        merged["tariff"] = _shipped(merged["tariff"], "tariffs", f"{path}.tariff", problems) or merged["tariff"]
    intensity = merged.get("carbon_intensity_kg_per_kwh")
    if isinstance(intensity, str) and intensity[:1].isalpha():
        factor = _shipped(intensity, "carbon", f"{path}.carbon_intensity_kg_per_kwh", problems)
        merged["carbon_intensity_kg_per_kwh"] = factor.get("carbon_intensity_kg_per_kwh", 0.0)
    return merged


def _shipped(name: Any, folder: str, path: str, problems: list[Problem]) -> dict[str, Any]:
    names = shipped_names(folder)
    file = Path(str(name))
    if str(name) not in names and not file.is_file():
        near = difflib.get_close_matches(str(name), names, 1)
        hint = f"did you mean '{near[0]}'? One of {', '.join(names)}" if near else f"one of {', '.join(names)}"
        problems.append(Problem(path, f"'{name}' is not known", hint))
        return {}
    content = yaml.safe_load(
        (file if file.is_file() else CONFIGS / folder / f"{name}.yaml").read_text(encoding="utf-8")
    )
    return dict(content) if isinstance(content, dict) else {}


def _reference_problems(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Names that point nowhere; works on the raw mapping so that it adds to, not waits for, the field checks."""
    buses = {b.get("name"): b.get("carrier", "electricity") for b in _dicts(raw.get("buses"))}
    yield from _duplicates(raw, "buses")
    yield from _duplicates(raw, "assets")
    for index, asset in enumerate(_dicts(raw.get("assets"))):
        cls = kinds().get(str(asset.get("kind")))
        if cls is not None:
            yield from _bus_problems(asset, cls, f"assets[{index}]", buses)
            tariff = asset.get("tariff")
            if isinstance(tariff, dict) and tariff.get("currency", raw.get("currency")) != raw.get("currency"):
                yield Problem(
                    f"assets[{index}].tariff",
                    f"is in {tariff.get('currency')}",
                    f"a tariff in {raw.get('currency')}",
                )
    names = [a.get("name") for a in _dicts(raw.get("assets"))]
    for index, wish in enumerate(_dicts(raw.get("wishes"))):
        if "asset" in wish and wish["asset"] not in names:
            yield _unknown(f"wishes[{index}].asset", wish["asset"], names)
    grid = raw.get("grid")
    for bus in (grid.get("bus_of") or {}) if isinstance(grid, dict) else {}:
        if bus not in buses:
            yield _unknown(f"grid.bus_of.{bus}", bus, list(buses))


def _bus_problems(asset: Mapping[str, Any], cls: type[Asset], path: str, buses: Mapping[Any, Any]) -> Iterator[Problem]:
    for field, carrier in cls.bus_fields.items():
        bus = asset.get(field)
        if bus is None:
            continue
        fits = [name for name, has in buses.items() if carrier in (None, has)]
        if bus not in buses:
            yield _unknown(f"{path}.{field}", bus, fits)
        elif carrier is not None and buses[bus] != carrier:
            yield Problem(
                f"{path}.{field}",
                f"bus '{bus}' carries {buses[bus]}",
                f"a {carrier} bus: {', '.join(map(str, fits)) or 'none yet'}",
            )


def _unknown(path: str, value: Any, valid: list[Any]) -> Problem:
    near = difflib.get_close_matches(str(value), [str(v) for v in valid], 1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return Problem(path, f"there is no '{value}'", f"{hint}one of {', '.join(map(str, valid)) or 'none yet'}")


def _duplicates(raw: Mapping[str, Any], key: str) -> Iterator[Problem]:
    seen: set[Any] = set()
    for index, item in enumerate(_dicts(raw.get(key))):
        if item.get("name") in seen:
            yield Problem(f"{key}[{index}].name", f"'{item.get('name')}' is used twice", "a name of its own")
        seen.add(item.get("name"))


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [v if isinstance(v, dict) else {} for v in value] if isinstance(value, list) else []


def _problem(error: ErrorDetails, raw: Mapping[str, Any]) -> Problem:
    """Pydantic's error in the user's words: the path as in the file, the value, what would be accepted."""
    parts = [
        p
        for p in error["loc"]
        if not (
            isinstance(p, str)
            and (p in kinds() or p in {"file", "simbench", "float", "CleanShareWish", "FillWish"} or "[" in p)
        )
    ]
    path = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in parts).lstrip(".")
    kind, found = error["type"], error.get("input")
    field = str(parts[-1]) if parts else "file"
    shown = "" if isinstance(found, dict | list) or kind in {"missing", "extra_forbidden"} else f" (found {found!r})"
    if kind == "missing":
        return Problem(path, "is missing", accepted_units(field))
    if kind == "extra_forbidden":
        known = _siblings(raw, parts[:-1])
        near = difflib.get_close_matches(field, known, 1)
        return Problem(
            path,
            "is not a known field",
            (f"did you mean '{near[0]}'? " if near else "") + f"one of {', '.join(known)}",
        )
    if kind == "union_tag_invalid":
        return Problem(
            f"{path}.kind",
            f"'{found.get('kind') if isinstance(found, dict) else found}' is no kind of asset",
            f"one of {', '.join(kinds())}",
        )
    if kind in {"float_parsing", "float_type"}:
        return Problem(path, f"is not a number{shown}", accepted_units(field))
    message = (
        error["msg"].removeprefix("Value error, ").replace("Input should be", "should be").replace("Input", "value")
    )
    accepted = accepted_units(field) if kind == "value_error" and isinstance(found, str) else ""
    return Problem(path or "file", f"{message}{shown}", accepted)


def _siblings(raw: Mapping[str, Any], parts: list[Any]) -> list[str]:
    """Field names of the model at ``parts``, for hints."""
    if parts[:1] == ["assets"] and len(parts) == 2 and isinstance(parts[1], int):
        cls = kinds().get(str(raw["assets"][parts[1]].get("kind")))
        return sorted([*cls.model_fields, "use"]) if cls else []
    model: Any = Site
    for part in parts:
        if isinstance(part, str) and hasattr(model, "model_fields") and part in model.model_fields:
            annotation = model.model_fields[part].annotation
            candidates = [annotation, *getattr(annotation, "__args__", ())]
            model = next((c for c in candidates if hasattr(c, "model_fields")), None)
    return sorted(getattr(model, "model_fields", {}))


def _apply_fill_wishes(site: Site) -> Site:
    """A wish for a store's end fill is that store's own field: one place for one number."""
    wishes = {w.asset: w for w in site.wishes if isinstance(w, FillWish)}
    assets = tuple(
        a.model_copy(
            update={
                "end_fill_min": wishes[a.name].soc_end_min,
                "end_penalty_per_kwh": wishes[a.name].penalty_per_kwh,
            }
        )
        if a.name in wishes
        else a
        for a in site.assets
    )
    return site.model_copy(update={"assets": assets})
