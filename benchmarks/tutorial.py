"""Pages that run: their blocks are carried out in order, and what they print is held to what the page says.

::

    ```python                     runs in this process, with the names of the blocks before
    ```sh                         runs in a shell, in the folder and with the variables that the one before left
    ```yaml file=my_park/a.yaml   is written to that file
    ```text                       what the block before printed; … is anything, on a line of its own any lines

``no-run`` behind the language leaves a block out; ``install`` leaves it to whoever sets up an environment for the page;
``background`` starts a server, waits until it is silent and ends it after the page.
"""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_BLOCK = re.compile(r"^```([a-z]+)((?: [\w=./-]+)*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_SHELLS = ("sh", "bash")
_PATIENCE_S = 1200.0
_STARTING_S = 120.0
_SILENT_S, _LOOKING_S = 1.0, 0.1


@dataclass(frozen=True)
class Block:
    """A block of a page, with what stands behind its language and the line that it begins on."""

    language: str
    words: tuple[str, ...]
    text: str
    line: int

    @property
    def file(self) -> str | None:
        """Where its text goes."""
        return next((word.removeprefix("file=") for word in self.words if word.startswith("file=")), None)

    def is_run(self, *, install: bool) -> bool:
        """Whether it is carried out."""
        return "no-run" not in self.words and (install or "install" not in self.words)


class PageError(Exception):
    """A block that failed, or printed something else than the page says."""


def blocks(page: Path) -> tuple[Block, ...]:
    """All blocks of code of a page."""
    text = page.read_text("utf-8")
    return tuple(
        Block(found[1], tuple(found[2].split()), found[3], text.count("\n", 0, found.start()) + 1)
        for found in _BLOCK.finditer(text)
    )


@contextmanager
def _heeding_interrupts() -> Iterator[None]:
    """Processes that are started in it can be interrupted, as in a terminal: one that shells put aside ignores that."""
    before = signal.getsignal(signal.SIGINT)
    aside = before is signal.SIG_IGN and threading.current_thread() is threading.main_thread()
    if aside:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        if aside:
            signal.signal(signal.SIGINT, before)


@dataclass
class Session:
    """What the blocks of a page share: a folder, variables, Python's names, servers.

    Attributes:
        variables: of shells, for those that a page counts on.
        install: carry out what sets up the environment, too.
        printed: by the last block that ran.
    """

    folder: Path
    variables: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    install: bool = False
    names: dict[str, Any] = field(default_factory=dict)
    printed: str = ""
    _servers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def run(self, page: Path) -> Iterator[tuple[Block, float]]:
        """Carry out a page's blocks one by one; each with the seconds it took.

        Raises:
            PageError: one failed, or printed something else.
        """
        printed = ""
        skipped = False
        for block in blocks(page):
            place = f"{page.name}:{block.line}"
            if block.language == "text" and not block.file:
                if not skipped and "no-run" not in block.words:
                    held(block.text, printed, place)
                    yield block, 0.0
                continue
            skipped = not block.is_run(install=self.install)
            if skipped or not (block.file or block.language in ("python", *_SHELLS)):
                continue
            start = time.perf_counter()
            printed = self.printed = self._carried_out(block, place)
            yield block, time.perf_counter() - start

    def close(self) -> None:
        """End the servers that the page started."""
        for server in self._servers:
            server.send_signal(signal.SIGINT)
            server.wait(_STARTING_S)

    def _carried_out(self, block: Block, place: str) -> str:
        if block.file:
            path = self.folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, "utf-8")
            return ""
        if block.language == "python":
            return self._python(block, place)
        return self._background(block, place) if "background" in block.words else self._shell(block, place)

    def _python(self, block: Block, place: str) -> str:
        out = io.StringIO()
        with redirect_stdout(out):
            exec(compile(block.text, place, "exec"), self.names)
        return out.getvalue()

    def _shell(self, block: Block, place: str) -> str:
        """Standard output; where the block changes folder or variables, the next one finds it so."""
        state = self.folder / f".state-{os.getpid()}"
        script = f"set -euo pipefail\n{block.text}\n{{ pwd; env -0; }} > '{state}'"
        ended = subprocess.run(
            ["bash", "-c", script], cwd=self.folder, env=self.variables, capture_output=True, text=True, check=False,
            timeout=_PATIENCE_S,
        )  # fmt: skip
        if ended.returncode:
            told = "\n".join([*ended.stdout.splitlines(), *ended.stderr.splitlines()][-20:])
            raise PageError(f"{place}: ended with {ended.returncode}\n{block.text}\n{told}")
        folder, _, variables = state.read_text("utf-8").partition("\n")
        state.unlink()
        self.folder = Path(folder)
        self.variables = dict(pair.split("=", 1) for pair in variables.split("\0") if "=" in pair)
        return ended.stdout

    def _background(self, block: Block, place: str) -> str:
        """What the server said until it fell silent, which is when it waits for requests."""
        path = self.folder / f".server-{len(self._servers)}.txt"
        with path.open("w", encoding="utf-8") as out:
            script = ["bash", "-c", f"exec {block.text}"]
            with _heeding_interrupts():
                server = subprocess.Popen(
                    script, cwd=self.folder, env=self.variables, stdout=out, stderr=subprocess.DEVNULL
                )
        self._servers.append(server)
        deadline, said, silent = time.monotonic() + _STARTING_S, "", 0.0
        while server.poll() is None and time.monotonic() < deadline and not (said and silent >= _SILENT_S):
            time.sleep(_LOOKING_S)
            now = path.read_text("utf-8")
            silent = silent + _LOOKING_S if now == said else 0.0
            said = now
        if server.poll() is not None or not said:
            raise PageError(f"{place}: the server does not run\n{block.text}\n{said}")
        return said


@contextmanager
def session(folder: Path, *, install: bool = False, **more: str) -> Iterator[Session]:
    """A session in a folder, with variables beside those of this process; its servers end with it."""
    made = Session(folder, {**os.environ, **more}, install=install)
    try:
        yield made
    finally:
        made.close()


def held(said: str, printed: str, place: str) -> None:
    """Hold what was printed to what a page says.

    Raises:
        PageError: they differ.
    """
    if not re.fullmatch(_pattern(said), _plain(printed)):
        raise PageError(f"{place}: the page says\n{said}\nand this was printed\n{printed}")


def _plain(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.strip("\n").splitlines())


def _pattern(said: str) -> str:
    lines = _plain(said).splitlines()
    return "".join("(?:.*\n)*?" if line == "…" else f"{re.escape(line).replace('…', '.*')}\n" for line in lines)


def variables_for(root: Path, python: str, folder: Path) -> Mapping[str, str]:
    """Variables with which ``parkwatt`` and ``python`` in a shell are this checkout's, by a given interpreter."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, started in (("parkwatt", "-m dispatch"), ("python", ""), ("python3", "")):
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec "{python}" {started} "$@"\n', "utf-8")
        script.chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(root), "COLUMNS": "100"}
