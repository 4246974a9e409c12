"""What all tests may ask for: the shared data, a browser, one planned day of the example park."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

from benchmarks import processes
from benchmarks.page import ARGUMENTS
from benchmarks.rows import CannotMeasure

if TYPE_CHECKING:
    from playwright.sync_api import Browser

REPOSITORY = Path(__file__).resolve().parent.parent

# Two workers on two busy cores: a deadline per example would only measure the neighbours. In CI the examples
# are the same in every run, so that a red run is red again on the next machine.
settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of measured data and published results that is not part of the repository."""
    folder = Path(os.environ.get("PARKWATT_SHARED") or REPOSITORY.parent / "shared")
    if not folder.is_dir():
        pytest.skip(f"no shared data at {folder}: set PARKWATT_SHARED to the folder that holds it")
    return folder


# Not for the whole run: while it is open an event loop runs in the main thread, where no other test could start one.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless browser; CHROMIUM names its binary where it is not on the path."""
    from playwright.sync_api import sync_playwright

    try:
        binary = processes.browser()
    except CannotMeasure as reason:
        pytest.skip(str(reason))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def planned_park(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the main job wrote for the example park; planned once for all workers of a run."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent  # shared by the workers of this run
    out = root / "planned_park"
    with FileLock(root / "planned_park.lock"):
        if not (out / "done").exists():
            processes.plan(out)
            (out / "done").touch()
    return out
