"""All pieces of a fleet in their workers, asked as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import numpy as np

from dispatch.errors import SolveError
from dispatch.executor import Failure, Workplace
from dispatch.fleet.coordination.portions import Answer, Kept, Portion, Recovered
from dispatch.fleet.coordination.rounds import Replies
from dispatch.fleet.coupling import Coupling
from dispatch.signals import Array


class Workers:
    """Asks every piece, in their order; a context manager that ends the workers.

    Args:
        portions: the pieces.
        place: where they are worked on.
        kept: what a worker keeps of a piece.
    """

    def __init__(self, portions: Sequence[Portion], place: Workplace, kept: Callable[[Portion], Kept] = Kept) -> None:
        self.portions = portions
        self._held = place.held(kept, portions)
        self.cpu_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._held.close()

    @property
    def groups(self) -> int:
        """G over all pieces."""
        return sum(portion.groups for portion in self.portions)

    def everyone(self, price: Array) -> Replies:
        """All sites' answers."""
        return self.replies("price", price)

    def sample(self, price: Array) -> Replies:
        """The sample's answers, each site a group."""
        return self.replies("probe", price)

    def spread(self, price: Array, width: Array, turn: int) -> Replies:
        """All sites' answers, each group's to a price of its own within ``width`` of the one given."""
        return self.replies("spread", (price, width, turn))

    def recover(self, shares: Array) -> list[Recovered]:
        """Plans by piece, from the shares (G, turns) of the groups' answers."""
        ends = np.cumsum([portion.groups for portion in self.portions])[:-1]
        made: list[Recovered] = self.call("recover", np.split(shares, ends), changes=False)
        return made

    def call(self, method: str, arguments: Sequence[Any], *, changes: bool = True) -> list[Any]:
        """Every piece's answer.

        Raises:
            SolveError: a piece has none; the message says why.
        """
        answers = self._held.call(method, arguments, changes=changes)
        for answer in answers:
            if isinstance(answer, Failure):
                raise SolveError(f"coordination: {answer.text}")
        return [answer.value for answer in answers if not isinstance(answer, Failure)]

    def replies(self, method: str, argument: Any) -> Replies:
        """What all pieces answer to the same question."""
        answers: list[Answer] = self.call(method, [argument] * len(self.portions))
        self.cpu_s += sum(answer.seconds for answer in answers)
        return Replies(*(np.concatenate([getattr(a, name) for a in answers]) for name in ("cost", "effect", "bound")))


def sampled(coupling: Coupling, all_use: Array, sample_use: Array, factor: float) -> Coupling:
    """The shared rows as a sample sees them that stands for the fleet: each site counts ``factor`` times.

    What all use at the first prices and the sample does not is taken off the sides, so that the sample has to foretell
    only how use changes with prices.
    """
    off = all_use - factor * sample_use
    return replace(coupling, lower=coupling.lower - off, upper=coupling.upper - off)
