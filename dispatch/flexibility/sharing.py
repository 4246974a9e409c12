"""Is a profile possible for many devices together, which one is nearest, and what does each device do for it?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dispatch.errors import DataError
from dispatch.explain.moments import spans
from dispatch.fields.flexible_devices import Devices, numbers
from dispatch.flexibility.chains import Chains, chains, inexact
from dispatch.flexibility.exchange import levelled, settled
from dispatch.flexibility.greedy import extreme, vertex
from dispatch.flexibility.linear import Behind, Found, Linear
from dispatch.signals import Array, Horizon

_MISSED = 1e-9  # of the energy in play: rounding
_BURNT_KW = 1e-7
_SAME = 1e-9
_ROUNDS = 60


@dataclass(frozen=True)
class Refusal:
    """Why a profile is impossible: an inequality that holds for everything possible and not for the profile.

    .. math:: Σ_t v_t p_t ≤ limit

    Attributes:
        weight_kwh_per_kw: (T,) v. For exact classes ± the length of the steps of a set, and zero elsewhere.
        asked_kwh: Σ v · asked, above ``limit_kwh`` by ``by_kwh``.
    """

    weight_kwh_per_kw: Array
    asked_kwh: float
    limit_kwh: float

    @property
    def by_kwh(self) -> float:
        """By how much it is broken: no possible profile is nearer by energy."""
        return self.asked_kwh - self.limit_kwh

    @property
    def steps(self) -> np.ndarray:
        """Numbers of the steps it is about."""
        return np.flatnonzero(self.weight_kwh_per_kw)

    def __str__(self) -> str:
        return self._text(f"in {self.steps.size} steps ({_ranges(self.steps)})", f"steps {_ranges(self.steps)}")

    def told(self, horizon: Horizon) -> str:
        """The same by the hands of the clock, for who reads times and no steps."""
        when = spans(horizon, self.steps)
        return self._text(f"at {when}", when)

    def _text(self, where: str, between: str) -> str:
        sign = np.sign(self.weight_kwh_per_kw[self.steps])
        if (sign > 0).all():
            return f"asks for {self.asked_kwh:.6g} kWh {where}, where at most {self.limit_kwh:.6g} can be drawn"
        if (sign < 0).all():
            return f"asks for only {-self.asked_kwh:.6g} kWh {where}, where at least {-self.limit_kwh:.6g} are drawn"
        return f"is {self.by_kwh:.6g} kWh beyond what can be moved between {between}"


@dataclass(frozen=True)
class Sharing:
    """A profile shared among devices, each within its own limits.

    Attributes:
        names: (N,).
        hours: (T,).
        asked_kw: (T,) the profile: net draw of all together.
        power_kw: (N, T) what each device does.
        refusals: why what is missed must be; empty where nothing is.
        exact: is nothing nearer possible? Where energy is lost, a nearer one may exist than the one that was found.
    """

    names: tuple[str, ...]
    hours: Array
    asked_kw: Array
    power_kw: Array
    refusals: tuple[Refusal, ...] = ()
    exact: bool = True

    @property
    def total_kw(self) -> Array:
        """(T,) what they do together: the profile, or the nearest to it by energy that is possible."""
        return np.asarray(self.power_kw.sum(axis=0))

    @property
    def missed_kwh(self) -> Array:
        """(T,) the distance in each step, as energy."""
        return np.asarray(np.abs(self.total_kw - self.asked_kw) * self.hours)

    @property
    def feasible(self) -> bool:
        """Is the profile met? Rounding apart."""
        size = float(np.abs(self.asked_kw) @ self.hours) + float((np.abs(self.power_kw) @ self.hours).sum())
        return bool(self.missed_kwh.sum() <= 10 * _MISSED * (1 + size))


def share(devices: Devices, profile_kw: Any, prices_per_kwh: Any = None, *, behind: Behind | None = None) -> Sharing:
    """Share a profile among devices, or the nearest to it that is possible.

    Exact classes take exchanges (:mod:`dispatch.flexibility.exchange`), without a solver. Devices with losses take a
    linear program whose answer counts if nothing is burnt in it; where something is, a second one around it finds a
    profile that is truly possible (:mod:`dispatch.flexibility.linear`).

    Args:
        devices: N devices over T steps.
        profile_kw: (T,) net draw wanted of all together (consumption +).
        prices_per_kwh: money per kWh that each device draws, (N, 1), (N, T) or (T,): the cheapest
            split. None: an even one.
        behind: connections that devices stand behind. Exchanges do not know them: where their even split breaks one, a
            linear program takes their place, as exact.

    Raises:
        DataError: a profile of another length, something that is no number, a device that has no profile at all.
    """
    asked = as_profile(devices, profile_kw)
    if devices.count == 0:
        return Sharing((), devices.hours, asked, np.zeros((0, devices.steps)))
    prices = None if prices_per_kwh is None else _prices(devices, prices_per_kwh)
    if inexact(devices):
        return _by_program(devices, asked, prices, behind)
    own = chains(devices)
    made = _by_exchange(devices, own, asked)
    if behind is not None and behind.broken(made.power_kw):
        return _by_program(devices, asked, prices, behind)
    if made.refusals and np.ptp(own.per_kw / devices.hours) > _SAME:
        # Exchanges miss least of what a step's energy is worth, and that is not the same in all steps here.
        return _by_program(devices, asked, prices, behind)
    if prices is None:
        return made
    found = Linear(devices, behind=behind).track(made.total_kw, prices)
    return Sharing(made.names, made.hours, asked, found.power_kw, made.refusals)


def nearest(devices: Devices, profile_kw: Any) -> Array:
    """(T,) the possible profile that is nearest by energy, Σ h |distance|: the profile itself where it is possible."""
    return share(devices, profile_kw).total_kw


def possible(devices: Devices, profile_kw: Any) -> bool:
    """Is the profile possible for all devices together?"""
    return share(devices, profile_kw).feasible


def reach(devices: Devices, centre_kw: Any, direction_kw: Any) -> float:
    """How far the aggregate reaches from a possible profile in a direction: the greatest s with centre + s · direction.

    By Newton's rule on certificates: every refusal says at which s it would no longer hold.

    Raises:
        DataError: the centre is not possible, the direction is zero, or the devices are not of the exact class.
    """
    centre, direction = as_profile(devices, centre_kw), as_profile(devices, direction_kw)
    if not np.abs(direction).max(initial=0) > 0:
        raise DataError("the direction is zero everywhere; accepted: one that changes some step")
    own = chains(devices)
    refused = _by_exchange(devices, own, centre).refusals
    if refused:
        raise DataError(f"the centre is not possible: it {refused[0]}; accepted: a profile that is")
    limit = _box_reach(own, centre, direction)
    for _ in range(_ROUNDS):
        refused = _by_exchange(devices, own, centre + limit * direction).refusals
        nearer: list[float] = [
            float((r.limit_kwh - r.weight_kwh_per_kw @ centre) / (r.weight_kwh_per_kw @ direction)) for r in refused
        ]
        if not nearer or min(nearer) >= limit * (1 - _MISSED):
            break
        limit = max(min(nearer), 0.0)
    return limit


def support(devices: Devices, value: Any) -> tuple[float, Array]:
    """The greatest Σ value · power of all devices and the powers (N, T) that give it; (T,) value per kW.

    Exact for exact classes; with losses an outer bound, whose powers may burn.
    """
    wanted = as_profile(devices, value)
    if inexact(devices):
        found = Linear(devices, tracking=False).best(wanted)
        return -found.objective, found.power_kw
    own = chains(devices)
    power = own.power(vertex(own, wanted / own.per_kw))
    return float(power.sum(axis=0) @ wanted), power


def _by_exchange(devices: Devices, own: Chains, asked: Array) -> Sharing:
    wanted = own.energy(asked)
    y, left, above, below = settled(own, wanted, levelled(own, wanted))
    small = _MISSED * max(own.scale, float(np.abs(wanted).sum()))
    refusals = []
    if np.maximum(left, 0).sum() > small:
        refusals.append(Refusal(own.per_kw * above, float(wanted[above].sum()), extreme(own, above, True)))
    if np.maximum(-left, 0).sum() > small:
        refusals.append(Refusal(-own.per_kw * below, -float(wanted[below].sum()), -extreme(own, below, False)))
    return Sharing(devices.names, devices.hours, asked, own.power(y), tuple(refusals))


def _by_program(devices: Devices, asked: Array, prices: Array | None, behind: Behind | None) -> Sharing:
    outer = Linear(devices, behind=behind)
    found = outer.track(asked)
    refusals = _refused(outer, found, asked)
    exact = found.burnt_kw.max(initial=0) <= _BURNT_KW
    power = found.power_kw
    if not exact:
        inner = Linear(devices, _rates(devices, found), behind=behind).track(asked)
        power = inner.power_kw
        exact = (inner.above_kw + inner.below_kw) @ devices.hours <= (
            found.above_kw + found.below_kw
        ) @ devices.hours + _MISSED
    if prices is not None:
        kappa = np.where(power > 0, devices.gain, devices.drain)
        power = Linear(devices, kappa, behind=behind).track(power.sum(axis=0), prices).power_kw
    return Sharing(devices.names, devices.hours, asked, power, refusals, bool(exact))


def _rates(devices: Devices, found: Found) -> Array:
    """(N, T) rates of an inner set that is not empty, around what the devices do if that burnt nothing.

    What a device burns may be what its limits ask for: then no profile has these rates, and those of the profile that
    moves least take their place.
    """
    kappa = np.where(found.power_kw > 0, devices.gain, devices.drain)
    for n in np.flatnonzero(found.burnt_kw.max(axis=1) > _BURNT_KW):
        one = devices.some([n])
        if not Linear(one, kappa[[n]], tracking=False).possible():
            least = Linear(one, tracking=False).least().power_kw[0]
            kappa[n] = np.where(least > 0, devices.gain[n], devices.drain[n])
    return kappa


def _refused(outer: Linear, found: Found, asked: Array) -> tuple[Refusal, ...]:
    """The duals of a program that had to miss its profile are an inequality that nothing possible breaks."""
    if found.objective <= _MISSED * (1 + float(np.abs(asked).sum())):
        return ()
    weight = found.dual
    limit = -Linear(outer.devices, tracking=False, behind=outer.behind).best(weight).objective
    return (Refusal(weight, float(weight @ asked), limit),)


def _box_reach(own: Chains, centre: Array, direction: Array) -> float:
    """How far the powers alone reach."""
    per_kw = own.per_kw
    ends = np.where(direction > 0, own.high.sum(axis=1), own.low.sum(axis=1)) / per_kw
    moves = direction != 0
    return float(max(((ends - centre)[moves] / direction[moves]).min(), 0.0))


def as_profile(devices: Devices, profile_kw: Any) -> Array:
    """(T,) a profile out of what a caller has.

    Raises:
        DataError: another length, or something that is no number.
    """
    profile = numbers(profile_kw, "the profile")
    if profile.ndim == 2 and 1 in profile.shape:
        profile = profile.ravel()
    if profile.shape != (devices.steps,):
        raise DataError(f"the profile has shape {profile.shape}; accepted: one number per step, ({devices.steps},)")
    if not np.isfinite(profile).all():
        step = int(np.flatnonzero(~np.isfinite(profile))[0])
        raise DataError(f"the profile is {profile[step]} in step {step}; accepted: a finite number")
    return profile


def _prices(devices: Devices, prices: Any) -> Array:
    values = numbers(prices, "prices_per_kwh")
    shape = (devices.count, devices.steps)
    if values.ndim == 1 and values.size == devices.count != devices.steps:
        values = values[:, None]
    try:
        out = np.array(np.broadcast_to(values, shape))
    except ValueError:
        raise DataError(f"prices_per_kwh has shape {values.shape}; accepted: (T,), (N, 1) or {shape}") from None
    if not np.isfinite(out).all():
        raise DataError("prices_per_kwh holds something that is no number; accepted: finite numbers")
    return out


def _ranges(steps: Sequence[int] | np.ndarray) -> str:
    """``3–7, 9`` for step numbers."""
    groups = np.split(np.asarray(steps), np.flatnonzero(np.diff(steps) > 1) + 1)
    texts = [f"{g[0]}–{g[-1]}" if g.size > 1 else f"{g[0]}" for g in groups]
    return ", ".join(texts if len(texts) <= 5 else [*texts[:4], "…", texts[-1]])
