r"""Stores followed step by step where the carbon they take in depends on what the others give.

What store s takes in has the intensity :math:`w_s = b_s + Σ_r H_{rs} d_r`: b from sources, H the response to the
intensities d at which the R stores deliver. d follows from what a store holds at the beginning of the step, so that a
step is a few operations on R numbers. Only a store that gives more in a step than it held at its beginning, because it
is charged in the same step, gives the mixture of both: there d solves a system of the size of those stores. The
equations are those of :mod:`dispatch.carbon.stores`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dispatch.carbon.named import numbers
from dispatch.errors import AlignmentError, DataError
from dispatch.signals import Array

EMPTY_KWH = 1e-9


@dataclass(frozen=True, eq=False)
class Bank:
    """R stores over T steps.

    Attributes:
        charge_kw, discharge_kw: (R, T) at the bus, not negative.
        hours: (T,) length of the steps.
        gain, loss: (R,) efficiencies of charging and discharging.
        retention: (R, T) share of the content that a step of standing still leaves.
        tank: (R,) whether the carbon of losses is the owner's (else it is carried on to what is delivered).
    """

    charge_kw: Array
    discharge_kw: Array
    hours: Array
    gain: Array
    loss: Array
    retention: Array
    tank: np.ndarray

    @classmethod
    def of(
        cls,
        charge_kw: ArrayLike,
        discharge_kw: ArrayLike,
        hours: ArrayLike,
        efficiencies: tuple[ArrayLike, ArrayLike],
        retention: ArrayLike,
        rule: ArrayLike,
    ) -> Bank:
        """From (T,) or (R, T) powers, and one value for all stores or one each.

        Raises:
            AlignmentError: shapes do not fit.
            DataError: a negative or missing power, or a rule that is not known.
        """
        into, out = (np.atleast_2d(numbers(power, "stores' powers")) for power in (charge_kw, discharge_kw))
        if into.shape != out.shape or into.ndim != 2:
            raise AlignmentError(f"charge is {into.shape} and discharge {out.shape}; give (T,) or (R, T) of both")
        step_h = step_lengths(hours, into.shape[1])
        if not ((into >= 0) & (out >= 0) & (into < np.inf) & (out < np.inf)).all():
            raise DataError("stores: charge and discharge are powers of 0 or more")
        rules = column(rule, len(into), "rule")
        if not np.isin(rules, ("tank", "carry")).all():
            wrong = rules[~np.isin(rules, ("tank", "carry"))][0]
            raise DataError(f"stores: rule '{wrong}' is not known; accepted: 'tank' or 'carry'")
        gain, loss = (column(numbers(value, "efficiencies"), len(into), "efficiencies") for value in efficiencies)
        kept = by_step(retention, into.shape, "retention")
        for name, share in (("charge_efficiency", gain), ("discharge_efficiency", loss), ("retention", kept)):
            fits = ((share > 0) | ((share == 0) & (name == "retention"))) & (share <= 1)
            if not fits.all():
                raise DataError(f"stores: {name} is {share[~fits][0]:g}; accepted: a share of what it moves or holds")
        return cls(into, out, step_h, gain, loss, kept, rules == "tank")

    @property
    def stored_kwh(self) -> Array:
        """(R, T) into the content."""
        return np.asarray(self.charge_kw * self.hours * self.gain[:, None])

    @property
    def drawn_kwh(self) -> Array:
        """(R, T) out of the content."""
        return np.asarray(self.discharge_kw * self.hours / self.loss[:, None])

    def content_kwh(self, start_kwh: ArrayLike) -> Array:
        """(R, T + 1) energy held at the edges of the steps.

        Raises:
            DataError: more is drawn than is there.
        """
        moved, steps = self.stored_kwh - self.drawn_kwh, self.charge_kw.shape[1]
        out = np.empty((len(moved), steps + 1))
        out[:, 0] = column(numbers(start_kwh, "start_kwh"), len(moved), "start_kwh")
        if not ((out[:, 0] >= -EMPTY_KWH) & np.isfinite(out[:, 0])).all():
            raise DataError(f"stores: start_kwh is {out[:, 0].tolist()}; accepted: 0 or more")
        for t in range(steps):
            out[:, t + 1] = self.retention[:, t] * out[:, t] + moved[:, t]
        below = out < -1e-6 * np.maximum(1.0, out.max(axis=1, keepdims=True))
        if below.any():
            store, edge = np.argwhere(below)[0]
            raise DataError(f"store {store}: more is drawn than it holds by the end of step {edge - 1}")
        return out


class Walk:
    """Carbon in the stores of a bank, followed from step to step.

    Args:
        bank: the stores.
        start_kwh, start_kg: (R,) or one number, held at the beginning.

    Attributes:
        energy_kwh, carbon_kg: (R, T + 1) at the edges; carbon is known as far as the walk has come.
        delivered: (R, T) intensity of what leaves, or would leave; NaN of an empty store.
        lost_kg: (R, T) carbon of losses that the owner bears.

    Raises:
        DataError: more is drawn than is there.
    """

    def __init__(self, bank: Bank, start_kwh: ArrayLike, start_kg: ArrayLike) -> None:
        self.bank = bank
        rows, steps = bank.charge_kw.shape
        self.energy_kwh = bank.content_kwh(start_kwh)
        self.carbon_kg = np.zeros((rows, steps + 1))
        self.carbon_kg[:, 0] = column(numbers(start_kg, "start_kg"), rows, "start_kg")
        if not np.isfinite(self.carbon_kg[:, 0]).all():
            raise DataError(f"stores: start_kg is {self.carbon_kg[:, 0].tolist()}; accepted: numbers")
        self.delivered, self.lost_kg = np.full((rows, steps), np.nan), np.zeros((rows, steps))
        self.charged = np.full((rows, steps), np.nan)
        self._bus = bank.charge_kw * bank.hours
        self._drawn = bank.drawn_kwh
        self._keeps = np.where(bank.tank[:, None], bank.retention, 1.0)
        # What of the carbon at the bus enters the content, and how a content's intensity shows at the bus.
        self._enters = np.where(bank.tank, bank.gain, 1.0)
        self._shows = np.where(bank.tank, 1.0, 1.0 / bank.loss)
        left = bank.retention * self.energy_kwh[:, :-1]
        self._empty: np.ndarray = np.asarray(self.energy_kwh[:, :-1] <= EMPTY_KWH)
        self._mixes: np.ndarray = np.asarray((self._empty | (self._drawn > left)) & (self._bus > 0))
        self._unusual = (self._empty | self._mixes).any(axis=0)
        self._lasting = np.maximum(self.energy_kwh[:, :-1], EMPTY_KWH)
        self._mixture = np.where(self._mixes, np.maximum(left, 0.0) + bank.stored_kwh, 1.0)

    def go(self, steps: range | np.ndarray, base: Array, response: Array | None = None) -> Array:
        """(R, t) what the stores deliver in some steps, the next ones.

        Args:
            base: (R, t) b, intensity at each store's bus from the sources alone.
            response: (R, R, t) H, [r, s] at the bus of s for a unit of r's intensity; None: they do not meet.

        Raises:
            DataError: a store is charged where nothing has an intensity.
        """
        for place, t in enumerate(steps):
            self._step(int(t), base[:, place], None if response is None else response[:, :, place])
        return self.delivered[:, np.asarray(steps)]

    def _step(self, t: int, base: Array, response: Array | None) -> None:
        into, held = self._bus[:, t], self.carbon_kg[:, t]
        gives = held / self._lasting[:, t] * self._shows
        mixes = self._mixes[:, t]
        start, slope = np.zeros_like(gives), np.zeros_like(gives)
        if self._unusual[t]:
            gives = np.where(self._empty[:, t] | mixes, 0.0, gives)
            share = self._shows / self._mixture[:, t]
            start, slope = share * self._keeps[:, t] * held, share * self._enters * into
            if response is not None and (through := mixes & (self._drawn[:, t] > 0)).any():
                gives = _through(gives, start, slope, base, response, through)
        w = base if response is None else base + gives @ response
        if (unknown := (into > 0) & ~np.isfinite(w)).any():
            raise DataError(
                f"store {int(np.argmax(unknown))} is charged in step {t}, but what it is charged with is not known; "
                "accepted: flows with a solution, and sources, wherever a store is charged"
            )
        taken_in = np.where(into > 0, w, 0.0) * into
        if self._unusual[t]:
            gives = np.where(mixes, start + slope * np.where(into > 0, w, 0.0), gives)
        out = gives / self._shows * self._drawn[:, t]
        added, left = taken_in * self._enters, self._keeps[:, t] * held
        self.carbon_kg[:, t + 1] = left + added - out
        # A tank's owner bears what is lost on the way in, standing and on the way out.
        self.lost_kg[:, t] = taken_in - added + held - left + np.where(self.bank.tank, out * (1 - self.bank.loss), 0.0)
        self.charged[:, t] = w
        self.delivered[:, t] = np.where(self._empty[:, t] & ~mixes, np.nan, gives)


def _through(gives: Array, start: Array, slope: Array, base: Array, response: Array, through: np.ndarray) -> Array:
    """Intensities where some stores give a mixture with what they take in the step: d = a + f (b + H d)."""
    known = np.where(through, 0.0, gives)
    f = slope[through]
    right = start[through] + f * (base + known @ response)[through]
    among = np.eye(f.size) - f[:, None] * response[np.ix_(through, through)].T
    try:
        known[through] = np.linalg.solve(among, right)
    except np.linalg.LinAlgError:
        raise DataError(
            "empty stores charge each other in a step in which no source reaches them; give every source of power"
        ) from None
    return known


def column(values: ArrayLike, rows: int, name: str) -> Any:
    """(rows,) from one value or one each.

    Raises:
        AlignmentError: another number of them.
    """
    given = np.asarray(values)
    if given.shape not in ((), (1,), (rows,)):
        raise AlignmentError(f"stores: {name} is {given.shape} for {rows} stores; give one for all, or one each")
    return np.broadcast_to(given, (rows,))


def by_step(values: ArrayLike, shape: tuple[int, ...], name: str) -> Array:
    """(R, T) from one number, (R, T), one per store or one per step; as many stores as steps are not guessed apart.

    Raises:
        AlignmentError: another number of them, or R = T numbers.
    """
    given = numbers(values, f"stores: {name}")
    rows, steps = shape
    if given.shape == (rows,) and rows != steps and rows > 1:
        given = given[:, None]
    elif given.shape not in ((), (1,), (steps,), (rows, 1), shape) or (given.ndim == 1 and rows == steps > 1):
        raise AlignmentError(f"stores: {name} is {given.shape} for powers of {shape}; give one number, or {shape}")
    return np.broadcast_to(given, shape)


def step_lengths(hours: ArrayLike, steps: int) -> Array:
    """(T,) from one number or one each.

    Raises:
        AlignmentError: another number of them.
        DataError: a step of no length.
    """
    given = numbers(hours, "hours")
    if given.shape not in ((), (1,), (steps,)):
        raise AlignmentError(f"hours is {given.shape} for {steps} steps; give one number, or one per step")
    if not ((given > 0) & (given < np.inf)).all():
        raise DataError("hours: accepted are lengths above 0")
    return np.broadcast_to(given, (steps,))
