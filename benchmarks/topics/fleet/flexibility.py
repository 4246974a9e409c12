"""Aggregates of devices: does everything inside disaggregate, is everything outside refused, and how fast is that?

Devices are drawn from a seed: stores, vehicles of which some give back, work to shift and load to shed. Profiles
lie on lines from a centre of the aggregate in random directions, half of them 1 % within the border and half anywhere
on the line; those outside lie 1 % beyond it. Each device's own limits are held against its power by walking its content
step by step (``Devices.broken``), apart from everything that plans; certificates are held against a linear program.

The volume ratio of inner to outer bound is defined and sampled as in ``dispatch.flexibility.bounds``.
"""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.rows import Measured, row

if TYPE_CHECKING:
    from dispatch.flexibility import Devices, Gap

_INPUTS = ("dispatch/flexibility", "dispatch/fields/flexible_devices.py")
_PROFILES, _DEVICES, _STEPS = 1000, 100, 96
_CHECKED = 50
_LOSSY, _LOSSY_STEPS, _SAMPLES = 20, 24, 200
_SEED = 8


def _drawn(count: int, steps: int, seed: int, efficiency: float = 1.0) -> Devices:
    """Half stores, a quarter vehicles, an eighth work to shift, the rest load to shed."""
    from dispatch.flexibility import curtailable, joined, shiftable, storage, vehicles

    rng, hours = np.random.default_rng(seed), np.full(steps, 24 / steps)
    stores, cars, work = count // 2, count // 4, count // 8
    power = rng.uniform(5, 50, (stores, 1))
    energy = power * rng.uniform(1, 4, (stores, 1))
    start = rng.uniform(0.2, 0.8, (stores, 1)) * energy
    load = rng.uniform(1, 10, (count - stores - cars - work, steps))
    car, task = _stays(rng, hours, cars), _stays(rng, hours, work)
    wanted = rng.uniform(0.2, 0.8, (cars, 1)) * car.most_kwh
    return joined([
        storage(
            hours, charge_kw=power, discharge_kw=power, energy_kwh=energy, start_kwh=start, end_least_kwh=start,
            charge_efficiency=efficiency, discharge_efficiency=efficiency,
        ).renamed("store_"),
        vehicles(
            hours, arrival_step=car.begin, departure_step=car.end, charge_kw=car.power, wanted_kwh=wanted,
            most_kwh=1.2 * wanted, discharge_kw=car.power * (rng.random((cars, 1)) < 0.4), least_kwh=0.2 * wanted,
            charge_efficiency=efficiency, discharge_efficiency=efficiency,
        ).renamed("car_"),
        shiftable(
            hours, first_step=task.begin, end_step=task.end, most_kw=task.power,
            energy_kwh=rng.uniform(0.3, 0.9, (work, 1)) * task.most_kwh,
        ).renamed("work_"),
        curtailable(hours, load_kw=load, least_load_kw=0.3 * load).renamed("load_"),
    ])  # fmt: skip


@dataclass(frozen=True)
class _Stays:
    begin: Any
    end: Any
    power: Any
    most_kwh: Any


def _stays(rng: Any, hours: Any, count: int) -> _Stays:
    steps = hours.size
    begin = rng.integers(0, 2 * steps // 3, (count, 1))
    end = np.minimum(steps, begin + rng.integers(steps // 8 + 1, steps // 2 + 1, (count, 1)))
    power = rng.uniform(3, 22, (count, 1))
    return _Stays(begin, end, power, power * (end - begin) * hours[0])


@dataclass(frozen=True)
class _Tried:
    """Of the profiles drawn: how many were shared out, refused, and refused with a reason that a solver confirms."""

    shared: int
    refused: int
    confirmed: int


@functools.cache
def _exact() -> _Tried:
    from dispatch.flexibility import reach, share, support

    devices, rng = _drawn(_DEVICES, _STEPS, _SEED), np.random.default_rng(_SEED)
    centre = np.mean([support(devices, v)[1].sum(axis=0) for v in rng.normal(size=(40, _STEPS))], axis=0)
    shared = refused = confirmed = 0
    for number in range(_PROFILES):
        direction = rng.normal(size=_STEPS)
        far = reach(devices, centre, direction)
        inside = share(devices, centre + (0.99 if number % 2 else rng.random()) * far * direction)
        shared += inside.feasible and not devices.broken(inside.power_kw)
        outside = share(devices, centre + 1.01 * far * direction)
        refused += bool(outside.refusals) and not outside.feasible and all(r.by_kwh > 0 for r in outside.refusals)
        confirmed += number < _CHECKED and all(_confirmed(devices, r) for r in outside.refusals)
    return _Tried(shared, refused, confirmed)


def _confirmed(devices: Devices, refusal: Any) -> bool:
    """By a linear program over all devices: nothing possible has more of what the certificate counts than it says."""
    from dispatch.flexibility.linear import Linear

    most = -Linear(devices, tracking=False).best(refusal.weight_kwh_per_kw).objective
    return bool(refusal.asked_kwh > refusal.limit_kwh >= most - 1e-6 * max(1.0, abs(most)))


@row(
    "fleet", name="random profiles inside an exact aggregate that disaggregate, of 1 000", unit="-", bar="== 1000",
    slow=True, inputs=_INPUTS,
)  # fmt: skip
def inside_shared() -> int:
    return _exact().shared


@row(
    "fleet", name="profiles 1 % outside that are refused with a certificate, of 1 000", unit="-", bar="== 1000",
    slow=True, inputs=_INPUTS,
)  # fmt: skip
def outside_refused() -> int:
    return _exact().refused


@row("fleet", name="certificates that HiGHS confirms, of 50", unit="-", bar="== 50", slow=True, inputs=_INPUTS)
def certificates_confirmed() -> int:
    return _exact().confirmed


@functools.cache
def _lossy_shared() -> int:
    from dispatch.flexibility import bounds

    devices, rng = _drawn(_LOSSY, _LOSSY_STEPS, _SEED, 0.95), np.random.default_rng(_SEED)
    made = bounds(devices)
    centre, shared = made.centre(), 0
    for number in range(_PROFILES):
        direction = rng.normal(size=_LOSSY_STEPS)
        far = made.reach(centre, direction)
        profile = centre + (0.99 if number % 2 else rng.random()) * far * direction
        found = made.share(profile)
        shared += found.feasible and not devices.broken(found.power_kw, 1e-5)
    return shared


@row(
    "fleet", name="random profiles inside the inner bound of lossy devices that disaggregate, of 1 000", unit="-",
    bar="== 1000", slow=True, inputs=_INPUTS,
)  # fmt: skip
def lossy_shared() -> int:
    return _lossy_shared()


@functools.cache
def _gap() -> Gap:
    from dispatch.flexibility import bounds

    return bounds(_drawn(_LOSSY, _LOSSY_STEPS, _SEED, 0.95)).gap(_SAMPLES, seed=_SEED)


@row(
    "fleet", name="volume of the inner bound over the outer, 24 dimensions, efficiency .95 each way", unit="-",
    bar=">= 0.05", slow=True, inputs=_INPUTS,
)  # fmt: skip
def volume_ratio() -> Measured:
    return Measured(_gap().volume_ratio)


@row("fleet", name="its 24th root: the same per dimension", unit="-", bar=">= 0.9", slow=True, inputs=_INPUTS)
def volume_ratio_per_dimension() -> float:
    return _gap().per_dimension


@row("fleet", name="its standard error over it", unit="-", bar="<= 0.25", slow=True, inputs=_INPUTS)
def volume_ratio_error() -> float:
    return _gap().standard_error / _gap().volume_ratio


@dataclass(frozen=True)
class _Times:
    """Of 1 000 devices [s of the thread]."""

    greedy: float
    program: float
    shared: float
    tracked: float


@functools.cache
def _times() -> _Times:
    from dispatch.flexibility import share, support
    from dispatch.flexibility.linear import Linear

    devices, rng = _drawn(1000, _STEPS, _SEED), np.random.default_rng(_SEED)
    value = np.convolve(rng.normal(size=_STEPS), np.ones(5), "same")
    greedy, (best, power) = _timed(lambda: support(devices, value))
    program, found = _timed(lambda: Linear(devices, tracking=False).best(value))
    if abs(best + found.objective) > 1e-6 * abs(best):
        raise AssertionError(f"greedy {best} and HiGHS {-found.objective} differ")
    other = support(devices, np.convolve(rng.normal(size=_STEPS), np.ones(5), "same"))[1]
    profile = (0.7 * power + 0.3 * other).sum(axis=0)
    shared, made = _timed(lambda: share(devices, profile))
    # The fastest of HiGHS's methods here: the simplex method takes 47 s, this 14 s, with a vertex at its end 26 s.
    program_of = Linear(devices)
    program_of.solver.setOptionValue("solver", "ipm")
    program_of.solver.setOptionValue("run_crossover", "off")
    tracked, nearest = _timed(lambda: program_of.track(profile))
    if not made.feasible or nearest.objective > 1e-3:
        raise AssertionError("a profile between two possible ones was not met")
    return _Times(greedy, program, shared, tracked)


def _timed(work: Any) -> tuple[float, Any]:
    begun = time.thread_time()
    answer = work()
    return time.thread_time() - begun, answer


@row(
    "fleet", name="greedy over HiGHS, 1 000 devices x 96: cheapest profile, each device's share included", unit="x",
    bar=">= 39", slow=True, inputs=_INPUTS,
)  # fmt: skip
def greedy_times_faster() -> Measured:
    times = _times()
    return Measured(times.program / times.greedy)


@row(
    "fleet", name="exchange over HiGHS, 1 000 devices x 96: a profile shared out", unit="x", bar=">= 10", slow=True,
    inputs=_INPUTS,
)  # fmt: skip
def exchange_times_faster() -> Measured:
    times = _times()
    return Measured(times.tracked / times.shared)


@row("fleet", name="10 000 devices x 96: cheapest profile with each device's share", unit="s", bar="<= 1.8",
     slow=True, inputs=_INPUTS)  # fmt: skip
def ten_thousand() -> float:
    from dispatch.flexibility import support

    devices = _drawn(10_000, _STEPS, _SEED)
    value = np.random.default_rng(_SEED).normal(size=_STEPS)
    return _timed(lambda: support(devices, value))[0]
