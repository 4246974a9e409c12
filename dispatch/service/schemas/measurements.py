"""Bodies of measurements."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dispatch.service.schemas.shared import Answer, Body, Moment
from dispatch.service.schemas.sites import SiteName

VerdictName = Literal["accepted", "late", "restated", "duplicate", "rejected"]


class Measurement(Body):
    """One value of one series, for an interval."""

    site: SiteName
    series: Annotated[
        str,
        Field(
            min_length=1,
            max_length=200,
            description="An asset's name (its mean power in kW), a name that `GET /sites/{site}/assets` lists, or "
            "`net_import_kw` of the whole site",
            examples=["roof"],
        ),
    ]
    time: Annotated[Moment, Field(description="END of the interval that the value is the mean of")]
    value: Annotated[float | None, Field(description="null: known to be missing, which is not zero")]
    source: Annotated[
        str,
        Field(pattern=r"^[A-Za-z0-9_.\-]{0,100}$", description="Who measured it; series of several are kept apart"),
    ] = ""


class Measurements(Body):
    """Values to be taken."""

    rows: Annotated[list[Measurement], Field(description="In any order, of any number of sites")]


class Rejected(Answer):
    """A row that was not taken."""

    index: Annotated[int, Field(ge=0, description="Place in the request, from 0")]
    field: Annotated[str, Field(description="Of the row")]
    message: str
    accepted: Annotated[str, Field(description="What would be taken; empty where the message says it")]


class Run(Answer):
    """Rows one after the other that had the same verdict."""

    index: Annotated[int, Field(ge=0, description="Place of the first in the request, from 0")]
    count: Annotated[int, Field(ge=1)]
    verdict: VerdictName


class ReceiptShown(Answer):
    """What became of measurements. When it arrives, what was taken is on disk."""

    received: Annotated[Moment, Field(description="The moment under which they are kept: what `as_of` is held against")]
    taken: Annotated[int, Field(ge=0, description="accepted, late and restated")]
    accepted: Annotated[int, Field(ge=0)]
    late: Annotated[int, Field(ge=0, description="Taken, for a time before the last that was held")]
    restated: Annotated[int, Field(ge=0, description="Taken, in place of another value, which is kept beside it")]
    duplicate: Annotated[int, Field(ge=0, description="Held already")]
    rejected: Annotated[int, Field(ge=0)]
    verdicts: Annotated[list[Run], Field(description="Of each row, as runs of equal ones")]
    rejections: Annotated[list[Rejected], Field(description="The first ten thousand rows that were not taken")]
    rejections_left_out: Annotated[int, Field(ge=0, description="How many more there are; `verdicts` has their places")]


class Values(Answer):
    """A table of values as JSON."""

    rows: list[Value]


class Value(Answer):
    """One value that is held; of a resampled series how many values its mean is of."""

    series: str
    source: str
    time: Annotated[Moment, Field(description="END of the interval")]
    value: Annotated[float | None, Field(description="null: nobody knows")]
    received: Annotated[Moment | None, Field(description="When it came; not of means")] = None
    count: Annotated[int | None, Field(ge=0, description="How many values a mean is of")] = None
