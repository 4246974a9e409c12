"""Reading a park's file: YAML in, :class:`~dispatch.site.Site` out, or every problem at once with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from dispatch.errors import ConfigError, Problem
from dispatch.mistakes import field_problems, near_miss, shown
from dispatch.references import reference_problems
from dispatch.site import FillWish, Site

CONFIGS = next(p for p in (Path(__file__).parent / "configs", Path(__file__).parents[1] / "configs") if p.is_dir())
PARK = "park.yaml"
_ENDINGS = (".yaml", ".yml")


def load_site(name: str | Path) -> Site:
    """Read a park by path, by a folder that holds a park.yaml, or by the name of one that ships (``yizhuang``).

    Raises:
        ConfigError: the file is missing, is no YAML, or describes no valid park; lists all problems found.
    """
    path = find_config(name, "parks")
    reading = _Reading(_document(path, str(name)), path.parent)
    raw = reading.expanded()
    found = [*reading.problems, *reference_problems(raw)]
    site = None
    try:
        site = Site.model_validate(raw)
    except ValidationError as error:
        known = {problem.path for problem in found}
        found += [p for p in field_problems(error, raw) if p.path not in known]
    if found or site is None:
        located = dict.fromkeys(reading.located(problem) for problem in found)
        raise ConfigError(str(name), sorted(located, key=lambda p: (p.line or 0, p.path)))
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
    if path.is_dir():
        problem = Problem("file", f"the folder holds no {PARK}", "a park's file; 'parkwatt init' writes one")
    else:
        hint = near_miss(name, [*shipped_names(folder), *_neighbours(path)])
        problem = Problem("file", "there is no such file", f"{hint}; or a path to a YAML file")
    raise ConfigError(str(name), [problem])


def shipped_names(folder: str) -> list[str]:
    """Names of the configs that ship in a folder."""
    return sorted(p.stem for p in (CONFIGS / folder).glob("*.yaml"))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # such as a name longer than the file system allows
        return False


def _neighbours(path: Path) -> list[str]:
    try:
        return sorted(str(p) for p in path.parent.iterdir() if p.suffix in _ENDINGS)
    except OSError:
        return []


class _Loader(yaml.SafeLoader):
    """YAML without its surprises: ``no`` and ``on`` are text, a date stays as it is written."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if not tag.endswith((":timestamp", ":bool"))]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _first, _words in (("tT", "true|True|TRUE"), ("fF", "false|False|FALSE")):
    import re

    _Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(f"^(?:{_words})$"), list(_first))


@dataclass(frozen=True)
class _Document:
    """A YAML file that is a mapping.

    Attributes:
        raw: its content.
        lines: path → line, from 1.
        repeated: paths that are written twice.
    """

    name: str
    raw: dict[str, Any]
    lines: Mapping[str, int]
    repeated: tuple[str, ...] = ()


def _document(path: Path, name: str) -> _Document:
    """Read a YAML file.

    Raises:
        ConfigError: it cannot be read, is no YAML or no mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=_Loader)
        raw = yaml.load(text, Loader=_Loader)  # noqa: S506 — a safe loader
        places = list(_lines(node, "", ())) if isinstance(raw, dict) else []
    except OSError as error:
        raise ConfigError(name, [Problem("file", f"cannot be read: {error.strerror}", "a readable file")]) from None
    except UnicodeDecodeError as error:
        problem = Problem("file", f"is not UTF-8 text: byte {error.start}", "a YAML file saved as UTF-8")
        raise ConfigError(name, [problem]) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(name, [_yaml_problem(error)]) from None
    if not isinstance(raw, dict):
        what = "is empty" if raw is None else f"is not a mapping (found {shown(raw)})"
        raise ConfigError(name, [Problem("file", what, "YAML that starts with 'name: …'")])
    lines: dict[str, int] = {}
    for place, line in places:
        lines.setdefault(place, line)
    seen: set[str] = set()
    repeated = tuple(place for place, _ in places if place in seen or seen.add(place))  # type: ignore[func-returns-value]
    return _Document(name, raw, lines, repeated)
