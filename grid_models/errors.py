"""What can go wrong with a network, said in the user's words."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

_SHOWN = 12


class GridError(ValueError):
    """A network or its injections cannot be used: the message names place, value and what is accepted."""


def unknown_name(what: str, name: str, valid: Sequence[str]) -> GridError:
    """The error for a name that is not in ``valid``: lists valid names, the closest first, at most twelve."""
    close = difflib.get_close_matches(name, valid, n=5, cutoff=0.3)
    listed = [*close, *(v for v in valid if v not in close)]
    more = f", and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return GridError(f"unknown {what} {name!r}; valid names are: {', '.join(listed[:_SHOWN])}{more}")


def name_some(names: Sequence[str], shown: int = 5) -> str:
    """``names`` as one phrase, cut after ``shown``."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(repr(n) for n in names[:shown]) + more
