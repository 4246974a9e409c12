"""What has been done so far, day by day, so that a replay that was stopped goes on where it was.

A file is written beside its place and moved there, so it is whole or not there. Numbers are kept to the last bit: what
goes on from a file gives the same bytes as what never stopped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from dispatch.replay.case import Issued
from dispatch.replay.pieces import Piece, State
from dispatch.replay.plant import Decisions
from dispatch.signals import Array


@dataclass(frozen=True)
class Saved:
    """A method after one more day.

    Attributes:
        state: what the next day starts from.
        published: the plan in force, from the next day's first step on.
        extra: what else the method must know.
    """

    piece: Piece
    state: State
    published: Decisions | None
    extra: State


@dataclass(frozen=True)
class Journal:
    """Files in a folder; without one nothing is kept.

    Attributes:
        resume: read what is there; otherwise it is written anew.
    """

    folder: Path | None = None

    def save(self, method: str, day: date, saved: Saved) -> None:
        """Keep a method's day."""
        if self.folder is None:
            return
        piece = saved.piece
        arrays = {f"arrays:{k}": v for k, v in piece.arrays.items()}
        arrays |= {f"money:{k}": v for k, v in piece.period_money.items()}
        arrays |= {f"seams:{k}": v for k, v in piece.seams.items()}
        arrays |= {f"notes:{k}": v for k, v in piece.notes.items()}
        arrays |= {f"published:{k}|{n}": v for k, by in (saved.published or {}).items() for n, v in by.items()}
        told = {
            "first": piece.first,
            "steps": piece.steps,
            "state": saved.state,
            "extra": saved.extra,
            "published": saved.published is not None,
        }
        _write(self._file(method, day), arrays | {"starts": piece.starts}, told)

    def load(self, method: str, day: date) -> Saved | None:
        """A method's day, None where it has not been done."""
        if self.folder is None or not self._file(method, day).is_file():
            return None
        arrays, told = _read(self._file(method, day))
        piece = Piece(
            told["first"],
            told["steps"],
            _of(arrays, "arrays:"),
            _of(arrays, "money:"),
            _of(arrays, "seams:"),
            arrays["starts"],
            _of(arrays, "notes:"),
        )
        published: dict[str, dict[str, Array]] = {}
        for key, values in _of(arrays, "published:").items():
            kind, _, name = key.partition("|")
            published.setdefault(kind, {})[name] = values
        return Saved(piece, told["state"], published if told["published"] else None, told["extra"])

    def save_forecasts(self, chunk: str, issued: list[Issued]) -> None:
        """Keep the forecasts of one chunk."""
        if self.folder is None:
            return
        arrays: dict[str, Array] = {}
        for number, one in enumerate(issued):
            arrays |= {f"{number}:central:{name}": values for name, values in one.central.items()}
            arrays |= {f"{number}:paths:{name}": values for name, values in one.paths.items()}
            arrays[f"{number}:weights:"] = one.weights
        _write(self._forecasts(chunk), arrays, {"times": [[one.issue_s, one.start_s] for one in issued]})

    def load_forecasts(self, chunk: str) -> list[Issued] | None:
        """The forecasts of one chunk, None where they have not been made."""
        if self.folder is None or not self._forecasts(chunk).is_file():
            return None
        arrays, told = _read(self._forecasts(chunk))
        return [
            Issued(
                issue_s,
                start_s,
                _of(arrays, f"{number}:central:"),
                _of(arrays, f"{number}:paths:"),
                arrays[f"{number}:weights:"],
            )
            for number, (issue_s, start_s) in enumerate(told["times"])
        ]

    def days_done(self, method: str) -> int:
        """How many days of a method are kept."""
        return 0 if self.folder is None else len(list((self.folder / method).glob("*.npz")))

    def _file(self, method: str, day: date) -> Path:
        assert self.folder is not None
        return self.folder / method / f"{day.isoformat()}.npz"

    def _forecasts(self, chunk: str) -> Path:
        assert self.folder is not None
        return self.folder / "forecasts" / f"{chunk}.npz"


def _of(arrays: Mapping[str, Array], start: str) -> dict[str, Array]:
    return {key.removeprefix(start): values for key, values in arrays.items() if key.startswith(start)}


def _write(path: Path, arrays: Mapping[str, Array], told: Mapping[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    names = sorted(arrays)
    text = json.dumps({"names": names, "told": told})
    beside = path.with_name(f"{path.name}.part")
    with beside.open("wb") as file:
        # Names hold slashes, which a zip takes for folders: arrays are kept by number.
        np.savez(file, allow_pickle=False, told=np.array(text), **{f"a{i}": arrays[n] for i, n in enumerate(names)})
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _read(path: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    with np.load(path, allow_pickle=False) as file:
        read = json.loads(str(file["told"]))
        return {name: np.asarray(file[f"a{i}"]) for i, name in enumerate(read["names"])}, read["told"]
