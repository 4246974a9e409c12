from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from forecasting.clock import DAY_NS
from forecasting.errors import ForecastError
from forecasting.model_card import Card, cards, keep, load
from tests.unit.forecasting.backtest.models import Flat

LEVELS = np.array([1.0, 2.0, 3.0])


def kept(folder: Path, value: float = 1.0, day: int = 3) -> Card:
    own = {"model": "flat", "version": "1", "features": ["hour", "speed"], "weights": np.array([0.25, 0.75])}
    return keep(
        folder,
        Flat({"wind": value * LEVELS}, own),
        targets=["wind"],
        trained_ns=day * DAY_NS,
        data={"from": "2020-01-01", "rows": 24, "sha256": "abc"},
        scores={"pinball": np.float64(0.0372), "skill": float("nan")},
        notes=["a note | with a bar"],
    )


def test_a_model_comes_back_as_it_was_with_its_card(tmp_path: Path) -> None:
    card = kept(tmp_path)
    trained, read = load(tmp_path, card.sha256[:12])
    np.testing.assert_array_equal(trained.quantiles(None, np.arange(3))["wind"][1], LEVELS)  # type: ignore[arg-type]
    assert read.sha256 == card.sha256
    assert read.features == ("hour", "speed")
    assert read.settings == {"version": "1", "weights": [0.25, 0.75]}
    assert read.scores == {"pinball": 0.0372, "skill": None}
    assert {"numpy", "scikit-learn", "python"} <= set(read.versions)


def test_the_card_is_readable(tmp_path: Path) -> None:
    card = kept(tmp_path)
    text = (tmp_path / card.sha256 / "card.md").read_text()
    for wanted in (
        "# flat",
        "1970-01-04T00:00Z",
        "| pinball | 0.0372 |",
        "hour, speed",
        "- a note | with a bar",
        card.sha256,
    ):
        assert wanted in text
    json.loads((tmp_path / card.sha256 / "card.json").read_text())


def test_same_model_same_hash_and_cards_in_order(tmp_path: Path) -> None:
    second, first = kept(tmp_path, 2.0, day=9), kept(tmp_path, 1.0, day=3)
    assert kept(tmp_path).sha256 == first.sha256 != second.sha256
    assert [card.sha256 for card in cards(tmp_path)] == [first.sha256, second.sha256]


def test_what_changed_is_not_loaded(tmp_path: Path) -> None:
    card = kept(tmp_path)
    file = tmp_path / card.sha256 / "model.pickle"
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(ForecastError, match="has changed since it was kept"):
        load(tmp_path, card.sha256)


def test_a_hash_that_names_none(tmp_path: Path) -> None:
    with pytest.raises(ForecastError, match="there are none"):
        load(tmp_path / "nowhere", "0" * 64)
    card = kept(tmp_path)
    with pytest.raises(ForecastError, match=f"there are {card.sha256[:12]}"):
        load(tmp_path, "f" * 64)
    with pytest.raises(ForecastError, match="give 8 characters"):
        load(tmp_path, card.sha256[:4])


def test_a_model_of_other_libraries_is_told(tmp_path: Path) -> None:
    card = kept(tmp_path)
    import hashlib

    broken = b"\x80\x05cnowhere\nNothing\n."
    name = hashlib.sha256(broken).hexdigest()
    place = tmp_path / name
    (tmp_path / card.sha256).rename(place)
    (place / "model.pickle").write_bytes(broken)
    told = json.loads((place / "card.json").read_text())
    told["versions"]["xgboost"] = "0.1"
    (place / "card.json").write_text(json.dumps(told))
    with pytest.raises(ForecastError, match=r"cannot be read: .*xgboost 0.1, now"):
        load(tmp_path, name)
