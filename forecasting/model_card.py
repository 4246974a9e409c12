"""Models kept on disk with a card that says what they are; found again, and checked, by their hash."""

from __future__ import annotations

import hashlib
import json
import pickle
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from forecasting.clock import utc_text
from forecasting.errors import ForecastError
from forecasting.models.base import Trained

LIBRARIES = ("numpy", "pandas", "scipy", "scikit-learn", "xgboost", "xgboost-cpu", "pvlib", "parkwatt")
MODEL, CARD, READABLE = "model.pickle", "card.json", "card.md"
SHORTEST = 8


@dataclass(frozen=True)
class Card:
    """What a model is.

    Attributes:
        sha256: of the model's bytes; its name.
        model: what it calls itself.
        targets: what it forecasts.
        trained_at: the instant whose knowledge it learnt from.
        data: period, number of rows and hash of what it learnt from.
        features: names of what it looks at.
        settings: of its parts.
        scores: measured on days it did not learn from.
        versions: Python and libraries.
        notes: what a reader should know.
    """

    sha256: str
    model: str
    targets: tuple[str, ...]
    trained_at: str
    data: Mapping[str, Any]
    features: tuple[str, ...]
    settings: Mapping[str, Any]
    scores: Mapping[str, Any]
    versions: Mapping[str, str]
    notes: tuple[str, ...] = field(default=())

    def to_json(self) -> str:
        """For machines; keys sorted, missing numbers null."""
        return json.dumps(_plain(asdict(self)), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Card:
        """What `to_json` gave."""
        raw = json.loads(text)
        fields: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in raw.items()}
        return cls(**fields)

    def to_markdown(self) -> str:
        """For people."""
        parts = [
            f"# {self.model}\n",
            f"Forecasts {', '.join(self.targets)}. Learnt from what was known at {self.trained_at}.\n",
            _table("Scores on days it did not learn from", self.scores),
            _table("Data", self.data),
            _table("Settings", self.settings),
            f"## Features\n\n{', '.join(self.features) or 'none stated'}\n",
            _table("Versions", self.versions),
        ]
        if self.notes:
            parts.append("## Notes\n\n" + "\n".join(f"- {note}" for note in self.notes) + "\n")
        return "\n".join([*parts, f"SHA-256 of the model: `{self.sha256}`\n"])


def keep(
    folder: Path,
    trained: Trained,
    *,
    targets: Sequence[str],
    trained_ns: int,
    data: Mapping[str, Any],
    scores: Mapping[str, Any],
    notes: Sequence[str] = (),
) -> Card:
    """Write a model and its card under its hash; a model that is there already keeps its place."""
    content = pickle.dumps(trained, protocol=5)
    own = dict(trained.card)
    card = Card(
        sha256=hashlib.sha256(content).hexdigest(),
        model=str(own.pop("model", type(trained).__name__)),
        targets=tuple(targets),
        trained_at=utc_text(trained_ns),
        data=data,
        features=tuple(own.pop("features", ())),
        settings=own,
        scores=scores,
        versions=versions(),
        notes=tuple(notes),
    )
    place = folder / card.sha256
    place.mkdir(parents=True, exist_ok=True)
    for name, written in ((MODEL, content), (CARD, card.to_json().encode()), (READABLE, card.to_markdown().encode())):
        beside = place / f"{name}.part"
        beside.write_bytes(written)
        beside.replace(place / name)
    return card


def load(folder: Path, sha256: str) -> tuple[Trained, Card]:
    """The model of that hash, or of the one hash that begins so, and its card.

    A model is unpickled only where its bytes have the hash that was asked for: whoever names the hash says whom they
    trust.

    Raises:
        ForecastError: there is none or more than one, its bytes have changed, or it was kept by other libraries.
    """
    there = sorted(place.name for place in folder.iterdir() if (place / MODEL).is_file()) if folder.is_dir() else []
    found = [name for name in there if len(sha256) >= SHORTEST and name.startswith(sha256)]
    if len(found) != 1:
        held = ", ".join(name[:12] for name in there[:8]) or "none"
        few = f"; give {SHORTEST} characters at least" if len(sha256) < SHORTEST else ""
        raise ForecastError(f"model {sha256!r}: {len(found)} in {folder}{few}; there are {held}")
    content = (folder / found[0] / MODEL).read_bytes()
    if hashlib.sha256(content).hexdigest() != found[0]:
        raise ForecastError(f"model {found[0][:12]}: its file has changed since it was kept; it is not loaded")
    card = Card.from_json((folder / found[0] / CARD).read_text("utf-8"))
    try:
        trained: Trained = pickle.loads(content)
    except Exception as error:
        raise ForecastError(f"model {found[0][:12]} cannot be read: {error}; {_changed(card)}") from error
    return trained, card


def cards(folder: Path) -> tuple[Card, ...]:
    """All cards in a folder, oldest training first."""
    found = [Card.from_json(path.read_text("utf-8")) for path in sorted(folder.glob(f"*/{CARD}"))]
    return tuple(sorted(found, key=lambda card: (card.trained_at, card.sha256)))


def versions() -> dict[str, str]:
    """Python and the libraries whose versions decide what a kept model gives."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _changed(card: Card) -> str:
    now = versions()
    other = [
        f"{name} {then}, now {now.get(name, 'none')}" for name, then in card.versions.items() if now.get(name) != then
    ]
    return f"kept with {'; '.join(other)}" if other else "the libraries are those it was kept with"


def _table(title: str, values: Mapping[str, Any]) -> str:
    rows = "\n".join(f"| {_cell(key)} | {_cell(_plain(value))} |" for key, value in values.items())
    return f"## {title}\n\n" + (f"| | |\n|---|---|\n{rows}\n" if rows else "none stated\n")


def _cell(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)
