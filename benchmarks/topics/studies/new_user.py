"""A new user's path: from a clone to the plan of an own park, by the tutorial's blocks and nothing beside them.

The checkout is cloned as it is committed into an empty folder, and every block of ``docs/tutorials/operator.md`` is
carried out there in order, the installation too: with no variables of this process but where programs, the home folder
and the package index are. What a block prints is held to the page.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.processes import ROOT
from benchmarks.rows import CannotMeasure, Measured, row
from benchmarks.tutorial import Block, PageError, Session, blocks

PAGE = Path("docs/tutorials/operator.md")
_INSTALLS = "make run"
_INSTALLED = Path(".venv/here")  # touched when all is installed, before anything is planned
_PLANS = "parkwatt plan my_park"
_INPUTS = ("docs/tutorials/operator.md", "Makefile", "locks/run.txt")
# What a new user's shell has anyway; in particular no path to packages, and no environment that is active here.
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
_KEPT_FROM = ("PIP_", "UV_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")


@dataclass(frozen=True)
class Walked:
    """How it went.

    Attributes:
        install_s: of the environment, which the first command builds before it plans the example.
        to_plan_s: from the beginning of ``git clone`` to the own park's plan.
        failed: blocks that failed or printed something else than the page says, or that nobody got to.
        why: of the first of them.
    """

    install_s: float
    to_plan_s: float
    failed: int
    why: str = ""


@cache
def walked() -> Walked:
    """The path, once for all rows.

    Raises:
        CannotMeasure: this is no checkout of git, or there is no bash.
    """
    with _cloned() as (folder, clone_s):
        page = folder / PAGE
        count = sum(_is_step(block) for block in blocks(page))
        session = Session(folder, _plain_variables(), install=True)
        done, seconds, install_s, to_plan_s, why = 0, clone_s, 0.0, float("nan"), ""
        try:
            for block, took in session.run(page):
                done += 1
                seconds += took
                if block.text.startswith(_INSTALLS):
                    install_s = (folder / _INSTALLED).stat().st_mtime - (time.time() - took)
                to_plan_s = seconds if block.text.startswith(_PLANS) else to_plan_s
        except PageError as error:
            why = str(error)
        finally:
            session.close()
        return Walked(install_s, to_plan_s, count - done, why)


@row(
    "studies",
    name="clone to own plan: blocks of the operator's tutorial that fail, followed literally in a fresh environment",
    unit="blocks",
    bar="== 0",
    slow=True,
    inputs=_INPUTS,
)
def blocks_that_fail() -> Measured:
    found = walked()
    if found.why:
        raise RuntimeError(found.why[-600:])
    return Measured(found.failed)


@row(
    "studies",
    name="clone to own plan: seconds, beside those of installing the environment in it",
    unit="s",
    bar="<= 1800",
    slow=True,
    inputs=_INPUTS,
)
def seconds_to_own_plan() -> Measured:
    """Of ``git clone``, of the environment, of the example's plan and of all blocks up to the own park's plan."""
    found = walked()
    if found.failed:
        raise CannotMeasure(f"{found.failed} blocks were not carried out: {found.why[-300:]}")
    return Measured(found.to_plan_s, found.install_s)


def _is_step(block: Block) -> bool:
    """Whether a session carries it out, or holds what was printed to it."""
    return block.is_run(install=True) and (bool(block.file) or block.language in ("sh", "bash", "python", "text"))


def _plain_variables() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith(_KEPT_FROM)}
    return kept | {"COLUMNS": "100"}


@contextmanager
def _cloned() -> Iterator[tuple[Path, float]]:
    """A clone of the checkout, as it is committed, and the seconds it took."""
    if not (ROOT / ".git").exists():
        raise CannotMeasure("this is no checkout of git")
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "parkwatt"
        start = time.perf_counter()
        command = ["git", "clone", "--quiet", "--no-local", str(ROOT), str(target)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode:
            raise CannotMeasure(f"git clone ended with {ended.returncode}: {ended.stderr[-300:]}")
        yield target, time.perf_counter() - start
