"""What a solver that breaks is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dispatch.solver.highs import Answer, Matrices


@dataclass(frozen=True)
class Asked:
    """One call of the solver.

    Attributes:
        healthy: what it would have answered.
        improved: takes points on the way; None where nobody listens.
    """

    matrices: Matrices
    seconds: float
    healthy: Callable[[], Answer]
    improved: Callable[[Any], None] | None
    random: np.random.Generator
