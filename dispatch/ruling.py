"""What a cascade of rules hands from kind to kind: see :mod:`dispatch.rules`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dispatch.signals import Array


class Ruling:
    """The state of a cascade of rules: what is left over at each bus after the kinds before this one.

    Attributes:
        residual_kw: (scenario · buses, step) generation less consumption so far.
        sheds: what lacks from now on is shed by loads; before that, plant makes up for what other plant cannot give.
        spent: by kind, (row, step) how often plant drew less because its input lacked: it does not ask for it for ever.
        guards: by class, (row, step) what it gives at the most until others have been asked; empty: they have been.
    """

    def __init__(
        self,
        residual_kw: Array,
        *,
        sheds: bool = True,
        spent: dict[type, np.ndarray] | None = None,
        guards: Mapping[type, Array] | None = None,
    ) -> None:
        self.residual_kw, self.sheds = residual_kw, sheds
        self.spent, self.guards = {} if spent is None else spent, guards or {}

    def left(self, residual_kw: Array) -> Ruling:
        """The same cascade with something else left over."""
        return Ruling(residual_kw, sheds=self.sheds, spent=self.spent, guards=self.guards)

    def share(self, bus: np.ndarray, weight: Array) -> Array:
        """(row, step) each row's share of its bus's residual, split by ``weight`` among the rows on one bus."""
        total = np.zeros((self.residual_kw.shape[0], weight.shape[1]))
        np.add.at(total, bus, weight)
        part = np.divide(weight, total[bus], out=np.zeros_like(weight), where=total[bus] > 0)
        return np.asarray(self.residual_kw[bus] * part)

    def apportioned(self, bus: np.ndarray, given: Array, possible: Array) -> Array:
        """As :meth:`share`: a surplus by what each row gives, a lack by what it could; who is off has none to lose."""
        surplus, lack = self.share(bus, given), self.share(bus, possible)
        return np.where(self.residual_kw[bus] > 0, surplus, lack)
