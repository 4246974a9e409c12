"""The founding document's claims, and which metric stands beside each on which park; the list is ``claims.yaml``."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml
from pydantic import Field

from dispatch.fields.frozen import Frozen

SOURCE = "the founding document's table of systems"


class Claim(Frozen):
    """A claim of the document.

    Attributes:
        system, english: its Chinese name, and what it is.
        claimed: the figure as the document has it.
        value: the same as a number in the metric's unit; None where nothing here is of its kind.
        metrics: keys of ``METRICS``, the nearest first.
        parks: to which it is put; empty: all.
        apart: why what is measured here is not what is claimed.
    """

    system: str
    english: str
    claimed: str
    value: float | None = None
    metrics: tuple[str, ...] = ()
    parks: tuple[str, ...] = ()
    apart: str = Field(min_length=1)


class Claims(Frozen):
    """All of them; those of forecasts and of ammonia are answered by figures that are no metric of a day."""

    claims: tuple[Claim, ...]
    forecast: Claim
    ammonia: Claim


@cache
def all_claims() -> Claims:
    """The list."""
    path = Path(__file__).with_name("claims.yaml")
    return Claims.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def claims_of(park: str) -> list[Claim]:
    """Those that are put to a park."""
    return [claim for claim in all_claims().claims if not claim.parks or park in claim.parks]
