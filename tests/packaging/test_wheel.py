"""What a user gets: the wheel, looked into and used in an empty environment outside the checkout."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

# Building and installing: 200 MB of wheels are unpacked, then the main job runs.
pytestmark = [pytest.mark.wheel, pytest.mark.timeout(900)]


def succeed(*command: str | Path, cwd: Path) -> str:
    """Run outside the checkout and blind to it; the output, or a failure that shows it."""
    clean = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, env=clean, capture_output=True, text=True, check=False)
    if done.returncode:
        said = f"{done.stdout}\n{done.stderr}"
        pytest.fail(f"{' '.join(words)} ended with {done.returncode}\n{said}", pytrace=False)
    return done.stdout


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of what git would commit: nothing that merely lies around gets in."""
    folder = tmp_path_factory.mktemp("wheel")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True).stdout
    for entry in filter(None, listed.split("\0")):
        if (repository / entry).is_file():
            target = folder / "source" / entry
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((repository / entry).read_bytes())
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder]
    succeed(*build, folder / "source", cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def files(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as opened:
        return opened.namelist()


def test_the_top_level_holds_three_packages_and_nothing_else(files: list[str]) -> None:
    top = {name.split("/")[0] for name in files}
    (metadata,) = {name for name in top if re.fullmatch(r"parkwatt-[\w.]+\.dist-info", name)}
    assert top == {"dispatch", "forecasting", "grid_models", metadata}


@pytest.mark.parametrize("package", ["dispatch", "forecasting", "grid_models"])
def test_each_package_says_that_it_is_typed(files: list[str], package: str) -> None:
    assert f"{package}/__init__.py" in files
    assert f"{package}/py.typed" in files


def test_every_config_ships(files: list[str], repository: Path) -> None:
    wanted = {p.relative_to(repository).as_posix() for p in (repository / "configs").rglob("*.*")}
    assert "configs/parks/yizhuang.yaml" in wanted
    assert {f"dispatch/{name}" for name in wanted} - set(files) == set()


def test_what_is_no_python_ships_too(files: list[str], repository: Path) -> None:
    """The report's template and script, for instance, are data that an import would not miss."""
    kept = [p for p in (repository / "dispatch").rglob("*") if p.is_file() and p.suffix != ".pyc"]
    wanted = {p.relative_to(repository).as_posix() for p in kept}
    assert wanted - set(files) == set()


def test_licence_and_description_are_inside(wheel: Path, files: list[str]) -> None:
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in files)
    with zipfile.ZipFile(wheel) as opened:
        (name,) = (n for n in files if n.endswith(".dist-info/METADATA"))
        metadata = opened.read(name).decode()
    assert "License-Expression: Apache-2.0" in metadata
    assert "Requires-Python: >=3.11" in metadata


@pytest.fixture(scope="module")
def installed(wheel: Path, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of an empty environment that holds the lock and the wheel."""
    folder = tmp_path_factory.mktemp("clean") / "venv"
    venv.create(folder, with_pip=True)
    commands = Path(sysconfig.get_path("scripts", "venv", vars={"base": str(folder)}))
    pip = [commands / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    succeed(*pip, "--no-deps", "--require-hashes", "-r", repository / "locks" / "run.txt", cwd=folder)
    succeed(*pip, "--no-deps", wheel, cwd=folder)
    return commands


def test_the_lock_is_all_the_wheel_needs(installed: Path, tmp_path: Path) -> None:
    assert "No broken requirements" in succeed(installed / "python", "-m", "pip", "check", cwd=tmp_path)


def test_the_command_helps(installed: Path, tmp_path: Path) -> None:
    assert "plan" in succeed(installed / "parkwatt", "--help", cwd=tmp_path)


def test_the_example_park_is_valid(installed: Path, tmp_path: Path) -> None:
    succeed(installed / "parkwatt", "validate", "yizhuang", cwd=tmp_path)


def test_the_main_job_writes_its_report(installed: Path, tmp_path: Path) -> None:
    succeed(installed / "parkwatt", "plan", "yizhuang", "--out", "plan", cwd=tmp_path)
    page = (tmp_path / "plan" / "report.html").read_text("utf-8")
    assert page.lstrip().lower().startswith("<!doctype html>")
