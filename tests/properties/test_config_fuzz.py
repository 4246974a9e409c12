"""Whatever a person does to a park's file, reading it gives a park or one ConfigError; never anything else."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.config.park import CONFIGS, load_site
from dispatch.errors import ConfigError
from dispatch.site import Site

PARK = yaml.safe_load((CONFIGS / "parks" / "yizhuang.yaml").read_text(encoding="utf-8"))
PARK["assets"][-1]["tariff"] = yaml.safe_load((CONFIGS / "tariffs" / "beijing_two_part_2024.yaml").read_text("utf-8"))
PARK["wishes"].append({"soc_end_min": 0.5, "asset": "li_battery"})
TEXT = (CONFIGS / "parks" / "yizhuang.yaml").read_text(encoding="utf-8")

words = st.sampled_from(
    [
        "",
        "mv",
        "wind",
        "battery",
        "kind",
        "3 MW",
        "12 furlongs",
        "3 USD/MWh",
        "2016-10-14",
        "no",
        "a/b",
        "x" * 300,
        "NaN",
    ]
)
scalars = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | words | st.text(max_size=5)
keys = st.one_of(words, st.integers(0, 3), st.booleans(), st.none())
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=5
)


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, (*path, key))


def inside(node: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        node = node[key]
    return node


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """The shipped park after one to four changes at random nodes."""
    park = copy.deepcopy(PARK)
    for _ in range(draw(st.integers(1, 4))):
        everywhere = list(places(park))
        if not everywhere:
            break
        *path, key = draw(st.sampled_from(everywhere))
        parent = inside(park, tuple(path))
        what = draw(st.sampled_from(["delete", "replace", "duplicate", "move", "rename"]))
        if what == "delete":
            del parent[key]
        elif what == "replace":
            parent[key] = draw(values)
        elif what == "move":
            parent[key] = copy.deepcopy(inside(park, draw(st.sampled_from(everywhere))))
        elif isinstance(parent, list):
            parent.insert(draw(st.integers(0, len(parent))), copy.deepcopy(parent[key]))
        else:
            parent[draw(words)] = copy.deepcopy(parent[key]) if what == "duplicate" else parent.pop(key)
    return park


def read(path: Path) -> None:
    """Read; where that fails, every problem says where and never in a library's words."""
    try:
        site = load_site(path)
    except ConfigError as error:
        refused = error.problems
    else:
        assert isinstance(site, Site)
        return
    assert refused, "an error that names no problem helps nobody"
    for problem in refused:
        assert problem.path, problem
        assert not any(w in str(problem).lower() for w in ("pydantic", "input should", "validation error")), problem


@settings(max_examples=150)
@given(park=mutated())
def test_a_park_with_random_changes_is_read_or_refused(tmp_path_factory: Any, park: dict[str, Any]) -> None:
    path = tmp_path_factory.getbasetemp() / "mutated.yaml"
    path.write_text(yaml.safe_dump(park, allow_unicode=True, sort_keys=False), encoding="utf-8")
    read(path)


@settings(max_examples=60)
@given(data=st.data())
def test_a_file_with_random_damage_is_read_or_refused(tmp_path_factory: Any, data: st.DataObject) -> None:
    text = TEXT
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        cut = data.draw(st.integers(0, 30))
        text = text[:at] + data.draw(st.text("\t\n {}[]:,-&*!?|>'\"%@`#ab0~", max_size=6)) + text[at + cut :]
    path = tmp_path_factory.getbasetemp() / "damaged.yaml"
    path.write_text(text, encoding="utf-8")
    read(path)
