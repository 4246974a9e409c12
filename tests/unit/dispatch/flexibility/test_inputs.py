"""What callers may hand in, and what they are told when they must not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dispatch.errors import DataError
from dispatch.flexibility import Devices, curtailable, envelope, joined, share, shiftable, storage, vehicles
from tests.unit.dispatch.flexibility.flexible_fleet import mixed, own_profiles


def test_lists_numbers_and_tables_alike() -> None:
    lists = storage([1, 1, 1], charge_kw=[5, 6], discharge_kw=5, energy_kwh=[10, 10], start_kwh=4)
    arrays = storage(np.ones(3), charge_kw=np.array([[5], [6]]), discharge_kw=5.0, energy_kwh=10, start_kwh=[4, 4])
    table = storage(
        pd.Series([1, 1, 1]), charge_kw=pd.Series([5, 6]), discharge_kw=5, energy_kwh=10, start_kwh=4, names=["x", "y"]
    )
    for other in (arrays, table):
        assert np.array_equal(lists.most_kw, other.most_kw)
        assert np.array_equal(lists.most_kwh, other.most_kwh)
    assert lists.names == ("device_1", "device_2")
    assert share(lists, pd.Series([1, 2, 3])).feasible
    assert share(lists, [[1], [2], [3]]).feasible


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"charge_kw": -1}, "charge_kw of 'device_1' is -1; accepted: 0 or more"),
        ({"charge_kw": "5 kW"}, "charge_kw is '5 kW'; accepted: a number"),
        ({"charge_kw": None}, "charge_kw of 'device_1' is nan"),
        ({"charge_efficiency": 1.2}, "charge_efficiency of 'device_1' is 1.2; accepted: above 0, at most 1"),
        ({"charge_kw": [1, 2, 3], "energy_kwh": [1, 2]}, "different numbers of devices"),
        ({"start_kwh": [[1, 2], [3, 4]]}, "accepted: a number"),
        ({"least_kwh": 12}, r"least_kwh .* is above most_kwh"),
    ],
)
def test_a_wrong_store_is_told_why(given: dict[str, object], message: str) -> None:
    right = {"charge_kw": 5, "discharge_kw": 5, "energy_kwh": 10, "start_kwh": 4}
    with pytest.raises(DataError, match=message):
        storage([1, 1, 1, 1], **{**right, **given})  # type: ignore[arg-type]


def test_a_vehicle_must_come_before_it_leaves() -> None:
    with pytest.raises(DataError, match="accepted: whole numbers from 0 to 3, the first below the second"):
        vehicles([1, 1, 1], arrival_step=2, departure_step=2, charge_kw=5, wanted_kwh=1)
    with pytest.raises(DataError, match="whole numbers"):
        shiftable([1, 1, 1], first_step=0.5, end_step=2, most_kw=5, energy_kwh=1)


def test_hours_and_profiles_are_looked_at() -> None:
    with pytest.raises(DataError, match="hours are"):
        storage([1, 0], charge_kw=1, discharge_kw=1, energy_kwh=1, start_kwh=0)
    one = storage([1, 1], charge_kw=1, discharge_kw=1, energy_kwh=1, start_kwh=0)
    with pytest.raises(DataError, match="shape"):
        share(one, [1, 2, 3])
    with pytest.raises(DataError, match="the profile is nan in step 1"):
        share(one, [1, np.nan])
    with pytest.raises(DataError, match="prices_per_kwh has shape"):
        share(one, [0, 0], [1, 2, 3])
    with pytest.raises(DataError, match="no number"):
        share(one, [0, 0], [1, np.inf])


def test_devices_are_looked_at() -> None:
    with pytest.raises(DataError, match=r"least_kw of 'device_1' is -inf in step 0; accepted: a finite number"):
        Devices.of([1, 1], least_kw=-np.inf, most_kw=1)
    with pytest.raises(DataError, match="least_kw 2 is above most_kw 1 kW in step 0"):
        Devices.of([1, 1], least_kw=2, most_kw=1)
    with pytest.raises(DataError, match=r"gain .* is above drain"):
        Devices.of([1, 1], least_kw=0, most_kw=1, gain=1.5, drain=1)
    with pytest.raises(DataError, match="keep of 'device_1' is 0"):
        Devices.of([1, 1], least_kw=0, most_kw=1, keep=0)
    with pytest.raises(DataError, match="as many as there are devices and steps"):
        Devices.of([1, 1], least_kw=0, most_kw=[1, 2], names=["a", "b"])
    with pytest.raises(DataError, match="cannot join"):
        joined([Devices.of([1, 1], least_kw=0, most_kw=1), Devices.of([1], least_kw=0, most_kw=1)])
    with pytest.raises(DataError, match="no devices to join"):
        joined([])
    with pytest.raises(DataError, match="load_kw is -1"):
        curtailable([1, 1], load_kw=[-1, 1])
    with pytest.raises(DataError, match="powers have shape"):
        Devices.of([1, 1], least_kw=0, most_kw=1).broken([1])


def test_broken_limits_are_named() -> None:
    one = storage([1, 1], charge_kw=4, discharge_kw=4, energy_kwh=5, start_kwh=2, names=["li"])
    assert one.broken([[5, 0]]) == [
        "li: power 5 kW in step 0, outside [-4, 4]",
        "li: content 5 kWh in step 0, outside [-2, 3]",
        "li: content 5 kWh in step 1, outside [-2, 3]",
    ]
    assert one.broken([[1, np.nan]])


def test_a_wind_turbine_and_a_load_are_devices() -> None:
    both = joined([
        curtailable([1, 1], generation_kw=[5, 3], names=["wind"]),
        curtailable([1, 1], load_kw=4, least_load_kw=1, names=["hall"]),
    ]).renamed("site/")  # fmt: skip
    band = envelope(both).together()
    assert both.names == ("site/wind", "site/hall")
    assert band.least_kw.tolist() == [[-4, -2]]
    assert band.most_kw.tolist() == [[4, 4]]
    assert band.tight.all()


@pytest.mark.parametrize("efficiency", [1.0, 0.85])
def test_bands_hold_what_is_done_and_are_reached(efficiency: float) -> None:
    devices, rng = mixed(12, 8, 6, efficiency=efficiency, unequal=True), np.random.default_rng(6)
    band = envelope(devices)
    done = [own_profiles(devices, rng) for _ in range(300)]
    energy = [np.cumsum(p * devices.hours, axis=1) for p in done]
    assert all((p >= band.least_kw - 1e-6).all() and (p <= band.most_kw + 1e-6).all() for p in done)
    assert all((e >= band.least_kwh - 1e-6).all() and (e <= band.most_kwh + 1e-6).all() for e in energy)
    assert np.array_equal(band.tight, ~devices.lossy)
    for step in range(8):
        for sign, name in ((1, "most"), (-1, "least")):
            for until, unit in ((np.arange(8) == step, "kw"), (np.arange(8) <= step, "kwh")):
                value = sign * until * (devices.hours if unit == "kwh" else 1.0)
                reached = np.array([_best(devices.some([n]), value) for n in range(12)])
                limit = sign * getattr(band, f"{name}_{unit}")[:, step]
                assert (reached <= limit + 1e-5).all()
                tight = band.tight if unit == "kwh" else np.ones(12, bool)
                if efficiency == 1.0:
                    assert np.allclose(reached[tight], limit[tight], atol=1e-5)


def _best(one: Devices, value: np.ndarray) -> float:
    from dispatch.flexibility.linear import Linear

    inner = Linear(one, np.sqrt(one.gain * one.drain), tracking=False)
    return -inner.best(value).objective


def test_a_band_beside_a_plan() -> None:
    one = storage([1, 1], charge_kw=4, discharge_kw=4, energy_kwh=10, start_kwh=5)
    up, down = envelope(one).beside([[1, -1]])
    assert up.tolist() == [[5, 3]]
    assert down.tolist() == [[3, 5]]
