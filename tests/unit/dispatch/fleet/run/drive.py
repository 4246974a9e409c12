"""A run in a process of its own, so that it can be killed: ``python -m … FOLDER EXECUTOR LOG SLOW_S [resume]``."""

from __future__ import annotations

import sys
from pathlib import Path

from dispatch.executor import How, executor
from dispatch.fleet.run import ask, run
from tests.unit.dispatch.fleet.run.small_fleet import HORIZON, Fails, members


def main(folder: str, name: str, log: str, slow_s: str, *more: str) -> None:
    asked = ask(members(12), Fails(HORIZON, log=log, slow_s=float(slow_s)), HORIZON, 2)
    run(asked, executor(name, 1, How(warm=True)), Path(folder), resume=bool(more))


if __name__ == "__main__":
    main(*sys.argv[1:])
