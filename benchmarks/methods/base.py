"""What a method of a study is: a way to run a park through a stretch of days, executed on what really came.

A file in this package with a ``METHOD`` is one; dropping it here is enough.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dispatch.replay import Case, Journal
    from dispatch.replay.methods import Ran


@dataclass(frozen=True)
class Options:
    """What a study's file says of its methods.

    Attributes:
        cvar_weight, cvar_level: of the method ``cvar`` alone.
        exact_gap: relative gap to which ``exact`` is proved.
    """

    cvar_weight: float = 0.5
    cvar_level: float = 0.9
    exact_gap: float = 1e-6


@dataclass(frozen=True)
class Method:
    """A method by name.

    Attributes:
        name: as a study's file writes it; the file's name.
        title: as tables show it.
        about: one sentence for the page.
        run: from the first day of the case to the last; the journal keeps what is done.
        forecasts: it plans on forecasts, which are made before it runs.
        random: its plans depend on the seed; one that does not runs once, whatever the seeds.
        plans: it makes any.
        revises: it publishes a plan and may change it later.
    """

    name: str
    title: str
    about: str
    run: Callable[[Case, Journal, Options], Ran]
    forecasts: bool = True
    random: bool = False
    plans: bool = True
    revises: bool = False
