"""Devices of many sorts to test with."""

from __future__ import annotations

import numpy as np

from dispatch.flexibility import Devices, curtailable, joined, shiftable, storage, vehicles


def mixed(count: int, steps: int, seed: int = 0, *, efficiency: float = 1.0, unequal: bool = False) -> Devices:
    """Stores, vehicles (some give back), work to shift and load to shed: without losses, or stores with some."""
    rng = np.random.default_rng(seed)
    hours = np.full(steps, 24 / steps)
    if unequal:
        hours *= rng.uniform(0.5, 1.5, steps)
    own, cars, work = count // 2, max(count // 4, 1), max(count // 8, 1)
    power = rng.uniform(5, 50, own)
    energy = power * rng.uniform(1, 4, own)
    start = rng.uniform(0.2, 0.8, own) * energy
    stores = storage(
        hours, charge_kw=power, discharge_kw=power * 0.8, energy_kwh=energy, start_kwh=start, end_least_kwh=0.9 * start,
        charge_efficiency=efficiency, discharge_efficiency=efficiency, names=[f"store_{n}" for n in range(own)],
    )  # fmt: skip
    made = [stores, _cars(rng, hours, cars), _work(rng, hours, work)]
    rest = count - own - cars - work
    if rest > 0:
        load = rng.uniform(1, 10, (rest, steps))
        made.append(
            curtailable(hours, load_kw=load, least_load_kw=0.3 * load, names=[f"load_{n}" for n in range(rest)])
        )
    return joined(made)


def _cars(rng: np.random.Generator, hours: np.ndarray, count: int) -> Devices:
    steps = hours.size
    begin = rng.integers(0, max(2 * steps // 3, 1), count)
    end = np.minimum(steps, begin + rng.integers(1, steps // 2 + 1, count))
    charge = rng.uniform(3, 22, count)
    most = charge * np.array([hours[a:b].sum() for a, b in zip(begin, end, strict=True)])
    wanted = rng.uniform(0.2, 0.8, count) * most
    return vehicles(
        hours, arrival_step=begin, departure_step=end, charge_kw=charge, wanted_kwh=wanted, most_kwh=1.2 * wanted,
        discharge_kw=charge * (rng.random(count) < 0.4), least_kwh=0.2 * wanted,
        names=[f"car_{n}" for n in range(count)],
    )  # fmt: skip


def _work(rng: np.random.Generator, hours: np.ndarray, count: int) -> Devices:
    steps = hours.size
    begin = rng.integers(0, max(steps // 2, 1), count)
    end = np.minimum(steps, begin + rng.integers(1, steps // 2 + 1, count))
    power = rng.uniform(2, 20, count)
    energy = rng.uniform(0.3, 0.9, count) * power * np.array(
        [hours[a:b].sum() for a, b in zip(begin, end, strict=True)]
    )  # fmt: skip
    return shiftable(
        hours, first_step=begin, end_step=end, most_kw=power, energy_kwh=energy,
        names=[f"work_{n}" for n in range(count)],
    )  # fmt: skip


def own_profiles(devices: Devices, rng: np.random.Generator) -> np.ndarray:
    """(N, T) a random profile for each device, walked step by step within what can still be done: nothing of ours."""
    hours, steps = devices.hours, devices.steps
    rise = np.where(devices.most_kw > 0, devices.gain, devices.drain) * devices.most_kw * hours
    fall = np.where(devices.least_kw > 0, devices.gain, devices.drain) * devices.least_kw * hours
    low, high = devices.least_kwh.copy(), devices.most_kwh.copy()
    for step in range(steps - 2, -1, -1):
        low[:, step] = np.maximum(low[:, step], low[:, step + 1] - rise[:, step + 1])
        high[:, step] = np.minimum(high[:, step], high[:, step + 1] - fall[:, step + 1])
    level, out = np.zeros(devices.count), np.empty((devices.count, steps))
    for step in range(steps):
        first = np.maximum(low[:, step], level + fall[:, step])
        last = np.minimum(high[:, step], level + rise[:, step])
        new = first + rng.beta(0.4, 0.4, devices.count) * (last - first)
        moved = new - level
        out[:, step] = moved / (np.where(moved > 0, devices.gain[:, step], devices.drain[:, step]) * hours[step])
        level = new
    return out


def uneven(count: int, steps: int, seed: int) -> Devices:
    """Devices whose limits of power and content change from step to step, around a profile that each can do."""
    rng = np.random.default_rng(seed)
    some = rng.normal(0, 5, (count, steps))
    content = np.cumsum(some, axis=1)
    below, above, low, high = (
        rng.exponential(4, (count, steps)) * (rng.random((count, steps)) < 0.8) for _ in range(4)
    )
    return Devices.of(
        np.ones(steps), least_kw=some - low, most_kw=some + high, least_kwh=content - below, most_kwh=content + above,
        names=[f"d{n}" for n in range(count)],
    )  # fmt: skip
