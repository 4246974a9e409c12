"""The block ``claims`` of a park's file, and the supplies that follow from it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dispatch.carbon.operation import Operation
from dispatch.carbon.supplies import supplies
from dispatch.carbon.units import Side, Unit
from dispatch.config.park import load_site
from dispatch.errors import ConfigError, DataError
from dispatch.fields.claims import Claims
from dispatch.signals import Horizon
from tests.unit.dispatch.small_park import park, write


def block(**content: Any) -> Claims:
    return Claims.model_validate(content)


def ran(days: int = 4) -> Operation:
    """6-hour steps; PV gives 10 kW at noon, and draws a little at night."""
    first = datetime(2025, 12, 30, tzinfo=UTC)
    horizon = Horizon.between(first, datetime(2026, 1, 3, tzinfo=UTC), "UTC", 360)
    power = np.tile([-0.5, 10.0, 10.0, 0.0], days)
    pv = Unit("pv", "pv", "source", {"bus": Side("mv", power)}, np.zeros(16))
    sink = Unit("load", "load", "sink", {"bus": Side("mv", -power)}, np.zeros(16))
    return Operation(horizon, {"mv": "electricity"}, (pv, sink))


def test_own_generation_brings_its_certificates_and_contracts_follow() -> None:
    found = supplies(block(), ran(), {("pcc", "ppa"): np.ones(16)})
    assert [supply.name for supply in found] == ["pv", "ppa"]
    assert found[0].energy_kwh.sum() == 4 * 120
    assert found[1].entry == "issued"


def test_a_lot_lies_in_its_days_and_counts_by_the_part_that_is_accounted() -> None:
    lots = [
        {"name": "old", "energy_kwh": 100, "opening": True},
        {"name": "new", "energy_kwh": 90, "first": "2025-12-31", "last": "2026-01-02"},
        {"name": "half", "energy_kwh": 100, "first": "2026-01-01", "last": "2026-01-04"},
    ]
    old, new, half = supplies(block(lots=lots), ran(), {})[1:]
    assert (old.entry, new.entry, old.timed) == ("opening", "bought", False)
    assert old.energy_kwh.sum() == pytest.approx(100, abs=1e-12)
    assert new.energy_kwh[:4].sum() == 0
    assert new.energy_kwh[4:8].sum() == pytest.approx(30)
    assert half.energy_kwh.sum() == pytest.approx(50)


def test_disposals_take_a_share_or_an_amount_within_their_days() -> None:
    given = [
        {"of": "pv", "share": 0.5, "first": "2025-12-30", "last": "2025-12-30"},
        {"of": "pv", "energy_kwh": 24, "first": "2026-01-01", "how": "retired"},
    ]
    pv = supplies(block(disposals=given), ran(), {})[0]
    sold, retired = np.asarray(pv.sold_kwh), np.asarray(pv.retired_kwh)
    assert sold.sum() == pytest.approx(60)
    assert not sold[4:].any()
    assert retired.sum() == pytest.approx(24, abs=1e-9)
    assert not retired[:8].any()
    with pytest.raises(DataError, match="900 kWh of 'pv' are sold, but 480 kWh come in"):
        supplies(block(disposals=[{"of": "pv", "energy_kwh": 900}]), ran(), {})


def test_a_certificate_is_not_given_away_twice() -> None:
    twice = [{"of": "pv", "share": 0.7}, {"of": "pv", "share": 0.6, "how": "offset"}]
    with pytest.raises(ValidationError, match="is not registered for an offset, too"):
        block(disposals=twice)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"disposals": [{"of": "pv"}]}, "give energy_kwh or share, one of them"),
        ({"disposals": [{"of": "pv", "share": 0.5, "energy_kwh": 3}]}, "give energy_kwh or share, one of them"),
        ({"lots": [{"name": "a", "energy_kwh": 1}, {"name": "a", "energy_kwh": 2}]}, "'a' names two lots"),
        ({"lots": [{"name": "a", "energy_kwh": 1, "first": "2025-02-01", "last": "2025-01-01"}]}, "is before first"),
        ({"shares": {"ppa": {"a": 0.7, "b": 0.6}}}, "add up to 1.3"),
    ],
)
def test_what_contradicts_itself_is_refused(content: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        block(**content)


def test_names_must_be_those_of_supplies() -> None:
    with pytest.raises(DataError, match=r"claims.shares: there are none of 'ppa'; there are of pv"):
        supplies(block(shares={"ppa": {"load": 1.0}}), ran(), {})
    with pytest.raises(DataError, match="'pv' names two supplies"):
        supplies(block(lots=[{"name": "pv", "energy_kwh": 1}]), ran(), {})


def test_a_parks_file_that_names_what_is_not_there_is_told_so(tmp_path: Path) -> None:
    content = park(
        claims={
            "lots": [{"name": "gec", "energy_kwh": 10}],
            "disposals": [{"of": "gecc", "share": 1.0}],
            "shares": {"ppa": {"hall": 0.5}, "gec": {"halle": 0.5, "hall": 0.5}},
        }
    )
    with pytest.raises(ConfigError) as caught:
        load_site(write(tmp_path, content))
    told = {problem.path: str(problem) for problem in caught.value.problems}
    assert set(told) == {
        "claims.disposals[0].of", "claims.shares.ppa", "claims.shares.gec.halle",
    }  # fmt: skip
    assert "no plant, contract or lot 'gecc'" in told["claims.disposals[0].of"]
    assert "gec" in told["claims.disposals[0].of"].split("Accepted")[1]
    assert "hall" in told["claims.shares.gec.halle"].split("Accepted")[1]
    right = park(claims={"lots": [{"name": "gec", "energy_kwh": "10 MWh"}], "residual_kg_per_kwh": 0.8})
    assert load_site(write(tmp_path, right)).claims.lots[0].energy_kwh == 10_000


def test_what_brings_no_certificate_is_refused_in_the_file_and_not_left_out_of_the_account(tmp_path: Path) -> None:
    """A load, a connection and a plant that burns fuel bring none; a lot has a name of its own."""
    content = park(
        claims={
            "lots": [{"name": "hall", "energy_kwh": 10}, {"name": "ppa", "energy_kwh": 10}],
            "disposals": [
                {"of": "pcc", "share": 1.0},
                {"of": "engine", "share": 1.0},
                {"of": "roof", "share": 0.1},
                {"of": "biomass", "share": 1.0},
            ],
            "shares": {"store": {"hall": 0.5}, "ppa": {"hall": 0.5}},
        }
    )
    content["assets"].append({"kind": "thermal", "name": "engine", "bus": "main", "max_kw": 5, "cost_per_kwh": 0.2})
    content["assets"].append(content["assets"][-1] | {"name": "biomass", "clean": True})
    content["assets"].append({"kind": "pv", "name": "roof", "bus": "main", "peak_kw": 5})
    connection = next(asset for asset in content["assets"] if asset["kind"] == "grid_connection")
    connection["green_power"] = [{"name": "ppa", "price_per_kwh": 0.01}]
    with pytest.raises(ConfigError) as caught:
        load_site(write(tmp_path, content))
    told = {problem.path: problem.message for problem in caught.value.problems if problem.path.startswith("claims")}
    assert told == {
        "claims.lots[0].name": "'hall' is the name of an asset or contract too",
        "claims.lots[1].name": "'ppa' is the name of an asset or contract too",
        "claims.disposals[0].of": "no certificate comes with 'pcc'",
        "claims.disposals[1].of": "no certificate comes with 'engine'",
        "claims.shares.store": "no certificate comes with 'store'",
    }
