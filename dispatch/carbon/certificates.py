r"""Certificates of origin, counted exactly: how many there are, whose load each of them covers, and what is left.

Energies are counted in whole milliwatt-hours, so that sums of them are exact. For every supply k

.. math:: opening + issued + bought = used + sold + retired + closing

holds to the last of them. What is sold or retired is taken out first: a certificate is used once, and one that is sold
covers no load of the seller. Supplies cover load in the order in which they are given, each by rule: in proportion to
the load that those before it left open, step by step, or by named shares of what it gives. By the *hour* a certificate
covers load of its own step; by the *year*, load of its year, and then one without a time of its own is used as well.

Source: GHG Protocol Scope 2 Guidance 2015, chapter 7: what a claim on electricity must show, used once among it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dispatch.errors import AlignmentError, DataError
from dispatch.signals import Array

Counts = NDArray[np.int64]
Matching = Literal["hour", "year"]
Entry = Literal["issued", "bought", "opening"]
PER_KWH = 1_000_000
_ENDLESS = np.iinfo(np.int64).max
_MOST_KWH = 4e12  # of all sums together, far inside 64 bits


@dataclass(frozen=True, eq=False)
class Supply:
    """Certificates that come in over T steps.

    Attributes:
        name: of the plant, contract or lot behind them.
        energy_kwh: (T,) by the step in which the electricity was made; those without a time, by a step of their year.
        entry: what they are in the balance: issued to the park, bought, or there at the start.
        timed: each is known to the step; others cover load by the year only.
        sold_kwh, retired_kwh: (T,) of them, given away or cancelled for another purpose; they cover nothing here.
        shares: by meter's name, what part of each step's certificates it gets; what no meter is named for goes to the
            meters that are not named, by their load. Empty: all by load.
    """

    name: str
    energy_kwh: Array
    entry: Entry = "issued"
    timed: bool = True
    sold_kwh: Array | float = 0.0
    retired_kwh: Array | float = 0.0
    shares: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Balance:
    """Of one supply, in milliwatt-hours."""

    name: str
    opening: int
    issued: int
    bought: int
    used: int
    sold: int
    retired: int
    closing: int

    @property
    def residual(self) -> int:
        """What comes in less what goes out or stays: zero."""
        gone = self.used + self.sold + self.retired + self.closing
        return self.opening + self.issued + self.bought - gone

    def kwh(self) -> dict[str, float]:
        """The same in kWh."""
        return {f"{name}_kwh": value / PER_KWH for name, value in vars(self).items() if name != "name"}


@dataclass(frozen=True, eq=False)
class Covered:
    """M meters over T steps, or over Y years, covered by K supplies.

    Attributes:
        matching: by the hour or by the year.
        load: (M, T or Y) milliwatt-hours.
        used: (K, M, T or Y) of each supply at each meter.
        balances: of each supply.
        period: (T,) the year's place of each step; by the hour the step's own.
    """

    matching: Matching
    load: Counts
    used: Counts
    balances: tuple[Balance, ...]
    period: NDArray[np.intp]

    @property
    def open_share(self) -> Array:
        """(M, T) of each step's load that no certificate covers; 1 where there is no load."""
        covered = self.used.sum(axis=0)
        share = np.divide(self.load - covered, self.load, out=np.ones(self.load.shape), where=self.load > 0)
        return np.asarray(share[:, self.period])

    @property
    def used_kwh(self) -> Array:
        """(K, M, T or Y)."""
        return np.asarray(self.used / PER_KWH)


def counted(energy_kwh: ArrayLike, what: str = "energy") -> Counts:
    """Whole milliwatt-hours.

    Raises:
        DataError: a negative or missing number, or one too large to be counted.
    """
    energy = np.asarray(energy_kwh, dtype=np.float64)
    if not np.isfinite(energy).all() or (energy < 0).any():
        raise DataError(f"{what}: certificates and loads are energies of 0 or more, none of them missing")
    if energy.sum() > _MOST_KWH:
        raise DataError(f"{what}: {energy.sum():g} kWh are too many to be counted; accepted: up to {_MOST_KWH:g}")
    return np.rint(energy * PER_KWH).astype(np.int64)


def covered(
    load_kwh: ArrayLike,
    supplies: Sequence[Supply],
    meters: Sequence[str],
    *,
    matching: Matching = "hour",
    years: ArrayLike | None = None,
) -> Covered:
    """Which certificate covers which load.

    Args:
        load_kwh: (M, T) of the meters.
        supplies: in the order in which they are used.
        meters: (M,) names.
        matching: certificates cover load of their own step, or of their year.
        years: (T,) the year of each step; one for all by default.

    Raises:
        AlignmentError: numbers of meters or steps differ.
        DataError: a negative or missing number, more is sold and retired than there is, or a share names no meter.
    """
    load = counted(np.atleast_2d(np.asarray(load_kwh, dtype=np.float64)), "load")
    if load.shape[0] != len(meters):
        raise AlignmentError(f"{load.shape[0]} rows of load for {len(meters)} meters; give one each")
    steps = load.shape[1]
    label = np.zeros(steps) if years is None else np.asarray(years)
    if label.shape != (steps,):
        raise AlignmentError(f"{label.size} years for {steps} steps; give one each")
    period = np.arange(steps) if matching == "hour" else np.unique(label, return_inverse=True)[1]
    size = int(period.max(initial=-1)) + 1
    there = [_parts(supply, steps) for supply in supplies]
    by_period = _summed(load, period, size)
    left, used = by_period.copy(), np.zeros((len(supplies), len(meters), size), dtype=np.int64)
    for k, (supply, (energy, sold, retired)) in enumerate(zip(supplies, there, strict=True)):
        usable = _summed((energy - sold - retired)[None, :], period, size)[0]
        if supply.timed or matching == "year":
            used[k] = _allotted(supply, usable, left, meters)
            left -= used[k]
    balances = tuple(
        _balance(supply, parts, int(used[k].sum()))
        for k, (supply, parts) in enumerate(zip(supplies, there, strict=True))
    )
    return Covered(matching, by_period, used, balances, np.asarray(period, dtype=np.intp))


def _parts(supply: Supply, steps: int) -> tuple[Counts, Counts, Counts]:
    """(T,) all certificates of a supply, those sold and those retired."""
    what = f"certificates of '{supply.name}'"
    energy = counted(supply.energy_kwh, what)
    if energy.shape != (steps,):
        raise AlignmentError(f"{what}: {energy.size} values for {steps} steps; give one each")
    sold, retired = (
        counted(np.broadcast_to(np.asarray(v, dtype=np.float64), (steps,)), what)
        for v in (supply.sold_kwh, supply.retired_kwh)
    )
    if (over := sold + retired > energy + 1).any():  # each of the two is rounded
        step = int(np.argmax(over))
        raise DataError(
            f"{what}: in step {step} {(sold + retired)[step] / PER_KWH:g} kWh are sold or retired of "
            f"{energy[step] / PER_KWH:g}; a certificate can be given away once"
        )
    sold = np.minimum(sold, energy)
    return energy, sold, np.minimum(retired, energy - sold)


def _balance(supply: Supply, parts: tuple[Counts, Counts, Counts], used: int) -> Balance:
    """By the sums of what came in, what was used and what is left of each step."""
    energy, sold, retired = (int(part.sum()) for part in parts)
    came = {"opening": 0, "issued": 0, "bought": 0} | {supply.entry: energy}
    free = int((parts[0] - parts[1] - parts[2]).sum())
    return Balance(supply.name, **came, used=used, sold=sold, retired=retired, closing=free - used)


def _allotted(supply: Supply, usable: Counts, left: Counts, meters: Sequence[str]) -> Counts:
    """(M, P) what each meter uses of a supply, never more than is open at it."""
    if not supply.shares:
        return split(np.minimum(usable, left.sum(axis=0)), left, left)
    if unknown := sorted(set(supply.shares) - set(meters)):
        raise DataError(f"shares of '{supply.name}' name '{unknown[0]}', which is no meter; {', '.join(meters)} are")
    share = np.array([supply.shares.get(name, 0.0) for name in meters])
    if (share < 0).any() or share.sum() > 1 + 1e-9:
        raise DataError(f"shares of '{supply.name}' add up to {share.sum():g}; accepted: 0 or more, 1 together at most")
    promised = np.minimum(np.rint(usable * share.sum()).astype(np.int64), usable)
    named = split(promised, share[:, None] * np.ones(usable.shape), np.full(left.shape, _ENDLESS))
    given = np.minimum(named, left)
    rest = usable - promised
    others = np.where(np.array([name in supply.shares for name in meters])[:, None], 0, left)
    return np.asarray(given + split(np.minimum(rest, others.sum(axis=0)), others, others))


def split(total: Counts, weight: Counts | Array, most: Counts) -> Counts:
    """Whole numbers (M, P) in proportion to weights that add up to ``total`` (P,), none above ``most``.

    What rounding leaves goes to the largest remainders, of equal ones to the first.
    """
    whole = weight.sum(axis=0)
    exact = np.divide(weight, whole, out=np.zeros(weight.shape), where=whole > 0) * total
    out = np.minimum(np.floor(exact).astype(np.int64), most)
    while (short := total - out.sum(axis=0)).any():
        room = np.where(short > 0, out < most, out > 0)
        order = np.argsort(
            -np.where(room, np.where(short > 0, exact - out, out - exact), -np.inf), axis=0, kind="stable"
        )
        rank = np.empty_like(order)
        np.put_along_axis(rank, order, np.arange(len(order))[:, None], axis=0)
        out = out + np.sign(short) * (room & (rank < np.abs(short)))
    return np.asarray(out)


def _summed(values: Counts, period: NDArray[np.intp], size: int) -> Counts:
    """(M, P) sums over the steps of each period."""
    if size == values.shape[1]:
        return values
    out = np.zeros((len(values), size), dtype=np.int64)
    np.add.at(out.T, period, values.T)
    return out
