"""A case solved by us and by every peer that can, in one run: objectives first, and times only where they are equal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from benchmarks.cases import multi_carrier
from benchmarks.cases.shared import Shared, cases
from benchmarks.peers import interface
from benchmarks.peers.interface import Answer
from benchmarks.rows import CannotMeasure

OURS = "parkwatt"
REPEATS, LONG_S = 3, 5.0
ENDED_WELL = {"optimal", "ran", "converged"}


@dataclass(frozen=True)
class Told:
    """What a program said of a case: an answer, or why there is none."""

    name: str
    version: str
    answer: Answer | None
    why: str = ""
    absent: bool = False  # it, or what it would have to read, is not on this machine


@dataclass(frozen=True)
class Comparison:
    """All answers to a case by module's name, ours first."""

    case: Shared
    told: Mapping[str, Told]

    def answer(self, peer: str) -> Answer:
        """CannotMeasure where it is not installed, RuntimeError where it failed."""
        told = self.told[peer]
        if told.answer is None:
            raise CannotMeasure(told.why) if told.absent else RuntimeError(told.why)
        return told.answer

    def difference(self, peer: str) -> float:
        """Relative, of both objectives from ours: the larger one."""
        theirs, ours = self.answer(peer), self.answer(OURS)
        pairs = [(theirs.objective, ours.objective)]
        if theirs.again_objective is not None and ours.again_objective is not None:
            pairs.append((theirs.again_objective, ours.again_objective))
        return max(abs(one - other) / max(abs(other), 1e-9) for one, other in pairs)

    def are_equal(self, peer: str) -> bool:
        return self.case.equal is not None and self.difference(peer) <= self.case.equal

    def times_ours(self, peer: str, seconds: Callable[[Answer], float | None]) -> float:
        """Their seconds over ours, once the objectives are equal."""
        if self.case.equal is not None and not self.are_equal(peer):
            raise RuntimeError(f"objectives differ by {self.difference(peer):.2g}: times are not compared")
        theirs, ours = seconds(self.answer(peer)), seconds(self.answer(OURS))
        if theirs is None or ours is None:
            raise RuntimeError("this case has no such time")
        return theirs / ours


def able(case: Shared) -> list[str]:
    """Modules of the programs that can solve a case, ours first; those not installed in this environment too."""
    found = []
    for name in interface.names():
        try:
            if interface.find(name).can(case):
                found.append(name)
        except CannotMeasure:
            found.append(name)
    return found


@cache
def compared(name: str, report: Callable[[str], None] = lambda _: None) -> Comparison:
    """The case of that name by everybody; they take turns, and the best time of each counts."""
    case = next(each for each in cases() if each.name == name)
    peers = able(case)
    told = {peer: _told(peer, case, report) for peer in peers}
    for _ in range(REPEATS - 1):
        for peer, first in told.items():
            if first.answer is not None and _took(first.answer) < LONG_S:
                told[peer] = replace(first, answer=_better(first.answer, interface.find(peer).solve(case), case))
    return Comparison(case, told)


def _told(peer: str, case: Shared, report: Callable[[str], None]) -> Told:
    report(f"{case.name}: {peer}")
    title = peer
    try:
        module = interface.find(peer)
        title = module.name()
        version = module.version()
        if not getattr(module, "OWN_PROCESS", False):
            _warm(module, case)
        answer = module.solve(case)
        if answer.status not in ENDED_WELL:
            raise RuntimeError(f"ended {answer.status}")
        return Told(title, version, answer)
    except CannotMeasure as reason:
        return Told(title, "", None, str(reason), absent=True)
    except Exception as error:  # noqa: BLE001 - whatever a program of others raises, the others are still compared
        return Told(title, "", None, f"{type(error).__name__}: {error}")


def _warm(module: interface.Peer, case: Shared) -> None:
    """Imports and compilers are no part of the times; programs in processes of their own do this themselves."""
    module.solve(replace(case, data=case.small, again=None if case.again is None else case.small))


def _took(answer: Answer) -> float:
    return answer.cold_s + (answer.again_s or 0.0)


def _better(one: Answer, other: Answer, case: Shared) -> Answer:
    """The quicker of two runs; RuntimeError where a program does not find again what it found before."""
    apart = abs(one.objective - other.objective)
    if case.equal is not None and apart > case.equal * abs(one.objective):
        raise RuntimeError(f"found {one.objective:g}, and {other.objective:g} when it was run again")
    again = None if one.again_s is None or other.again_s is None else min(one.again_s, other.again_s)
    shorter = min(one, other, key=lambda answer: answer.cold_s)
    return replace(shorter, again_s=again)


def billed(case: Shared, answer: Answer) -> float:
    """A plan of one site at our bill: its powers at the meter under the tariff as parkwatt reads it."""
    from benchmarks.peers.parkwatt import described

    assert isinstance(case.data, multi_carrier.Case)
    site, inputs = described(case.data)
    tariff = next(asset.tariff for asset in site.assets if asset.kind == "grid_connection")  # type: ignore[attr-defined]
    powers = (np.asarray(answer.series[name]) for name in ("import_kw", "export_kw"))
    return float(sum(line.money for line in tariff.bill(inputs.horizon, *powers)))
