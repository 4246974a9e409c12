"""A published plan changes only when that saves more than a threshold; and what counts as a change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dispatch.replay.plant import Decisions
from dispatch.replay.windows import PUBLISHED, Planned, Planner
from dispatch.site import Site
from dispatch.stores.stock import Storage

_SHARE_OF_RATING = 0.01


@dataclass(frozen=True)
class Threshold:
    """A new plan must save more than this, in money, and more than this share of what it costs."""

    money: float = 0.0
    share: float = 0.0

    @property
    def holds(self) -> bool:
        """Is there any?"""
        return self.money > 0 or self.share > 0

    def keeps(self, old: float, new: float) -> bool:
        """Is the saving too small to change the plan?"""
        return old - new <= max(self.money, self.share * abs(new))


def choose(planner: Planner, fresh: Planned, published: Decisions | None, threshold: Threshold) -> tuple[Planned, bool]:
    """The fresh plan, or the published one continued, and whether it was kept.

    What the old plan costs under the new information is found by solving with its decisions tied, free where it does
    not reach; so both are costs of one problem, and the difference is what changing the plan saves.
    """
    if published is None or not threshold.holds or not np.isfinite(fresh.objective):
        return fresh, False
    old = planner.pinned(published)
    if old is None or not threshold.keeps(old.objective, fresh.objective):
        return fresh, False
    return old, True


def changed(site: Site, published: Decisions, taken: Decisions) -> bool:
    """Does a unit start or stop elsewhere, or a store's power move by more than a hundredth of its rating?

    Looked at over the steps that both plans hold.
    """
    ratings = {a.kind: a for a in site.assets}
    for kind in published:
        for name in (n for n in PUBLISHED if n in published[kind] and n in taken.get(kind, {})):
            old, new = published[kind][name], taken[kind][name]
            steps = min(old.shape[1], new.shape[1])
            apart = np.abs(new[:, :steps] - old[:, :steps])
            if isinstance(ratings[kind], Storage):
                members = [a for a in site.assets if a.kind == kind]
                allowed = _SHARE_OF_RATING * np.array([[getattr(a, name)] for a in members])
            else:
                allowed = np.full((apart.shape[0], 1), 0.5)
            if (apart > allowed).any():
                return True
    return False
