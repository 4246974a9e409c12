"""References to what the site does not show: plain names, as long as there is such a thing in the code."""

from __future__ import annotations

import ast
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment


def add(app: Sphinx) -> None:
    """Hold references against the code, and leave out signatures that are tables of fields."""
    app.connect("missing-reference", _known)
    app.connect("autodoc-process-signature", _fields_are_told)


def exists(name: str, module: str = "", owner: str = "") -> bool:
    """Whether a name in a docstring or an annotation is something that can be imported from where it stands."""
    name = name.partition("[")[0]
    first, _, rest = name.partition(".")
    errors = f"{(module or name).partition('.')[0]}.errors.{name}"
    places = [name, f"{module}.{name}", f"{module}.{owner}.{name}", f"builtins.{name}", f"typing.{name}", errors]
    places += [f"{full}.{rest}".strip(".") for full in _imported_for_types(module).get(first, ())]
    return any(_importable(place) for place in places)


@cache
def _imported_for_types(module: str) -> dict[str, list[str]]:
    """What a module imports under ``TYPE_CHECKING``, and the short names that everybody uses."""
    out = {"np": ["numpy"], "pd": ["pandas"], "pa": ["pyarrow"]}
    found = find_spec(module) if module else None
    if found is None or found.origin is None:
        return out
    for node in ast.walk(ast.parse(Path(found.origin).read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            for one in node.names:
                out.setdefault(one.asname or one.name, []).append(f"{node.module}.{one.name}")
    return out


def _importable(path: str) -> bool:
    parts = path.strip(".").split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found: Any = import_module(".".join(parts[:cut]))
        except (ImportError, ValueError):
            continue
        for attribute in parts[cut:]:
            if hasattr(found, attribute):
                found = getattr(found, attribute)
            else:
                declared = {**getattr(found, "model_fields", {}), **getattr(found, "__annotations__", {})}
                return attribute in declared
        return True
    return False


def _known(_: Sphinx, __: BuildEnvironment, node: pending_xref, shown: nodes.Element) -> nodes.Element | None:
    if node.get("refdomain") != "py":
        return None
    here = exists(node["reftarget"], node.get("py:module") or "", node.get("py:class") or "")
    return shown if here else None


def _fields_are_told(*about: Any) -> tuple[str, str] | None:
    """A model's fields stand in a table: its signature would say them again in one long line."""
    _, what, _, thing, *_ = about
    return ("", "") if what == "class" and isinstance(thing, type) and issubclass(thing, BaseModel) else None
