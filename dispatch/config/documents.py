"""YAML files with the line of everything in them, and without YAML's surprises."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from dispatch.errors import ConfigError, Problem

_MOST_VALUES = 100_000
"""Of a short file with its aliases written out; a long one may have more, in proportion."""
_PER_CHARACTER = 4
_HALF_A_PAIR = re.compile("[\ud800-\udfff]")

CONFIGS = next(p for p in (Path(__file__).parents[1] / "configs", Path(__file__).parents[2] / "configs") if p.is_dir())


class _Loader(yaml.SafeLoader):
    """``no`` and ``on`` are text, and a date stays as it is written: the fields say what they are."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if not tag.endswith((":timestamp", ":bool"))]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile("^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


@dataclass(frozen=True)
class Document:
    """A YAML file that is a mapping.

    Attributes:
        name: how the user calls it.
        raw: its content.
        lines: path → line, from 1.
        repeated: keys that are written twice, by path, with the line of the second.
    """

    name: str
    raw: dict[str, Any]
    lines: Mapping[str, int]
    repeated: tuple[tuple[str, int], ...]

    def line(self, path: str) -> int | None:
        """The line of a path, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.lines.get(path)


def read_document(path: Path, name: str) -> Document:
    """Read a YAML file.

    Raises:
        ConfigError: it cannot be read, is no YAML or no mapping.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        loader = _Loader(text)
        node = loader.get_single_node()
        places = _written_out(node, text, name)
        # The parser takes most of the time; keys that are merged (<<) change the nodes, so places come first.
        raw = None if node is None else loader.construct_document(node)
    except OSError as error:
        raise ConfigError(name, [Problem("file", f"cannot be read: {error.strerror}", "a readable file")]) from None
    except UnicodeDecodeError as error:
        problem = Problem("file", f"is not UTF-8 text: byte {error.start} is wrong", "a file saved as UTF-8")
        raise ConfigError(name, [problem]) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(name, [_yaml_problem(error)]) from None
    if not isinstance(raw, dict):
        what = "is empty" if raw is None else f"is not a mapping (found {_short(raw)})"
        raise ConfigError(name, [Problem("file", what, "YAML that starts with 'name: …'", None if raw is None else 1)])
    lines = {place: line for place, line, _ in reversed(places)}
    document = Document(name, raw, lines, tuple((place, line) for place, line, again in places if again))
    if broken := [replace(problem, line=document.line(problem.path)) for problem in _broken_text(raw, "")]:
        raise ConfigError(name, broken)
    return document


def _written_out(node: Any, text: str, name: str) -> list[tuple[str, int, bool]]:
    """All places of a file. Aliases of aliases multiply: a few lines of them would be more than memory holds."""
    most, out = max(_MOST_VALUES, _PER_CHARACTER * len(text)), []
    for place in _places(node, "", ()):
        out.append(place)
        if len(out) > most:
            found = f"its aliases (*name) write out to more than {most} values"
            raise ConfigError(name, [Problem("file", found, "a file without aliases of aliases")])
    return out


def _broken_text(node: Any, path: str) -> Iterator[Problem]:
    """Text that no file or page can be written with."""
    if isinstance(node, str) and _HALF_A_PAIR.search(node):
        yield Problem(path, f"has half of a surrogate pair in it (found {node!a})", "text in Unicode")
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from _broken_text(str(key), path or "file")
            yield from _broken_text(value, f"{path}.{key}" if path else str(key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _broken_text(value, f"{path}[{index}]")


def _short(raw: object) -> str:
    return f"a list of {len(raw)}" if isinstance(raw, list) else f"'{str(raw)[:40]}'"


def _yaml_problem(error: Exception) -> Problem:
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark else None
    if isinstance(error, RecursionError):
        return Problem("file", "is nested too deeply", "a park's file, a few levels deep", line)
    text = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error).split("\n")[0]
    tab = "'\\t'" in text
    accepted = "spaces for indentation, no tabs" if tab else "YAML with 'key: value' lines"
    return Problem("file", f"is not YAML: {text}", accepted, line)


def _places(node: Any, path: str, around: tuple[int, ...]) -> Iterator[tuple[str, int, bool]]:
    """Path, line, and whether the key stands there a second time."""
    if id(node) in around:
        raise ValueError(f"'{path}' refers to itself")
    inside = (*around, id(node))
    if isinstance(node, yaml.MappingNode):
        seen: Counter[str] = Counter()
        for key, value in node.value:
            here = f"{path}.{key.value}" if path else str(key.value)
            seen[here] += 1
            yield here, key.start_mark.line + 1, seen[here] > 1
            yield from _places(value, here, inside)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            here = f"{path}[{index}]"
            yield here, value.start_mark.line + 1, False
            yield from _places(value, here, inside)
