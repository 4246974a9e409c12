"""Bodies of sites."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field

from dispatch.service.schemas.shared import Answer, Body, Moment

SITE_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}$"
SiteName = Annotated[str, Field(pattern=SITE_NAME, examples=["yizhuang"])]
Park = Annotated[
    dict[str, Any],
    Field(
        description="A park's file as JSON (`parkwatt schema` describes it), with `labels` beside it. Entries of the "
        "shipped libraries may be named; files, folders and addresses may not.",
        examples=[
            {
                "name": "works",
                "time_zone": "Europe/Berlin",
                "currency": "EUR",
                "latitude_deg": 52.5,
                "longitude_deg": 13.4,
                "buses": [{"name": "mv"}],
                "assets": [
                    {"kind": "load", "name": "offices", "bus": "mv"},
                    {"kind": "pv", "name": "roof", "bus": "mv", "peak_kw": 800, "tilt_deg": 15, "azimuth_deg": 180},
                    {
                        "kind": "grid_connection",
                        "name": "pcc",
                        "bus": "mv",
                        "import_kw": 2000,
                        "export_kw": 2000,
                        "tariff": "block_tariff_example",
                    },
                ],
                "labels": {"region": "north"},
            }
        ],
    ),
]
OnReject = Annotated[
    Literal["refuse", "skip"],
    Field(description="Where something is wrong: `refuse` takes nothing, `skip` takes the rest and names what is not"),
]


class Read(Answer):
    """What is read from a row."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    @classmethod
    def of(cls, row: object) -> Self:
        """The fields that are shown."""
        return cls.model_validate(row)


class SiteShown(Read):
    """A site without its park."""

    site: SiteName
    version: Annotated[int, Field(ge=1, description="Counts from 1; every version is kept")]
    etag: Annotated[str, Field(description="Hash of the content; what If-Match is sent with, in quotes")]
    name: Annotated[str, Field(description="The park's own name")]
    title: str
    labels: dict[str, str]
    created: Moment
    updated: Moment


class SiteWhole(SiteShown):
    """A site with its park, as it was put."""

    body: Park


class VersionShown(Read):
    """A version of a site."""

    version: Annotated[int, Field(ge=1)]
    etag: Annotated[str, Field(description="Empty where the site was deleted")]
    at: Moment
    actor: Annotated[str, Field(description="Who put it")]
    deleted: Annotated[bool, Field(description="Whether the site was deleted here")]


class ProblemShown(Answer):
    """One thing wrong with a park."""

    pointer: Annotated[str, Field(description="JSON pointer into the park")]
    message: str
    accepted: Annotated[str, Field(description="What would be taken; empty where the message says it")]


class Validated(Answer):
    """What validating a park found."""

    valid: bool
    etag: Annotated[str | None, Field(description="The tag that a site with this content has; null where it is wrong")]
    problems: list[ProblemShown]


class NamedPark(Body):
    """A park and what its site is called."""

    site: SiteName
    body: Park


class Batch(Body):
    """Sites to be put in one go."""

    sites: Annotated[list[NamedPark], Field(min_length=1, max_length=2000)]
    on_reject: OnReject = "refuse"


class BatchResult(Answer):
    """What became of one site of a batch."""

    site: str
    outcome: Literal["created", "updated", "same", "rejected"]
    version: int | None
    etag: str | None
    problems: list[ProblemShown]


class BatchDone(Answer):
    """What became of a batch; the results stand in the order of its sites."""

    created: Annotated[int, Field(ge=0)]
    updated: Annotated[int, Field(ge=0)]
    same: Annotated[int, Field(ge=0, description="Had this content already")]
    rejected: Annotated[int, Field(ge=0)]
    results: list[BatchResult]


class AssetShown(Answer):
    """An asset of a site."""

    name: str
    kind: str
    buses: Annotated[dict[str, str], Field(description="By field: the bus it stands on")]
    forecast: Annotated[list[str], Field(description="What must be forecast of it before a plan")]
    series: Annotated[
        list[str],
        Field(
            description="What measurements of it may be called, units and all. Forecasts learn from the asset's own "
            "name, and without rows of it from another name of its power (not of energy); plans start from what a "
            "store holds; "
            "accounts and settlements read all"
        ),
    ]


class AssetsShown(Answer):
    """The assets of a site."""

    site: str
    version: int
    assets: list[AssetShown]
    series: Annotated[list[str], Field(description="What other measurements of the site may be called")]


class HeldShown(Read):
    """A series that is held of a site."""

    series: str
    source: str
    first: Annotated[Moment, Field(description="End of the earliest interval")]
    last: Annotated[Moment, Field(description="End of the latest interval")]
    times: Annotated[int, Field(ge=0, description="How many intervals have a value")]
    received: Annotated[Moment, Field(description="When something last came")]


class HeldList(Answer):
    """What is held of a site."""

    site: str
    series: list[HeldShown]
