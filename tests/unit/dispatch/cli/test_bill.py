"""``parkwatt bill`` and the same in Python: what metered power costs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from dispatch.errors import ConfigError, DataError
from dispatch.measured.bills import Agreed, agreed, bill, compared, read_meter
from tests.pages import outputs_that_hold
from tests.unit.dispatch.small_park import park, write
from tests.unit.dispatch.tariff.billing import demand, energy, tariff, terms
from tests.unit.dispatch.typed import Run, refused, run, small

__all__ = ["run", "small"]  # fixtures


def meter(folder: Path, start: str = "2024-03-01", end: str = "2024-05-01", **columns: Any) -> Path:
    """Hourly means: 10 kW, and 60 kW for an hour of April."""
    times = pd.date_range(start, end, freq="h", inclusive="left")
    use = np.where(times == pd.Timestamp("2024-04-10T12:00"), 60.0, 10.0)
    path = folder / "meter.csv"
    pd.DataFrame({"time": times, "import_kw": use} | columns).to_csv(path, index=False)
    return path


def written(folder: Path, name: str, *components: dict[str, Any], **fields: Any) -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(terms(*components, **{"name": name} | fields)), encoding="utf-8")
    return path


def test_the_page_says_what_its_code_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert outputs_that_hold("bills.md", tmp_path) == 1


def test_a_bill_by_month_and_component_beside_another_tariff(run: Run, tmp_path: Path) -> None:
    one = written(tmp_path, "one", energy(0.1), demand(5.0))
    other = written(tmp_path, "other", energy(0.2))
    file = tmp_path / "bills.json"
    ended = run("bill", one, "--meter", meter(tmp_path), "--against", other, "--time-zone", "UTC", "--json", file)
    assert ended.status == 0, ended.err
    # March: 744 h of 10 kW; April: 720 h of 10 kW and 50 kWh more, with a peak of 60 kW.
    march, april = (744.0 + 50, 725.0 + 300), (1488.0, 1450.0)
    assert "7,440.00 kWh" in ended.out
    assert f"{march[0] + march[1]:,.2f}" in ended.out
    told = json.loads(file.read_text(encoding="utf-8"))
    assert told["bills"][0]["months"] == {
        "2024-03": {"energy": pytest.approx(744), "demand": pytest.approx(50)},
        "2024-04": {"energy": pytest.approx(725), "demand": pytest.approx(300)},
    }
    assert told["compared"]["2024-04"]["money"] == pytest.approx([march[1], april[1]])
    assert told["compared"]["2024-03"]["money"] == pytest.approx([march[0], april[0]])
    assert told["bills"][1]["total"] == pytest.approx(sum(april))
    assert "more" in ended.out


def test_a_park_is_billed_by_its_connection_on_its_clock(run: Run, small: Path) -> None:
    ended = run("bill", small, "--meter", meter(small.parent, "2024-02-10", "2024-02-12"))
    assert ended.status == 0, ended.err
    text = " ".join(ended.out.split())
    assert "2024-02 was metered from 10 Feb 00:00 to 12 Feb 00:00 only" in text


def test_what_is_below_zero_was_sold_and_energy_of_steps_is_read(tmp_path: Path) -> None:
    times = pd.date_range("2024-03-01", periods=4, freq="15min")
    path = tmp_path / "net.csv"
    pd.DataFrame({"time": times, "net": [5.0, -2.5, 0, 1]}).to_csv(path, index=False)
    read = read_meter(path, "UTC", column="net", unit="kWh")
    assert read.import_kw.tolist() == [20, 0, 0, 4]
    assert read.export_kw.tolist() == [0, 10, 0, 0]
    late = read_meter(path, "UTC", column="net", stamp="end")
    assert late.horizon.local_end[0].isoformat() == "2024-03-01T00:00:00+00:00"
    beside = meter(tmp_path, export_kw=3.0)
    assert set(read_meter(beside, "UTC").export_kw.tolist()) == {3.0}


def test_the_mistakes_that_people_make(run: Run, tmp_path: Path) -> None:
    one, file = written(tmp_path, "one", energy(0.1)), meter(tmp_path)
    refused(run("bill", one, "--meter", file), "is a tariff and has no time zone")
    refused(run("bill", one, "--meter", file, "--time-zone", "Mars"), "--time-zone 'Mars' is not known")
    refused(run("bill", one, "--meter", file, "--time-zone", "UTC", "--unit", "A"), "--unit 'A'", "kW, MW, kWh")
    refused(run("bill", one, "--meter", file, "--time-zone", "UTC", "--column", "power"), "no column 'power'")
    refused(run("bill", "shanxi_tou", "--meter", file), "did you mean 'shanxi_tou_capacity'")
    refused(run("bill", "shanxi_tou_capacity", "--meter", file, "--time-zone", "Asia/Shanghai"), "contracted kVA")
    dollars = written(tmp_path, "dollars", energy(0.1), currency="USD")
    both = run("bill", one, "--meter", file, "--time-zone", "UTC", "--against", dollars)
    refused(both, "bills in EUR and USD cannot be compared")
    wrong = written(tmp_path, "wrong", energy(0.1) | {"prise": 3})
    refused(run("bill", wrong, "--meter", file, "--time-zone", "UTC"), "components[0].prise: is not a known field")


def test_gaps_and_negative_values_are_errors(tmp_path: Path) -> None:
    path = meter(tmp_path)
    table = pd.read_csv(path)
    table.loc[[3, 4], "import_kw"] = np.nan
    table.to_csv(path, index=False)
    with pytest.raises(DataError, match="'import_kw' is missing in 2 steps, first at 2024-03-01 03:00"):
        read_meter(path, "UTC")
    with pytest.raises(DataError, match="'export_kw' is -1 at 2024-03-01 00:00"):
        read_meter(meter(tmp_path, export_kw=-1.0), "UTC")
    table.loc[[3, 4], "import_kw"] = [5.0, 3.4e38]  # the largest of four bytes
    table.to_csv(path, index=False)
    with pytest.raises(DataError, match=r"'import_kw' is 3\.4e\+38 at 2024-03-01 04:00, which no meter counts"):
        read_meter(path, "UTC")
    part = Agreed(tariff(energy(0.1, calendar={"hours": ["06:00-24:00"]})), "UTC")
    with pytest.raises(DataError, match="no import price at 2024-03-01 00:00"):
        bill(part, read_meter(meter(tmp_path), "UTC"))


def test_one_of_several_connections_is_meant(tmp_path: Path) -> None:
    content = park()
    second = content["assets"][2] | {"name": "second", "contracted_kva": 70.0}
    content["assets"].append(second)
    file = write(tmp_path, content)
    with pytest.raises(DataError, match=r"has 2 connections, of which one is meant. Accepted: one of pcc, second"):
        agreed(file)
    with pytest.raises(DataError, match=r"has no connection 'secnd'. Accepted: did you mean 'second'"):
        agreed(file, connection="secnd")
    assert agreed(file, connection="second").contracted_kva == 70
    assert agreed(file, connection="second").time_zone == "Europe/Berlin"


def test_a_bill_by_month_in_python(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        agreed(tmp_path / "none.yaml")
    whole = bill(Agreed(tariff(energy(0.1)), "UTC"), read_meter(meter(tmp_path), "UTC"))
    assert compared([whole]) == {"2024-03": [pytest.approx(744)], "2024-04": [pytest.approx(725)]}


def test_the_power_factor_is_metered_or_given(run: Run, tmp_path: Path) -> None:
    rule = {"name": "adjusted", "basis": "power_factor", "standard_power_factor": 0.9, "source": "test"}
    one, file = written(tmp_path, "one", energy(0.1), rule), meter(tmp_path, end="2024-04-01", kvar=10.2)
    refused(run("bill", one, "--meter", file, "--time-zone", "UTC"), "needs the power factor")
    # 744 h of 10 kW at .1 are 744; a power factor of .70 adds 10 %.
    for more in (("--kvar-column", "kvar"), ("--power-factor", "0.7")):
        ended = run("bill", one, "--meter", file, "--time-zone", "UTC", *more)
        assert ended.status == 0, ended.err
        assert "74.40" in ended.out
        assert "818.40" in ended.out


def test_peaks_of_the_months_before_hold_up_a_ratchet(run: Run, tmp_path: Path) -> None:
    """10 kW are metered; 50 % of 40 kW two months ago are billed at 3 each."""
    held = {"name": "peak", "basis": "demand", "price_per_kw_month": 3.0, "source": "test"}
    held |= {"ratchet": {"fraction": 0.5, "months": 2}}
    one, file = written(tmp_path, "one", energy(0.0), held), meter(tmp_path, end="2024-04-01")
    assert "30.00" in run("bill", one, "--meter", file, "--time-zone", "UTC").out
    ended = run("bill", one, "--meter", file, "--time-zone", "UTC", "--past-peak", "15", "--past-peak", "40")
    assert ended.status == 0, ended.err
    assert "60.00" in ended.out
