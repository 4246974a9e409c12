"""The block ``carbon: ledgers`` of a park's file: rules by carrier, and names of stores that exist."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dispatch.carbon.carriers import NAMES
from dispatch.carbon_wanted.conventions import Conventions
from dispatch.config.references import reference_problems
from dispatch.presentation.carbon_accounts import accounts
from tests.parks import battery, given, grid, hours, load, park
from tests.unit.dispatch.planned import planned


def test_water_mixes_and_what_is_sold_bears_its_losses_unless_told() -> None:
    usual = Conventions()
    assert [usual.rule(carrier) for carrier in ("heat", "steam", "cold")] == ["tank"] * 3
    assert [usual.rule(carrier) for carrier in ("electricity", "hydrogen", "compressed_air")] == ["carry"] * 3
    told = Conventions(stores={"heat": "carry", "hydrogen": "tank"})
    assert [told.rule(carrier) for carrier in ("heat", "cold", "hydrogen")] == ["carry", "tank", "tank"]
    with pytest.raises(ValidationError, match="tank"):
        Conventions(stores={"heat": "mixed"})  # type: ignore[dict-item]


def test_the_parks_file_says_how_its_ledgers_are_made() -> None:
    said: dict[str, Any] = {"stores": {"electricity": "tank"}, "start_kg_per_kwh": {"battery": 0.25}}
    store = battery(charge_efficiency=0.9, discharge_efficiency=0.9)
    assets = load(), store, grid(carbon_intensity_kg_per_kwh=0.5, import_kw=60)
    series = {("load", "demand_kw"): np.array([20.0, 80, 20, 10])}
    site = park(*assets, carbon={"ledgers": said})
    ledger = accounts(planned(site, given(site, hours(4), series)))[NAMES["apart"]]
    assert ledger.stores["battery"].carbon_kg[0] == pytest.approx(12.5)
    assert ledger.of("battery: losses")[1].sum() > 0.1
    plain = park(*assets)
    usual = accounts(planned(plain, given(plain, hours(4), series)))[NAMES["apart"]]
    assert usual.of("battery: losses")[1].sum() == 0.0
    assert usual.stores["battery"].carbon_kg[0] > 12.6


def test_a_start_of_what_stores_nothing_is_told_with_its_place() -> None:
    raw = {"assets": [load(), battery()], "carbon": {"ledgers": {"start_kg_per_kwh": {"batery": 0.1, "load": 0.1}}}}
    found = [p for p in reference_problems(raw) if "start_kg_per_kwh" in p.path]
    assert [p.path.rsplit(".", 1)[1] for p in found] == ["batery", "load"]
    assert "did you mean 'battery'?" in str(found[0])
    assert not [p for p in reference_problems({"assets": [], "carbon": {"ledgers": None}}) if "start" in p.path]
