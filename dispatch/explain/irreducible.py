"""The smallest set of limits that cannot all hold: a deletion filter over groups, then over single steps.

A set is irreducible when it cannot be met and would be without any one of its members (Chinneck 2008, "Feasibility and
Infeasibility in Optimization", ch. 6). Tried in halves, so a few limits among thousands take tens of solves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np


def filtered(groups: Sequence[np.ndarray], contradicts: Callable[[np.ndarray], bool]) -> list[np.ndarray]:
    """Groups of rows of which none can be left out.

    Args:
        groups: rows that are kept or left out together; all of them contradict each other.
        contradicts: do these rows still.
    """
    kept: list[np.ndarray] = []
    waiting = [list(groups)]
    while waiting:
        chunk = waiting.pop()
        rest = [g for other in waiting for g in other] + kept
        if contradicts(_joined(rest)):
            continue
        if len(chunk) == 1:
            kept += chunk
        else:
            half = len(chunk) // 2
            waiting += [chunk[half:], chunk[:half]]
    return kept


def _joined(groups: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate(groups) if groups else np.zeros(0, int)
