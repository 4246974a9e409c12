"""What a step does to a store: which share of what comes enters, and which share of what is held leaves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dispatch.carbon.units import Stock
from dispatch.signals import Array

_EMPTY_SHARE = 1e-9


@dataclass(frozen=True, eq=False)
class Moved:
    """Shares (T,) of one store.

    Attributes:
        past, into: of what arrives: what goes past the content, what enters it; the rest is lost.
        out, stays: of what the content puts in: what is handed on, what stays; the rest is lost.
        kept: of the content, what is put in.
    """

    past: Array
    into: Array
    out: Array
    stays: Array
    kept: Array
    charged_kwh: float
    queue: bool
    reach: Array
    entered: Array


def mixed(stock: Stock, taken: Array, given: Array) -> Moved:
    """A store whose content is one mix."""
    before, after = stock.energy_kwh[:-1], stock.energy_kwh[1:]
    change, tank = after - stock.retention * before, stock.rule == "tank"
    stored, drawn = np.maximum(change, 0.0), np.where(given > 0, np.maximum(-change, 0.0), 0.0)
    past = np.where(given > 0, stock.passing, 0.0)
    enters, kept, arrives = np.ones(taken.size), np.ones(taken.size), np.ones(taken.size)
    if tank:
        enters = np.minimum(np.divide(stored, taken, out=np.ones_like(taken), where=taken > 0), 1.0)
        kept = np.clip(np.divide(after + drawn - stored, before, out=np.zeros_like(before), where=before > 0), 0, 1)
        arrives = np.minimum(np.divide(given, drawn, out=np.ones_like(given), where=drawn > 0), 1.0)
    there = (kept if tank else 1.0) * before + stored
    out = np.minimum(np.divide(drawn, there, out=np.zeros_like(there), where=there > 0), 1.0)
    emptied = (drawn > 0) & (after <= _EMPTY_SHARE * stock.energy_kwh.max())
    out = np.where(emptied, 1.0, out)
    edges = np.zeros(taken.size + 1)
    into = (1 - past) * enters
    return Moved(past, into, out * arrives, 1 - out, kept, float(stored.sum()), False, edges, edges)


def queued(stock: Stock, taken: Array, given: Array, borne: bool) -> Moved:
    """A store out of which comes first what went in first; what comes out and is not given is lost."""
    drawn = np.maximum(taken - np.diff(stock.energy_kwh), 0.0)
    entered = stock.energy_kwh[0] + np.append(0.0, np.cumsum(taken))
    reach = np.append(0.0, np.cumsum(drawn))
    # Of a step longer than the way through, some comes out in the step in which it went in.
    at_once = np.clip(reach[1:] - np.maximum(entered[:-1], reach[:-1]), 0.0, taken)
    past = np.divide(at_once, taken, out=np.zeros_like(taken), where=taken > 0)
    arrives = np.minimum(np.divide(given, drawn, out=np.zeros_like(given), where=drawn > 0), 1.0)
    if borne:
        arrives = np.where(given > 0, 1.0, 0.0)
    through = np.append(0.0, np.cumsum(at_once))
    # By rounding alone more would have left by the end of a step than was there at its start.
    left = np.append(0.0, np.minimum((reach - through)[1:], (entered - through)[:-1]))
    return Moved(
        past * arrives, 1 - past, arrives, np.zeros(taken.size), np.ones(taken.size), float((taken - at_once).sum()),
        True, left, entered - through,
    )  # fmt: skip
