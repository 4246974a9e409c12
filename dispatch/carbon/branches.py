"""Branches of a network as ways for carbon: who sends, who gets, and what is lost or borne on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dispatch.carbon.tracing import Flows
from dispatch.signals import Array

# Below this share of the greatest flow of all steps a power is what a power flow leaves undecided.
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Way:
    """One direction of all M branches; zero where power goes the other way.

    Attributes:
        sender, taker: (M,) nodes.
        sent, given, lost: (M, T) power into the branch, the part that carries carbon on, and the part that keeps it.
    """

    sender: np.ndarray
    taker: np.ndarray
    sent: Array
    given: Array
    lost: Array


def ways(flows: Flows, taken_kw: Array, borne: bool) -> list[Way]:
    """Both directions.

    Args:
        taken_kw: (n, T) what sinks take at the nodes.
        borne: carbon of losses goes on with the rest; what a branch takes up without giving any to somebody is borne
            where it is taken.
    """
    least = _ROUNDING * max(np.abs(flows.start_in).max(initial=0.0), np.abs(flows.end_in).max(initial=0.0))
    found = []
    for sender, taker, into, out in (
        (flows.start, flows.end, flows.start_in, flows.end_in),
        (flows.end, flows.start, flows.end_in, flows.start_in),
    ):
        sent = np.where(into > least, into, 0.0)
        given = np.minimum(np.where(-out > least, -out, 0.0), sent)
        found.append(Way(sender, taker, sent, given, sent - given))
    return _borne(found, taken_kw) if borne else found


def _borne(found: list[Way], taken_kw: Array) -> list[Way]:
    """All carbon goes on, but not to where nothing is taken: dead ends are cut off, one after the other."""
    nothing = np.zeros_like(found[0].lost)
    while True:
        found = [replace(w, sent=np.where(w.given > 0, w.sent, 0.0), lost=nothing) for w in found]
        dead = sent_kw(found, taken_kw) <= 0
        if not any((dead[w.taker] & (w.given > 0)).any() for w in found):
            return [replace(w, given=w.sent) for w in found]
        found = [replace(w, given=np.where(dead[w.taker], 0.0, w.given)) for w in found]


def sent_kw(found: Sequence[Way], taken_kw: Array) -> Array:
    """(n, T) all power that leaves the nodes: what sinks take and branches are sent."""
    out = taken_kw.copy()
    for way in found:
        np.add.at(out, way.sender, way.sent)
    return out
