"""The house rules that no linter knows."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("dispatch", "forecasting", "grid_models")
FUNCTION_LINES = 40
FILE_LINES = 400

TEXT = {".py", ".toml", ".md", ".yaml", ".yml", ".txt", ".json", ".html", ".j2", ".css", ".js", ".cfg", ""}


def ours() -> list[Path]:
    """Files of the repository, as git sees them: tracked, or new and not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for entry in listed.split("\0") if entry and (path := ROOT / entry).is_file()]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def sources() -> list[Path]:
    return [path for path in ours() if path.suffix == ".py"]


def texts() -> Iterator[tuple[Path, str]]:
    """Everything a person writes here; not what a tool wrote (locks) or another project did (vendor)."""
    for path in ours():
        if path.suffix in TEXT and not {"locks", "vendor"} & set(path.parts) and path.name != "LICENSE":
            yield path.relative_to(ROOT), path.read_text(encoding="utf-8")


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the signature to the end, docstring left out: an equation told is not code."""
    assert function.end_lineno is not None
    total = function.end_lineno - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is not None and first.end_lineno is not None:
        total -= first.end_lineno - first.lineno + 1
    return total


def long_functions(text: str) -> list[str]:
    functions = (n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    return [f"{f.lineno} {f.name}: {length(f)} lines" for f in functions if length(f) > FUNCTION_LINES]


def test_no_function_is_longer_than_a_screen() -> None:
    long = {name(path): found for path in sources() if (found := long_functions(path.read_text("utf-8")))}
    assert long == {}


def test_the_measure_counts_the_body_and_not_the_docstring() -> None:
    body = "".join(f"    x = {i}\n" for i in range(FUNCTION_LINES - 1))
    assert long_functions(f"def f():\n{body}") == []
    assert long_functions(f'def f():\n    """One.\n\n    Two.\n    """\n{body}') == []
    assert long_functions(f"def f():\n{body}    y = 1\n") == [f"1 f: {FUNCTION_LINES + 1} lines"]


# Written by a generator from the service's document: one file of bodies, one for each kind of thing. Nobody reads them.
GENERATED = "dispatch/client/generated/"


def test_no_file_is_longer_than_can_be_held_in_mind() -> None:
    lines = {name(path): len(path.read_text("utf-8").splitlines()) for path in sources()}
    long = {path: count for path, count in lines.items() if count > FILE_LINES}
    assert {path: count for path, count in long.items() if not path.startswith(GENERATED)} == {}


def test_a_module_is_named_after_what_it_knows() -> None:
    vague = {"utils", "util", "helpers", "misc", "common"}
    assert [name(path) for path in sources() if vague & {path.stem, path.parent.name}] == []


def test_no_file_names_a_place_on_one_machine() -> None:
    # Put together here, so that this file does not find itself.
    roots = "|".join(["home", "work", "root", "Users", "tmp", "opt", "mnt"])
    places = re.compile(rf"(?<![\w.:/])/(?:{roots})/\w|\b[A-Z]:\\\w")
    found = [f"{path}: {match.group()}" for path, text in texts() for match in places.finditer(text)]
    assert found == []


def test_what_is_left_to_do_is_in_the_issues() -> None:
    marks = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]) + r")\b")
    assert [f"{path}: {match.group()}" for path, text in texts() for match in marks.finditer(text)] == []


def test_the_page_for_contributors_shows_every_folder_of_dispatch() -> None:
    told = set(re.findall(r"`(\w+)/`", (ROOT / "CONTRIBUTING.md").read_text("utf-8")))
    folders = {path.parent.name for path in (ROOT / "dispatch").glob("*/__init__.py")}
    assert folders - told == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_is_typed(package: str) -> None:
    assert (ROOT / package / "__init__.py").is_file()
    assert (ROOT / package / "py.typed").is_file()


def lock(which: str) -> str:
    return (ROOT / "locks" / f"{which}.txt").read_text("utf-8")


def pins(which: str) -> set[str]:
    """Names with their versions; for which systems, a larger set may widen."""
    return {
        line.rstrip(" \\").partition(" ;")[0]
        for line in lock(which).splitlines()
        if "==" in line and line[:1].isalnum()
    }


def settings() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


LOCKS = ("run", "dev", "bench", "openstef", "emhass", "egret", "microgrid")


@pytest.mark.parametrize("which", LOCKS)
def test_a_lock_has_versions_and_hashes_and_no_address(which: str) -> None:
    text = lock(which)
    bare = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    requirements = bare.replace("\\\n", " ").splitlines()
    assert len(requirements) > 25
    pinned = re.compile(r"^[a-z0-9][a-z0-9.-]*==\S+( ; [^\\]+?)?(\s+--hash=sha256:[0-9a-f]{64})+\s*$")
    assert [line[:60] for line in requirements if not pinned.match(line)] == []
    assert not re.search(r"://|index-url|find-links|^\s*-[ie]\b|file:", text, re.MULTILINE)


@pytest.mark.parametrize(("smaller", "larger"), [("run", "dev"), ("dev", "bench")])
def test_the_locks_agree(smaller: str, larger: str) -> None:
    assert pins(smaller) - pins(larger) == set()


def test_every_lock_is_one_of_those_checked() -> None:
    assert {path.stem for path in (ROOT / "locks").iterdir()} == set(LOCKS)


def test_peers_beside_us_solve_with_our_release_of_the_solver() -> None:
    solvers = {
        which: {pin for pin in pins(which) if pin.startswith("highspy==")} for which in LOCKS if which != "openstef"
    }
    assert all(found == solvers["run"] for found in solvers.values()), solvers


@pytest.mark.parametrize(("which", "extras"), [("run", ("simbench",)), ("bench", ("simbench", "bench"))])
def test_the_locks_hold_every_declared_dependency(which: str, extras: tuple[str, ...]) -> None:
    project = settings()["project"]
    optional = [entry for extra in extras for entry in project["optional-dependencies"][extra]]
    names = {re.split(r"[\s;<>=!~\[]", entry)[0].lower() for entry in [*project["dependencies"], *optional]}
    assert names - {pin.split("==")[0] for pin in pins(which)} == set()


def test_what_is_only_compared_with_is_not_installed_for_the_product() -> None:
    peers = {re.split(r"[<>=]", entry)[0] for entry in settings()["project"]["optional-dependencies"]["bench"]}
    for which in ("run", "dev"):
        assert peers & {pin.split("==")[0] for pin in pins(which)} == set()


def test_the_import_contract_covers_every_module_below_plan() -> None:
    """import-linter wants modules that exist listed by name; a new one must not slip past."""
    contracts = settings()["tool"]["importlinter"]["contracts"]
    layers = next(c["layers"] for c in contracts if c.get("containers") == ["dispatch"])
    first = next(i for i, layer in enumerate(layers) if "(audit)" in layer)
    below = {f"dispatch.{name}" for layer in layers[first:] for name in re.findall(r"\w+", layer)}
    modules = [
        *(ROOT / "dispatch").glob("*.py"),
        *(p.parent for p in (ROOT / "dispatch").glob("*/__init__.py")),
    ]
    present = {f"dispatch.{module.stem}" for module in modules}
    listed = next(set(c["source_modules"]) for c in contracts if c["name"].startswith("Below plan"))
    assert listed == below & present
