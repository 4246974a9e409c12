"""What one day's plan hands on to the next: written beside a plan, and read where the next one goes on from it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from dispatch.carbon_wanted.settings import ACCOUNT
from dispatch.errors import DataError
from dispatch.replay.pieces import State
from dispatch.replay.plant import carried
from dispatch.schedule import Schedule
from dispatch.signals import Horizon
from dispatch.site import Site

STATE = "state.json"
_ACCEPTED = "a plan's folder, or a file like the state.json in it"


def write_state(schedule: Schedule, folder: Path) -> None:
    """What every asset leaves at the plan's end, on the path that is published, and when that is."""
    horizon = schedule.inputs.horizon
    state = carried(schedule, horizon.steps)
    # What was expected of the rest of the month is for the next plan to expect anew.
    kept = {name: {key: v for key, v in of.items() if not key.startswith("expected_")} for name, of in state.items()}
    told = {"at": horizon.local_end[-1].isoformat(), "state": {name: kept[name] for name in sorted(kept)}}
    (folder / STATE).write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def state_hash(after: Path | None) -> dict[str, str]:
    """SHA-256 of what :func:`read_state` reads, for the certificate."""
    if after is None:
        return {}
    path = after / STATE if after.is_dir() else after
    return {"after": hashlib.sha256(path.read_bytes()).hexdigest()}


def read_state(after: Path | None, site: Site, horizon: Horizon) -> State:
    """What the plan before leaves to one of ``site`` that begins with ``horizon``; nothing where there is none.

    Raises:
        DataError: it cannot be read, is of another moment, or of assets that the park has not.
    """
    if after is None:
        return {}
    path = after / STATE if after.is_dir() else after
    found = _content(path)
    begins = horizon.local_start[0]
    if found["at"].timestamp() != begins.timestamp():
        when = f"{found['at'].astimezone(begins.tzinfo):%Y-%m-%d %H:%M}"
        raise DataError(
            f"--after {path}: is the state at {when}, and the plan begins at {begins:%Y-%m-%d %H:%M}: "
            "plan the days between, or change 'at' and what has become of it in the file"
        )
    names = {asset.name for asset in site.assets} | {ACCOUNT}
    if unknown := sorted(found["state"].keys() - names):
        raise DataError(f"--after {path}: there is no asset '{unknown[0]}'; there are {', '.join(sorted(names))}")
    return {name: dict(of) for name, of in found["state"].items()}


def _content(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        at = datetime.fromisoformat(told["at"])
        state = told["state"]
        sound = at.tzinfo is not None and all(_numbers(of) for of in state.values())
    except OSError as error:
        raise DataError(f"--after {path}: {error.strerror or error}; accepted: {_ACCEPTED}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"--after {path}: is no state ({error}); accepted: {_ACCEPTED}") from None
    if not sound:
        raise DataError(f"--after {path}: 'at' needs an offset, and each asset numbers by name; accepted: {_ACCEPTED}")
    return {"at": at, "state": state}


def _numbers(values: Any) -> bool:
    return isinstance(values, Mapping) and all(
        isinstance(value, int | float) and math.isfinite(value) for value in values.values()
    )
