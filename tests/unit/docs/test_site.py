"""The pages that the site makes from code."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from docutils.utils.math import MathError

from benchmarks.processes import ROOT

sys.path.insert(0, str(ROOT / "docs"))

from parkwatt_docs import docstrings, drawn, files, mathml, service, shared
from parkwatt_docs.examples import example
from parkwatt_docs.meanings import IN_BODIES, IN_FILES
from parkwatt_docs.names import exists
from parkwatt_docs.schemas import Reader, reached
from parkwatt_docs.writing import Folder, code, escaped, told

from dispatch.assets import kinds
from dispatch.config.park import load_site, shipped_names

READER = Reader(lambda name: f"[{name}]", files.unit)


def test_equations_are_set_with_the_letters_that_docstrings_use() -> None:
    made = mathml.mathml(r"0 ≤ η_c c_t · P̄ \\ u_t ∈ \{0, 1\}", block=True)
    assert made.startswith("<math")
    assert "≤" in made
    assert "<msub>" in made
    assert made.count("<mtr>") == 2


def test_an_equation_that_cannot_be_set_is_an_error() -> None:
    with pytest.raises(MathError):
        mathml.mathml(r"\nosuchthing{x}", block=True)


def test_fields_say_unit_bounds_default_and_meaning() -> None:
    schema = files.park_schema()["$defs"]["Battery"]
    rows = {row[0]: row for row in READER.rows(schema, {"min_fill": "lowest"}, ["charge_kw"])}
    assert rows["`charge_kw`"][1:] == ("kW", "number, above 0", "must be given", "largest charging power at the bus")
    assert rows["`charge_efficiency`"][1:4] == ("share", "number, above 0, at most 1", "`0.9193`")
    assert rows["`wear`"][2:4] == ("[DepthWear]", "nothing")
    assert rows["`temperature_table`"][2] == "list of [TemperaturePoint]"
    assert rows["`min_fill`"][4] == "lowest"


@pytest.mark.parametrize("file", files.FILES, ids=lambda file: file.page)
def test_every_field_has_a_meaning(file: files.File) -> None:
    schema = file.schema()
    definitions = schema.get("$defs", {})
    reader = Reader(lambda name: name, files.unit, IN_FILES, definitions)
    silent = [
        f"{name}.{row[0]}"
        for name, model in [(file.title, schema), *definitions.items()]
        for row in reader.rows(model)
        if not row[4] and not row[0].endswith("_bus`")  # the kind's page says what a bus must carry
    ]
    assert silent == []


def test_every_field_of_a_body_has_a_meaning() -> None:
    reader = service.reader_of(json.loads((ROOT / "docs/openapi.json").read_text("utf-8"))["components"]["schemas"])
    silent = [
        f"{name}.{row[0]}" for name, body in reader.definitions.items() for row in reader.rows(body) if not row[4]
    ]
    assert silent == []


def test_a_block_may_mean_something_else_by_a_name() -> None:
    reader = Reader(str, files.unit, {"hours": "spans of the clock", "Steps.hours": "how long"})
    schema = {"title": "Steps", "properties": {"hours": {"type": "number"}}}
    assert [row[4] for row in reader.rows(schema)] == ["how long"]
    assert [row[4] for row in reader.rows(schema | {"title": "Calendar"})] == ["spans of the clock"]


def test_no_meaning_is_kept_of_a_field_that_is_gone() -> None:
    told_files = [files._Told.of(file) for file in files.FILES]
    blocks = [block for one in told_files for block in (one.schema, *one.schema.get("$defs", {}).values())]
    bodies = json.loads((ROOT / "docs/openapi.json").read_text("utf-8"))["components"]["schemas"].values()
    for kept, all_blocks in ((IN_FILES, blocks), (IN_BODIES, bodies)):
        fields = {(block.get("title"), name) for block in all_blocks for name in block.get("properties", {})}
        known = {name for _, name in fields} | {f"{title}.{name}" for title, name in fields}
        assert set(kept) - known == set()


def test_blocks_of_one_kind_stand_with_it_and_others_on_the_files_page() -> None:
    made = files._Told.of(files.FILES[0])
    assert made.own["TemperaturePoint"] == "battery"
    assert "Capital" not in made.own
    assert "Tariff" not in made.own or made.own["Tariff"] == "grid_connection"


def test_blocks_are_found_through_others() -> None:
    schema = files.park_schema()
    assert reached(schema["$defs"], schema["$defs"]["GridConnection"])[:2] == ["OutOfService", "Capital"]
    assert {"Tariff", "Component", "Calendar"} <= set(reached(schema["$defs"], schema["$defs"]["GridConnection"]))


@pytest.mark.parametrize("kind", ["battery", "pv", "outage", "extraction of nothing"])
def test_examples_are_read_by_what_reads_parks(kind: str, tmp_path: Path) -> None:
    if kind not in kinds():
        with pytest.raises(KeyError):
            example(kind)
        return
    found = example(kind)
    assert found is not None
    path = tmp_path / "park.yaml"
    path.write_text(found.yaml, "utf-8")
    assert [asset.kind for asset in load_site(path).assets] == [kind]


@pytest.mark.slow
def test_every_kind_has_an_example(tmp_path: Path) -> None:
    for kind in kinds():
        found = example(kind)
        assert found is not None
        assert f"kind: {kind}" in found.yaml
        if "time_zone" in found.yaml:
            path = tmp_path / "park.yaml"
            path.write_text(found.yaml, "utf-8")
            load_site(path)
        else:  # what needs others of its park: that park ships, and is held valid elsewhere
            assert re.findall(r"configs/parks/(\w+)\.yaml", found.told)[0] in shipped_names("parks")


def test_all_that_docstrings_point_to_is_there() -> None:
    names = [shared.name(one) for one in shared.found()]
    assert {
        "dispatch.stores.stock.Storage",
        "dispatch.units.commitment.Committed",
        "dispatch.loads.convex_curve",
    } <= set(names)
    assert exists("Storage", "dispatch.stores.stock")
    assert exists("np.float64", "dispatch.stores.stock")
    assert exists("DataError", "dispatch.stores.stock")
    assert not exists("dispatch.stores.stock.Nothing")
    assert not exists("Nothing", "dispatch.stores.stock")


def test_docstrings_keep_their_columns_and_magnitudes() -> None:
    lines = [
        "Rows |x| of a table:",
        "",
        "vm_pu     (N, T) voltage",
        "converged (T,)",
        "",
        "After |y|.",
        "",
        ".. math::",
        "   |z|",
    ]
    assert list(docstrings.as_meant(lines)) == [
        "Rows \\|x\\| of a table:", "", "::", "", "   vm_pu     (N, T) voltage", "   converged (T,)", "",
        "After \\|y\\|.", "", ".. math::", "   |z|",
    ]  # fmt: skip


def test_attributes_of_a_docstring_are_meanings() -> None:
    text = "A thing.\n\nAttributes:\n    one: the first\n        of four; two: the next.\n    three, four: both"
    assert docstrings.attributes(text) == {
        "one": "the first of four",
        "two": "the next",
        "three": "both",
        "four": "both",
    }


def test_text_says_what_it_says() -> None:
    assert told("a ``b|c`` *d* <e>") == r"a `b\|c` \*d\* \<e\>"
    assert escaped("x [y]") == r"x \[y\]"
    assert code("") == ""


def test_a_page_of_what_is_gone_goes_too(tmp_path: Path) -> None:
    first = Folder(tmp_path)
    first.write("kinds/old", ["# old"])
    first.write("kinds/kept", ["# kept"])
    touched = (tmp_path / "kinds/kept.md").stat().st_mtime_ns
    second = Folder(tmp_path)
    second.write("kinds/kept", ["# kept"])
    second.clear()
    assert [path.name for path in tmp_path.rglob("*.md")] == ["kept.md"]
    assert (tmp_path / "kinds/kept.md").stat().st_mtime_ns == touched


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_site_is_built_without_a_warning_and_asks_nobody_for_anything(tmp_path: Path) -> None:
    built = tmp_path / "html"
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-n", "-q", "-b", "html", "docs", str(built)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=os.environ)
    assert ran.returncode == 0, ran.stderr
    pages = list(built.rglob("*.html"))
    assert len(pages) > 100
    for page in pages:
        loaded = re.findall(r'<(?:script|img|iframe|link)\b[^>]*?(?:src|href)="(https?:)?//', page.read_text("utf-8"))
        assert not loaded, page
    for style in built.rglob("*.css"):
        assert not re.findall(r"url\(['\"]?(?:https?:)?//", style.read_text("utf-8")), style
    kind = (built / "reference/generated/kinds/battery.html").read_text("utf-8")
    assert "<math" in kind
    assert "li_ion_lfp_2025" in kind


def test_a_picture_is_drawn_from_what_its_page_computes(tmp_path: Path) -> None:
    from benchmarks.study.pictures import svg

    page = tmp_path / "page.md"
    page.write_text("```python\nheight = 3.0\n```\n\n```python\nheight = 4.0\n```\n", "utf-8")
    code = (
        "from dispatch.report.drawings import Stack, bars\n"
        "drawing = bars('t', 'a', ('x', 'y'), ['one'], [Stack('s', '#000', (height,))])"
    )
    first, second = (drawn.drawn(page, blocks, code) for blocks in (1, 2))
    assert svg(first).startswith("<svg")
    assert svg(first) != svg(second)
    with pytest.raises(NameError):
        drawn.drawn(page, 0, code)
