"""One file in the folder of kinds: whether everything that must know of a kind finds it there."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

from benchmarks.processes import ROOT, run
from benchmarks.rows import CannotMeasure, Measured, row

CASE = ROOT / "tests" / "cases" / "drop_in"
KIND = "extraction_turbine"
FOLDERS = ("benchmarks", "dispatch", "configs", "forecasting", "grid_models", "tests")
FILES = ("pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE")


@row(
    "assets",
    name="who finds a kind dropped in: schema, list of kinds, tests of its fields, wheel",
    unit="of 4",
    bar="== 4",
)
def found_by() -> Measured:
    """In a copy of the checkout that has one file more; each of the four is asked in a process of its own."""
    if not CASE.is_dir():
        raise CannotMeasure("the tests are not here: run from a checkout")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in FOLDERS:
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in FILES:
            shutil.copy(ROOT / name, root)
        shutil.copy(CASE / f"{KIND}.py", root / "dispatch" / "assets")
        found = [_in_schema(root), _in_list(root), _in_tests(root), _in_wheel(root)]
    return Measured(sum(found), float(len(found)))


def _python(root: Path, *arguments: str) -> tuple[int, str]:
    """Python on the copy, and on nothing else of ours."""
    ran = run([sys.executable, *arguments], cwd=root, extra={"PYTHONPATH": str(root), "COLUMNS": "200"})
    return ran.status, ran.output


def _in_schema(root: Path) -> bool:
    status, text = _python(root, "-m", "dispatch", "schema")
    return status == 0 and f'"const": "{KIND}"' in text


def _in_list(root: Path) -> bool:
    """The list that stands for a page of documentation, and the kind's own entry."""
    status, text = _python(root, "-m", "dispatch", "kinds", "--markdown")
    return status == 0 and f"## {KIND}" in text and "| power_to_heat |" in text


def _in_tests(root: Path) -> bool:
    """The test of all fields asks for the new kind's template by name: it has found the kind, and lets none pass."""
    tests = "tests/unit/dispatch/test_fields_matter.py"
    status, text = _python(root, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", KIND, tests)
    return status == 1 and f"kind '{KIND}' has no template" in text


def _in_wheel(root: Path) -> bool:
    status, text = _python(root, "-m", "build", "--wheel", "--no-isolation", "--outdir", os.fspath(root / "out"), ".")
    if status:
        raise RuntimeError(text[-300:])
    (wheel,) = (root / "out").glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        return f"dispatch/assets/{KIND}.py" in opened.namelist()
