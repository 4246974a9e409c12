"""The bodies. Made by `make client`: what is changed here is lost."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, ConfigDict, Field, RootModel, StringConstraints

from dispatch.client.model import Model


class Accepted(Model):
    """What was accepted will be done; ask the job, or the thing itself."""

    id: Annotated[str, Field(description="Of what will be there")]
    href: Annotated[str, Field(description="Where it will be")]
    job: Annotated[str, Field(description="Of the job that makes it")]
    job_href: Annotated[str, Field(description="Where to ask how far it is")]
    state: Literal["queued", "running", "done", "failed", "cancelled"] = "queued"


class StepMinutes(RootModel[int]):
    root: Annotated[int, Field(description="The park's by default", ge=1, le=1440)]


class TolerancePercent(RootModel[float]):
    root: Annotated[float, Field(description="How far a bus may not add up; 1 by default", ge=0.0, le=100.0)]


class ToleranceKw(RootModel[float]):
    root: Annotated[float, Field(description="Likewise, as a power", ge=0.0, le=1000000000.0)]


class Schedule(RootModel[str]):
    root: Annotated[str, Field(description="Instead of a period: of this plan", pattern="^sch_[0-9a-hjkmnp-tv-z]{26}$")]


class AccountAsked(Model):
    """An account of a measured period, or of a plan."""

    model_config = ConfigDict(
        extra="forbid",
    )
    first: Annotated[date | None, Field(description="First local day of a measured period")] = None
    last: Annotated[date | None, Field(description="Its last local day; the first by default")] = None
    step_minutes: Annotated[StepMinutes | None, Field(description="The park's by default")] = None
    as_of: Annotated[AwareDatetime | None, Field(description="What had been received by then; by default all")] = None
    tolerance_percent: Annotated[
        TolerancePercent | None, Field(description="How far a bus may not add up; 1 by default")
    ] = None
    tolerance_kw: Annotated[ToleranceKw | None, Field(description="Likewise, as a power")] = None
    schedule: Annotated[Schedule | None, Field(description="Instead of a period: of this plan")] = None
    by: Annotated[Literal["step", "hour", "day", "month", "year", "all"], Field(description="Steps of the tables")] = (
        "hour"
    )


class AccountListed(Model):
    """An account in a list."""

    id: str
    site: str
    schedule: str | None
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    created_at: AwareDatetime
    start: AwareDatetime
    end: AwareDatetime
    href: str


class Alive(Model):
    """The server answers."""

    status: Literal["ok"] = "ok"


class AssetShown(Model):
    """An asset of a site."""

    name: str
    kind: str
    buses: Annotated[dict[str, str], Field(description="By field: the bus it stands on")]
    forecast: Annotated[list[str], Field(description="What must be forecast of it before a plan")]
    series: Annotated[
        list[str],
        Field(
            description="What measurements of it may be called, units and all. Forecasts learn from the asset's own name, and without rows of it from another name of its power (not of energy); plans start from what a store holds; accounts and settlements read all"
        ),
    ]


class AssetsShown(Model):
    """The assets of a site."""

    site: str
    version: int
    assets: list[AssetShown]
    series: Annotated[list[str], Field(description="What other measurements of the site may be called")]


class AuditShown(Model):
    """The independent check of a plan."""

    passed: bool
    numbers_checked: int
    violations: list[str]
    limits_passed_as_relaxed: list[str]


class EnergyPricePerKwh(RootModel[float]):
    root: Annotated[float, Field(ge=-1000000000000.0, le=1000000000000.0)]


class AwardPeriod(Model):
    """What the market took of a period."""

    model_config = ConfigDict(
        extra="forbid",
    )
    start: AwareDatetime
    quantity_kw: Annotated[float, Field(ge=0.0, le=1000000000000.0)]
    price: Annotated[float, Field(ge=-1000000000000.0, le=1000000000000.0)]
    energy_price_per_kwh: EnergyPricePerKwh | None = None


class Certificate(Model):
    """An inequality that holds for all that is possible with every wish kept, and that the award breaks."""

    text: str
    steps: list[AwareDatetime]
    asked_kwh: float
    limit_kwh: float


class Closing(Model):
    """When bids are closed: at a time of day for the whole delivery day, or so long before each of its periods.

    Attributes:
        at: the time of day, like 12:00.
        days_before: days before the delivery day.
        minutes_before: how long before a period begins.
    """

    at: str | None = None
    days_before: int = 0
    minutes_before: float | None = None


class Compared(Model):
    """What was planned of a series and what was measured of it, over the steps of which both are known."""

    series: Annotated[str, Field(description="An asset's name: what it needed or could give; or net_import_kw")]
    steps: int
    planned_kwh: float
    measured_kwh: float
    mean_absolute_error_kw: float


class Comparison(Model):
    """A plan against what came."""

    schedule: str
    site: str
    start: AwareDatetime
    end: AwareDatetime
    steps: int
    compared: list[Compared]
    not_measured: Annotated[list[str], Field(description="Of which nothing was measured in these steps")]


class DayAsked(Model):
    """Which day of the fleet, made when, on what."""

    model_config = ConfigDict(
        extra="forbid",
    )
    day: Annotated[date | None, Field(description="First local day; tomorrow by default")] = None
    issue_time: Annotated[
        AwareDatetime | None, Field(description="Nothing later than this is used; now by default")
    ] = None
    known_at: Annotated[
        Literal["receipt", "end"],
        Field(
            description="When a measurement counts as known: when it was received here, or (for histories imported later) a quarter of an hour after the end of its interval"
        ),
    ] = "receipt"


class DeliveryPeriod(Model):
    """A period of an award while it runs."""

    start: AwareDatetime
    end: AwareDatetime
    award_kw: float
    delivered_kw: Annotated[float | None, Field(description="Of the sites that are metered; null before any is")]
    short_kw: Annotated[float | None, Field(description="What lacks; null until all sites are metered")]
    sites_metered: int


class EntryShown(Model):
    """One entry. Its hash covers all other fields, the tenant and the hash before."""

    seq: Annotated[int, Field(description="Number within the tenant, without gaps", ge=1)]
    at: AwareDatetime
    actor: Annotated[str, Field(description="Id of the key, or what program did it")]
    action: Annotated[str, Field(examples=["key.create"])]
    subject: Annotated[str, Field(description="What it was done to")]
    details: dict[str, Any]
    previous_hash: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    hash: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class EnvelopeStep(Model):
    """What the fleet can do in a step: net draw, above zero from the grid."""

    start: AwareDatetime
    plan_kw: float
    least_kw: float
    most_kw: float
    least_kwh: Annotated[float, Field(description="Drawn since the first step, at its end")]
    most_kwh: float
    up_offered_kw: float
    down_offered_kw: float


class Failed(Model):
    """Why a job gave nothing, as RFC 9457 has it."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[dict[str, Any]] | None = None


class Failure(Model):
    """A site that has no part in a result, and why."""

    site: str
    reason: str


class Site(RootModel[str]):
    root: Annotated[str, Field(max_length=100, min_length=1, pattern="^[A-Za-z0-9][A-Za-z0-9_.\\-]{0,99}$")]


class Sites(RootModel[list[Site]]):
    root: Annotated[list[Site], Field(description="By name; instead of where", max_length=10000, min_length=1)]


class FleetForecast(Model):
    """What is forecast of a fleet's day."""

    id: str
    fleet: Annotated[str, Field(description="Whose")]
    state: Annotated[
        Literal["queued", "running", "done", "infeasible", "failed", "cancelled"],
        Field(description="Of its job until done; infeasible: the answer is that it cannot be"),
    ]
    job: Annotated[str, Field(description="Of the job that makes it")]
    created: AwareDatetime
    files: Annotated[dict[str, str] | None, Field(description="Where its tables and pages are, by name")] = None
    problem: Annotated[dict[str, Any] | None, Field(description="Why it failed")] = None
    day: Annotated[str | None, Field(description="First local day")] = None
    issued: Annotated[AwareDatetime | None, Field(description="When it was made: nothing later is used")] = None
    time_zone: str | None = None
    steps: int | None = None
    sites: Annotated[int | None, Field(description="How many the fleet has")] = None
    left_out: Annotated[
        list[Failure], Field(description="Sites of which too little is known", validate_default=True)
    ] = []


class Penalty(RootModel[float]):
    root: Annotated[float, Field(ge=0.0, le=1000000000000.0)]


class FleetPlan(Model):
    """What became of a fleet's sites."""

    id: str
    fleet: Annotated[str, Field(description="Whose")]
    state: Annotated[
        Literal["queued", "running", "done", "infeasible", "failed", "cancelled"],
        Field(description="Of its job until done; infeasible: the answer is that it cannot be"),
    ]
    job: Annotated[str, Field(description="Of the job that makes it")]
    created: AwareDatetime
    files: Annotated[dict[str, str] | None, Field(description="Where its tables and pages are, by name")] = None
    problem: Annotated[dict[str, Any] | None, Field(description="Why it failed")] = None
    day: Annotated[str | None, Field(description="First local day")] = None
    issued: Annotated[AwareDatetime | None, Field(description="When it was made: nothing later is used")] = None
    time_zone: str | None = None
    steps: int | None = None
    sites: Annotated[int | None, Field(description="How many the fleet has")] = None
    left_out: Annotated[
        list[Failure], Field(description="Sites of which too little is known", validate_default=True)
    ] = []
    coordinated: Annotated[bool | None, Field(description="Were they planned under what they share?")] = None
    qualities: Annotated[
        dict[str, int] | None, Field(description="How many sites stand on which rung of the ladder")
    ] = None
    money: Annotated[dict[str, float] | None, Field(description="By currency, over the horizon")] = None
    co2_kg: float | None = None
    penalty: Penalty | None = None
    gap: Annotated[float | None, Field(description="Of the whole, where sites share something")] = None
    notes: list[str] = []


class FleetShort(Model):
    """A fleet in a list."""

    id: str
    version: int
    etag: str
    title: str
    created: AwareDatetime
    updated: AwareDatetime


class Flexibility(Model):
    """What a fleet can do beside its plan."""

    id: str
    fleet: Annotated[str, Field(description="Whose")]
    state: Annotated[
        Literal["queued", "running", "done", "infeasible", "failed", "cancelled"],
        Field(description="Of its job until done; infeasible: the answer is that it cannot be"),
    ]
    job: Annotated[str, Field(description="Of the job that makes it")]
    created: AwareDatetime
    files: Annotated[dict[str, str] | None, Field(description="Where its tables and pages are, by name")] = None
    problem: Annotated[dict[str, Any] | None, Field(description="Why it failed")] = None
    day: Annotated[str | None, Field(description="First local day")] = None
    issued: Annotated[AwareDatetime | None, Field(description="When it was made: nothing later is used")] = None
    time_zone: str | None = None
    steps: int | None = None
    sites: Annotated[int | None, Field(description="How many the fleet has")] = None
    left_out: Annotated[
        list[Failure], Field(description="Sites of which too little is known", validate_default=True)
    ] = []
    currency: str | None = None
    most_up_kw: float | None = None
    most_down_kw: float | None = None
    tight: Annotated[bool | None, Field(description="Can each number of the envelope be reached by itself?")] = None
    notes: Annotated[list[str], Field(description="What sites can do that no block prices")] = []
    envelope: Annotated[list[EnvelopeStep], Field(validate_default=True)] = []


class Forecast(RootModel[str]):
    root: Annotated[
        str, Field(description="In the place of day, issue_time and known_at", pattern="^fcs_[0-9a-hjkmnp-tv-z]{26}$")
    ]


class DearestPerKwh(RootModel[float]):
    root: Annotated[
        float,
        Field(
            description="What costs more is no offer; by default half the value of lost load",
            ge=0.0,
            le=1000000000000.0,
        ),
    ]


class FlexibilityAsked(Model):
    """What is wanted of a day."""

    model_config = ConfigDict(
        extra="forbid",
    )
    day: Annotated[date | None, Field(description="First local day; tomorrow by default")] = None
    issue_time: Annotated[
        AwareDatetime | None, Field(description="Nothing later than this is used; now by default")
    ] = None
    known_at: Annotated[
        Literal["receipt", "end"],
        Field(
            description="When a measurement counts as known: when it was received here, or (for histories imported later) a quarter of an hour after the end of its interval"
        ),
    ] = "receipt"
    forecast: Annotated[Forecast | None, Field(description="In the place of day, issue_time and known_at")] = None
    blocks: Annotated[int, Field(description="Of cost, each step and direction", ge=0, le=20)] = 4
    dearest_per_kwh: Annotated[
        DearestPerKwh | None, Field(description="What costs more is no offer; by default half the value of lost load")
    ] = None


class Scenarios(RootModel[int]):
    root: Annotated[int, Field(description="Beside the central path; the park's own by default", ge=0, le=200)]


class Days(RootModel[int]):
    root: Annotated[int, Field(description="Local days from the first on; the park's own by default", ge=1, le=31)]


class ForecastListed(Model):
    """A forecast in a list."""

    id: str
    site: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    created_at: AwareDatetime
    issue_time: AwareDatetime
    start: AwareDatetime
    end: AwareDatetime
    href: str


class Gate(Model):
    """The gate that closes next."""

    day: date
    opens: AwareDatetime
    closes: AwareDatetime
    open_now: bool


class Held(Model):
    """Something that a plan began from."""

    asset: str
    quantity: str
    value: float
    said_by: Annotated[Literal["request", "measured", "schedule", "park"], Field(description="Where it was taken from")]
    at: Annotated[AwareDatetime | None, Field(description="When it was measured")] = None
    series: Annotated[str | None, Field(description="What the measurement is called")] = None


class HeldShown(Model):
    """A series that is held of a site."""

    series: str
    source: str
    first: Annotated[AwareDatetime, Field(description="End of the earliest interval")]
    last: Annotated[AwareDatetime, Field(description="End of the latest interval")]
    times: Annotated[int, Field(description="How many intervals have a value", ge=0)]
    received: Annotated[AwareDatetime, Field(description="When something last came")]


class HorizonAsked(Model):
    """Equal steps from a moment on."""

    model_config = ConfigDict(
        extra="forbid",
    )
    start: Annotated[AwareDatetime, Field(description="Start of the first step")]
    steps: Annotated[int, Field(ge=1, le=3000)]
    step_minutes: Annotated[int, Field(ge=1, le=1440)] = 60


class JobProblem(Model):
    """Why a job failed: the members of a problem document (RFC 9457)."""

    model_config = ConfigDict(
        extra="allow",
    )
    type: Annotated[str, Field(examples=["urn:parkwatt:problem:invalid"])]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str


class JobShown(Model):
    """Work that a request asked for: where it stands, and what came of it."""

    id: Annotated[str, Field(pattern="^job_[0-9a-z]{26}$")]
    kind: Annotated[str, Field(examples=["schedule"])]
    subject: Annotated[str, Field(description="What it is about, such as the id of a schedule; empty for none")]
    state: Annotated[
        Literal["queued", "running", "done", "failed", "cancelled"],
        Field(description="done, failed and cancelled are final"),
    ]
    priority: Annotated[int, Field(description="Of the tenant's waiting jobs those of higher priority come first")]
    attempt: Annotated[int, Field(description="How often a worker began with it", ge=0)]
    deadline_s: Annotated[
        float | None, Field(description="Seconds from its first start until a rule answers; null: the service's own")
    ]
    created_at: AwareDatetime
    started_at: Annotated[AwareDatetime | None, Field(description="When a worker first began with it")]
    ended_at: AwareDatetime | None
    queued_s: Annotated[float | None, Field(description="Seconds that it waited for its first start")]
    running_s: Annotated[float | None, Field(description="Seconds from its first start to its end")]
    events: Annotated[int, Field(description="Number of its last event", ge=1)]
    formats: Annotated[list[str], Field(description="Formats in which /result answers; empty until it is done")]
    result: Annotated[
        dict[str, Any] | None, Field(description="What came of it: `href` and, for plans, `quality`; null until done")
    ]
    problem: Annotated[JobProblem | None, Field(description="Why it failed; null unless it has")]


class KeptAward(Model):
    """A period of an award whose net exchange a plan took as given."""

    award: str
    schedule: Annotated[str, Field(description="The one around the award, which holds then")]
    start: AwareDatetime
    end: AwareDatetime


class KeyMade(Model):
    """A key with its secret, which nobody can read again."""

    id: Annotated[
        str,
        Field(
            description="Public id; client_id of OAuth2",
            examples=["key_01kb0m9n2c5d8e7f6g5h4j3k2m"],
            pattern="^key_[0-9a-hjkmnp-tv-z]{26}$",
        ),
    ]
    name: str
    scopes: list[str]
    created: AwareDatetime
    created_by: str
    expires: AwareDatetime | None
    revoked: Annotated[AwareDatetime | None, Field(description="When it was closed, or will be after a rotation")]
    last_used: Annotated[AwareDatetime | None, Field(description="To within five minutes")]
    replaces: Annotated[str | None, Field(description="The key that this one was rotated from")]
    client: Annotated[str, Field(description="Id of the first of the keys that were rotated into this one")]
    made_by: Annotated[
        str | None,
        Field(description="The `client` whose key made it, and with which it ends; null: an operator made it"),
    ]
    key: Annotated[
        str | None,
        Field(
            description="To be sent as Authorization: Bearer …; shown once: null where the answer is repeated under its Idempotency-Key",
            examples=["pw_key_01kb0m9n2c5d8e7f6g5h4j3k2m_…"],
        ),
    ] = None


class KeyShown(Model):
    """A key without its secret."""

    id: Annotated[
        str,
        Field(
            description="Public id; client_id of OAuth2",
            examples=["key_01kb0m9n2c5d8e7f6g5h4j3k2m"],
            pattern="^key_[0-9a-hjkmnp-tv-z]{26}$",
        ),
    ]
    name: str
    scopes: list[str]
    created: AwareDatetime
    created_by: str
    expires: AwareDatetime | None
    revoked: Annotated[AwareDatetime | None, Field(description="When it was closed, or will be after a rotation")]
    last_used: Annotated[AwareDatetime | None, Field(description="To within five minutes")]
    replaces: Annotated[str | None, Field(description="The key that this one was rotated from")]
    client: Annotated[str, Field(description="Id of the first of the keys that were rotated into this one")]
    made_by: Annotated[
        str | None,
        Field(description="The `client` whose key made it, and with which it ends; null: an operator made it"),
    ]


class LedgerShown(Model):
    """What one method says of the whole period."""

    name: str
    question: Annotated[str, Field(description="What it answers")]
    emitted_kg: float
    on_meters_kg: float
    left_over_kg: Annotated[float, Field(description="On no meter")]


class Measurement(Model):
    """One value of one series, for an interval."""

    model_config = ConfigDict(
        extra="forbid",
    )
    site: Annotated[str, Field(examples=["yizhuang"], pattern="^[A-Za-z0-9][A-Za-z0-9_.\\-]{0,99}$")]
    series: Annotated[
        str,
        Field(
            description="An asset's name (its mean power in kW), a name that `GET /sites/{site}/assets` lists, or `net_import_kw` of the whole site",
            examples=["roof"],
            max_length=200,
            min_length=1,
        ),
    ]
    time: Annotated[AwareDatetime, Field(description="END of the interval that the value is the mean of")]
    value: Annotated[float | None, Field(description="null: known to be missing, which is not zero")]
    source: Annotated[
        str, Field(description="Who measured it; series of several are kept apart", pattern="^[A-Za-z0-9_.\\-]{0,100}$")
    ] = ""


class MissedStep(Model):
    """A step of a profile that cannot be met."""

    start: AwareDatetime
    asked_kw: float
    nearest_kw: float
    missed_kwh: float


class Missing(Model):
    """Awarded periods of a site that are not settled yet, one after the other."""

    site: str
    start: AwareDatetime
    end: AwareDatetime
    lacks: Annotated[
        Literal["readings", "baseline", "others"],
        Field(
            description="Of the site: meters all through the periods, or enough days before them; others: all in all what is known of the fleet was told to go the other way"
        ),
    ]
    awarded_kwh: Annotated[float, Field(description="The site's part of the award; below 0 the other way")]


class Moment(Model):
    """A time of day on the market's clock, some days before the delivery day.

    Attributes:
        at: the time of day, like 12:00; 24:00 is the next midnight.
        days_before: days before the delivery day.
    """

    at: str
    days_before: int = 0


class Money(Model):
    """What a plan costs, over its scenarios."""

    expected: Annotated[float, Field(description="Money paid less money earned")]
    currency: str


class NamedPark(Model):
    """A park and what its site is called."""

    model_config = ConfigDict(
        extra="forbid",
    )
    site: Annotated[str, Field(examples=["yizhuang"], pattern="^[A-Za-z0-9][A-Za-z0-9_.\\-]{0,99}$")]
    body: Annotated[
        dict[str, Any],
        Field(
            description="A park's file as JSON (`parkwatt schema` describes it), with `labels` beside it. Entries of the shipped libraries may be named; files, folders and addresses may not.",
            examples=[
                {
                    "assets": [
                        {"bus": "mv", "kind": "load", "name": "offices"},
                        {"azimuth_deg": 180, "bus": "mv", "kind": "pv", "name": "roof", "peak_kw": 800, "tilt_deg": 15},
                        {
                            "bus": "mv",
                            "export_kw": 2000,
                            "import_kw": 2000,
                            "kind": "grid_connection",
                            "name": "pcc",
                            "tariff": "block_tariff_example",
                        },
                    ],
                    "buses": [{"name": "mv"}],
                    "currency": "EUR",
                    "labels": {"region": "north"},
                    "latitude_deg": 52.5,
                    "longitude_deg": 13.4,
                    "name": "works",
                    "time_zone": "Europe/Berlin",
                }
            ],
        ),
    ]


class NearestPeriod(Model):
    """The most of an awarded period that the fleet can give."""

    start: AwareDatetime
    awarded_kw: float
    nearest_kw: float


class NewKey(Model):
    """A key to be made; it can do what its maker can do, at most."""

    model_config = ConfigDict(
        extra="forbid",
    )
    name: Annotated[
        str,
        Field(
            description="What it is for",
            examples=["control room"],
            max_length=200,
            min_length=1,
            pattern="^[^\\x00-\\x1f\\x7f]+$",
        ),
    ]
    scopes: Annotated[
        list[
            Literal[
                "sites:read",
                "sites:write",
                "measurements:read",
                "measurements:write",
                "plans:read",
                "plans:write",
                "markets:read",
                "markets:write",
                "carbon:read",
                "carbon:write",
                "events:read",
                "events:write",
                "keys:read",
                "keys:write",
                "audit:read",
            ]
        ],
        Field(description="What it may do", examples=[["sites:read"]], max_length=40, min_length=1),
    ]
    expires: Annotated[AwareDatetime | None, Field(description="When it stops to open anything")] = None


class Value(RootModel[float]):
    root: Annotated[float, Field(ge=-1000000000000.0, le=1000000000000.0)]


class Least(RootModel[float]):
    root: Annotated[
        float, Field(description="Nothing of lower priority goes below", ge=-1000000000000.0, le=1000000000000.0)
    ]


class Most(RootModel[float]):
    root: Annotated[
        float, Field(description="Nothing of lower priority goes above", ge=-1000000000000.0, le=1000000000000.0)
    ]


class Reason(RootModel[str]):
    root: Annotated[
        str,
        Field(description="For those who come after", max_length=200, min_length=1, pattern="^[^\\x00-\\x1f\\x7f]+$"),
    ]


class OverrideAsked(Model):
    """What an operator wants of one set-point instead: a value, what it is now, or bounds that plans keep to."""

    model_config = ConfigDict(
        extra="forbid",
    )
    asset: Annotated[str, Field(max_length=100, min_length=1, pattern="^[A-Za-z0-9_\\-]+$")]
    quantity: Annotated[
        str,
        Field(examples=["charge_kw"], max_length=100, min_length=1, pattern="^[a-z][a-z0-9_]*(:[A-Za-z0-9_.\\- ]+)*$"),
    ]
    value: Value | None = None
    hold: Annotated[bool, Field(description="Keep what holds now")] = False
    least: Annotated[Least | None, Field(description="Nothing of lower priority goes below")] = None
    most: Annotated[Most | None, Field(description="Nothing of lower priority goes above")] = None
    start: Annotated[AwareDatetime | None, Field(description="Now by default")] = None
    until: Annotated[AwareDatetime, Field(description="Then it ends by itself")]
    reason: Annotated[Reason | None, Field(description="For those who come after")] = None


class OverrideShown(Model):
    """An override; past ones too."""

    id: str
    site: str
    asset: str
    quantity: str
    kind: Literal["value", "hold", "bounds"]
    value: Annotated[float | None, Field(description="Of a hold what it was when it began")] = None
    least: float | None = None
    most: float | None = None
    start: AwareDatetime
    until: AwareDatetime
    ended_at: Annotated[AwareDatetime | None, Field(description="Where somebody ended it early")] = None
    reason: str | None = None
    created_at: AwareDatetime
    created_by: str


class PageAccountListed(Model):
    items: Annotated[list[AccountListed], Field(description="The entries of this page")]
    next: Annotated[str | None, Field(description="Cursor of the next page; null on the last")] = None


class PageEntryShown(Model):
    items: Annotated[list[EntryShown], Field(description="The entries of this page")]
    next: Annotated[str | None, Field(description="Cursor of the next page; null on the last")] = None


class PageFleetForecast(Model):
    items: Annotated[list[FleetForecast], Field(description="The entries of this page")]
    next: Annotated[str | None, Field(description="Cursor of the next page; null on the last")] = None


class PageFleetPlan(Model):
    items: Annotated[list[FleetPlan], Field(description="The entries of this page")]
    next: Annotated[str | None, Field(description="Cursor of the next page; null on the last")] = None


class PageFleetShort(Model):
    items: Annotated[list[FleetShort], Field(description="The entries of this page")]
    next: Annotated[str | None, Field(description="Cursor of the next page; null on the last")] = None


class PageFlexibility(Model):
    items: Annotated[list[Flexibility], Field(description="The entries of this page")]
    next: Annotated[str | None, Field(description="Cursor of the next page; null on the last")] = None


class PageForecastListed(Model):
    items: Annotated[list[ForecastListed], Field(description="The entries of this page")]
    next: Annotated[str | None, Field(description="Cursor of the next page; null on the last")] = None


class PageJobShown(Model):
    items: Annotated[list[JobShown], Field(description="The entries of this page")]
    next: Annotated[str | None, Field(description="Cursor of the next page; null on the last")] = None


class PageKeyShown(Model):
    items: Annotated[list[KeyShown], Field(description="The entries of this page")]
    next: Annotated[str | None, Field(description="Cursor of the next page; null on the last")] = None


class PageOverrideShown(Model):
    items: Annotated[list[OverrideShown], Field(description="The entries of this page")]
    next: Annotated[str | None, Field(description="Cursor of the next page; null on the last")] = None


class PlanAsked(Model):
    """Plans of all sites, under what they share where the fleet's body says so."""

    model_config = ConfigDict(
        extra="forbid",
    )
    day: Annotated[date | None, Field(description="First local day; tomorrow by default")] = None
    issue_time: Annotated[
        AwareDatetime | None, Field(description="Nothing later than this is used; now by default")
    ] = None
    known_at: Annotated[
        Literal["receipt", "end"],
        Field(
            description="When a measurement counts as known: when it was received here, or (for histories imported later) a quarter of an hour after the end of its interval"
        ),
    ] = "receipt"
    forecast: Annotated[Forecast | None, Field(description="In the place of day, issue_time and known_at")] = None
    priority: Annotated[int, Field(ge=0, le=9)] = 0


class ProblemError(Model):
    """One thing wrong with a request."""

    in_: Annotated[str, Field(alias="in", description="body, query, path or header")]
    pointer: Annotated[str, Field(description="JSON pointer into the body, or / and the parameter's name")]
    message: Annotated[str, Field(description="What is wrong")]
    value: Annotated[Any, Field(description="What was found; of lists and objects the size")] = None
    accepted: Annotated[str, Field(description="What would be taken; empty where the message says it")] = ""


class ProblemShown(Model):
    """One thing wrong with a park."""

    pointer: Annotated[str, Field(description="JSON pointer into the park")]
    message: str
    accepted: Annotated[str, Field(description="What would be taken; empty where the message says it")]


class ProfileKwItem(RootModel[float]):
    root: Annotated[float, Field(ge=-1000000000000.0, le=1000000000000.0)]


class ProfileAsked(Model):
    """A profile of the fleet's net draw."""

    model_config = ConfigDict(
        extra="forbid",
    )
    flexibility: Annotated[str, Field(pattern="^flx_[0-9a-hjkmnp-tv-z]{26}$")]
    profile_kw: Annotated[list[ProfileKwItem], Field(description="One for each step", max_length=3000, min_length=1)]
    cheapest: Annotated[bool, Field(description="By the sites' own prices instead of evenly")] = False


class Rejected(Model):
    """A row that was not taken."""

    index: Annotated[int, Field(description="Place in the request, from 0", ge=0)]
    field: Annotated[str, Field(description="Of the row")]
    message: str
    accepted: Annotated[str, Field(description="What would be taken; empty where the message says it")]


class Rotation(Model):
    """How a key is replaced."""

    model_config = ConfigDict(
        extra="forbid",
    )
    overlap_minutes: Annotated[
        int, Field(description="How long the old key opens beside the new one", examples=[60], ge=0, le=43200)
    ] = 0


class Run(Model):
    """Rows one after the other that had the same verdict."""

    index: Annotated[int, Field(description="Place of the first in the request, from 0", ge=0)]
    count: Annotated[int, Field(ge=1)]
    verdict: Literal["accepted", "late", "restated", "duplicate", "rejected"]


class DeadlineS(RootModel[float]):
    root: Annotated[float, Field(description="From its start; then the best without a solver", gt=0.0, le=86400.0)]


class StateAgeMinutes(RootModel[float]):
    root: Annotated[float, Field(description="Age up to which a measured content counts", gt=0.0, le=10080.0)]


class Forecast2(RootModel[str]):
    root: Annotated[str, Field(description="Made before, of the same steps", pattern="^fct_[0-9a-hjkmnp-tv-z]{26}$")]


class Series(RootModel[float]):
    root: Annotated[float, Field(ge=-1000000000000.0, le=1000000000000.0)]


class ScheduleListed(Model):
    """A schedule in a list."""

    id: str
    site: str
    mode: Literal["day_ahead", "rolling", "perfect_foresight", "fleet", "award"]
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    created_at: AwareDatetime
    issue_time: AwareDatetime
    dry_run: bool = False
    published_at: AwareDatetime | None = None
    start: AwareDatetime
    end: AwareDatetime
    quality: (
        Literal["optimal", "incumbent", "convex_recovery", "relaxed", "last_good", "rule_based", "safe_state"] | None
    ) = None
    money: Money | None = None
    co2_kg: float | None = None
    href: str


class ScheduleShown(Model):
    """A schedule; what is null is there once its job is done."""

    id: str
    site: str
    site_version: int
    mode: Literal["day_ahead", "rolling", "perfect_foresight", "fleet", "award"]
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    job: str
    created_at: AwareDatetime
    issue_time: AwareDatetime
    dry_run: Annotated[bool, Field(description="It was asked for only to look at")] = False
    published_at: Annotated[
        AwareDatetime | None,
        Field(description="From when on it may be followed; null of a dry run that was not published"),
    ] = None
    start: AwareDatetime
    end: AwareDatetime
    steps: int
    quality: Annotated[
        Literal["optimal", "incumbent", "convex_recovery", "relaxed", "last_good", "rule_based", "safe_state"] | None,
        Field(description="Rung of the ladder, best first: optimal … safe_state"),
    ] = None
    gap: Annotated[float | None, Field(description="Between plan and bound, as a share; null without a bound")] = None
    bound: float | None = None
    objective: float | None = None
    money: Money | None = None
    co2_kg: Annotated[float | None, Field(description="Expected emissions")] = None
    audit: AuditShown | None = None
    network: Annotated[dict[str, Any] | None, Field(description="The AC check; null without one")] = None
    relaxed: Annotated[list[str], Field(description="Limits that are passed, and by how much")] = []
    reason: Annotated[str, Field(description="Why no better rung was reached")] = ""
    explanation: Annotated[dict[str, Any] | None, Field(description="Why no plan keeps every limit")] = None
    methods: Annotated[list[dict[str, Any]], Field(description="The plan beside the park's rules and hindsight")] = []
    wishes_missed: Annotated[dict[str, Any] | None, Field(description="By wish, by how much and in which unit")] = None
    start_state: Annotated[list[Held], Field(validate_default=True)] = []
    goes_on_from: Annotated[str | None, Field(description="The schedule before")] = None
    kept: Annotated[
        list[KeptAward], Field(description="Awards whose net exchange it takes as given", validate_default=True)
    ] = []
    data_age_h: float | None = None
    notes: list[str] = []
    certificate: Annotated[dict[str, Any] | None, Field(description="How it came about; no clock goes into it")] = None
    setpoints_sha256: Annotated[str | None, Field(description="Of the set-points, as the audit trail has it")] = None
    table_href: str | None = None
    setpoints_href: str | None = None
    report_href: str | None = None
    problem: Failed | None = None


class SeriesForecast(Model):
    """What is expected of one series; means over the steps, in its unit."""

    name: str
    unit: Annotated[str, Field(description="kW, money/MWh or g/kWh")]
    made_by: Annotated[str, Field(description="Lowest rung of the ladder of models that any step stands on")]
    expected: Annotated[list[float], Field(description="Mean of each step")]
    quantiles: Annotated[list[list[float]], Field(description="For each step, a value at each of the levels")]


class SetpointNow(Model):
    """What holds of one set-point at a moment, and who says so."""

    asset: str
    quantity: str
    value: Annotated[float | None, Field(description="null: nothing is known, and the asset's own control decides")]
    source: Annotated[
        Literal["override", "hold", "schedule", "safe_state", "none"],
        Field(description="override > hold > schedule > the safe state of the last schedule"),
    ]
    valid_until: Annotated[AwareDatetime | None, Field(description="null: until something newer is said")] = None
    issued_at: Annotated[AwareDatetime | None, Field(description="When the schedule or the override was made")] = None
    schedule: str | None = None
    override: Annotated[str | None, Field(description="The override that says it, or that bounds it")] = None
    bounded_from: Annotated[float | None, Field(description="What it would be without these bounds")] = None


class SetpointOfStep(Model):
    """What an asset is told for a step, as its schedule says."""

    asset: str
    quantity: Annotated[str, Field(description="With its unit; on: how many units run")]
    start: AwareDatetime
    end: AwareDatetime
    value: float
    valid_until: Annotated[
        AwareDatetime, Field(description="From then on the safe state holds unless something newer does")
    ]


class SetpointSeries(Model):
    """The set-points of a schedule."""

    site: str
    schedule: str
    items: list[SetpointOfStep]


class SetpointSpan(Model):
    """What holds of one set-point from a moment to another."""

    asset: str
    quantity: str
    value: Annotated[float | None, Field(description="null: nothing is known, and the asset's own control decides")]
    source: Annotated[
        Literal["override", "hold", "schedule", "safe_state", "none"],
        Field(description="override > hold > schedule > the safe state of the last schedule"),
    ]
    valid_until: Annotated[AwareDatetime | None, Field(description="null: until something newer is said")] = None
    issued_at: Annotated[AwareDatetime | None, Field(description="When the schedule or the override was made")] = None
    schedule: str | None = None
    override: Annotated[str | None, Field(description="The override that says it, or that bounds it")] = None
    bounded_from: Annotated[float | None, Field(description="What it would be without these bounds")] = None
    start: AwareDatetime
    end: AwareDatetime


class SetpointSpans(Model):
    """All that holds of a site over a time, as it is known now."""

    site: str
    start: AwareDatetime
    end: AwareDatetime
    items: list[SetpointSpan]


class SetpointsNow(Model):
    """All that holds of a site at a moment."""

    site: str
    at: AwareDatetime
    items: list[SetpointNow]


class Settlement(Model):
    """An award in money, for what is known of its sites."""

    id: str
    fleet: Annotated[str, Field(description="Whose")]
    state: Annotated[
        Literal["queued", "running", "done", "infeasible", "failed", "cancelled"],
        Field(description="Of its job until done; infeasible: the answer is that it cannot be"),
    ]
    job: Annotated[str, Field(description="Of the job that makes it")]
    created: AwareDatetime
    files: Annotated[dict[str, str] | None, Field(description="Where its tables and pages are, by name")] = None
    problem: Annotated[dict[str, Any] | None, Field(description="Why it failed")] = None
    award: str
    supersedes: Annotated[str | None, Field(description="The settlement of the award that it replaces")] = None
    superseded_by: Annotated[str | None, Field(description="A later settlement that counts in its place")] = None
    product: str | None = None
    side: str | None = None
    baseline: str
    split_by: str
    currency: str | None = None
    revenue: Annotated[float | None, Field(description="To the portfolio, to the cent; negative: it pays")] = None
    lines: Annotated[dict[str, float] | None, Field(description="By kind of line")] = None
    sites: Annotated[dict[str, float] | None, Field(description="By site; they add up to the revenue to the cent")] = (
        None
    )
    delivered_kwh: float | None = None
    awarded_kwh: Annotated[float | None, Field(description="Of what is settled")] = None
    provisional: Annotated[
        bool | None,
        Field(description="Something is missing, and is in no sum: settle again when it has come; null until settled"),
    ] = None
    open_kwh: Annotated[float | None, Field(description="Of the award what is not settled")] = None
    missing: Annotated[
        list[Missing], Field(description="What is not settled, and for want of what", validate_default=True)
    ] = []
    notes: list[Any] = []


class SurplusPricePerKwh(RootModel[float]):
    root: Annotated[float, Field(ge=-1000000000000.0, le=1000000000000.0)]


class ShortagePricePerKwh(RootModel[float]):
    root: Annotated[float, Field(ge=-1000000000000.0, le=1000000000000.0)]


class AvailableShare(RootModel[float]):
    root: Annotated[float, Field(ge=0.0, le=1.0)]


class ActivatedKw(RootModel[float]):
    root: Annotated[float, Field(ge=0.0, le=1000000000000.0)]


class SettlementPeriod(Model):
    """What the product's rules need beside meters, of an awarded period."""

    model_config = ConfigDict(
        extra="forbid",
    )
    start: AwareDatetime
    surplus_price_per_kwh: SurplusPricePerKwh | None = None
    shortage_price_per_kwh: ShortagePricePerKwh | None = None
    available_share: AvailableShare | None = None
    activated_kw: ActivatedKw | None = None


class SharedThing(Model):
    """Something that sites share, as it stands in a fleet's file."""

    model_config = ConfigDict(
        extra="allow",
    )
    kind: Annotated[str, Field(max_length=100, min_length=1, pattern="^[A-Za-z0-9][A-Za-z0-9_.\\-]{0,99}$")]
    name: Annotated[str, Field(max_length=100, min_length=1, pattern="^[A-Za-z0-9][A-Za-z0-9_.\\-]{0,99}$")]


class SiteShown(Model):
    """A site without its park."""

    site: Annotated[str, Field(examples=["yizhuang"], pattern="^[A-Za-z0-9][A-Za-z0-9_.\\-]{0,99}$")]
    version: Annotated[int, Field(description="Counts from 1; every version is kept", ge=1)]
    etag: Annotated[str, Field(description="Hash of the content; what If-Match is sent with, in quotes")]
    name: Annotated[str, Field(description="The park's own name")]
    title: str
    labels: dict[str, str]
    created: AwareDatetime
    updated: AwareDatetime


class SiteWhole(Model):
    """A site with its park, as it was put."""

    site: Annotated[str, Field(examples=["yizhuang"], pattern="^[A-Za-z0-9][A-Za-z0-9_.\\-]{0,99}$")]
    version: Annotated[int, Field(description="Counts from 1; every version is kept", ge=1)]
    etag: Annotated[str, Field(description="Hash of the content; what If-Match is sent with, in quotes")]
    name: Annotated[str, Field(description="The park's own name")]
    title: str
    labels: dict[str, str]
    created: AwareDatetime
    updated: AwareDatetime
    body: Annotated[
        dict[str, Any],
        Field(
            description="A park's file as JSON (`parkwatt schema` describes it), with `labels` beside it. Entries of the shipped libraries may be named; files, folders and addresses may not.",
            examples=[
                {
                    "assets": [
                        {"bus": "mv", "kind": "load", "name": "offices"},
                        {"azimuth_deg": 180, "bus": "mv", "kind": "pv", "name": "roof", "peak_kw": 800, "tilt_deg": 15},
                        {
                            "bus": "mv",
                            "export_kw": 2000,
                            "import_kw": 2000,
                            "kind": "grid_connection",
                            "name": "pcc",
                            "tariff": "block_tariff_example",
                        },
                    ],
                    "buses": [{"name": "mv"}],
                    "currency": "EUR",
                    "labels": {"region": "north"},
                    "latitude_deg": 52.5,
                    "longitude_deg": 13.4,
                    "name": "works",
                    "time_zone": "Europe/Berlin",
                }
            ],
        ),
    ]


class Step(Model):
    """So much more at this price."""

    model_config = ConfigDict(
        extra="forbid",
    )
    quantity_kw: Annotated[float, Field(gt=0.0, le=1000000000.0)]
    price: Annotated[float, Field(ge=-1000000000000.0, le=1000000000000.0)]
    energy_price_per_kwh: EnergyPricePerKwh | None = None


class Token(Model):
    """An access token (RFC 6749, section 5.1)."""

    access_token: Annotated[str, Field(description="To be sent as Authorization: Bearer …")]
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: Annotated[int, Field(description="Seconds", gt=0)]
    scope: Annotated[str, Field(description="What it may do, with spaces between")]


class TokenRefused(Model):
    """Why there is none (RFC 6749, section 5.2)."""

    error: Literal["invalid_request", "invalid_client", "invalid_scope", "unsupported_grant_type"]
    error_description: str


class Validated(Model):
    """What validating a park found."""

    valid: bool
    etag: Annotated[str | None, Field(description="The tag that a site with this content has; null where it is wrong")]
    problems: list[ProblemShown]


class Count(RootModel[int]):
    root: Annotated[int, Field(description="How many values a mean is of", ge=0)]


class Value1(Model):
    """One value that is held; of a resampled series how many values its mean is of."""

    series: str
    source: str
    time: Annotated[AwareDatetime, Field(description="END of the interval")]
    value: Annotated[float | None, Field(description="null: nobody knows")]
    received: Annotated[AwareDatetime | None, Field(description="When it came; not of means")] = None
    count: Annotated[Count | None, Field(description="How many values a mean is of")] = None


class Values(Model):
    """A table of values as JSON."""

    rows: list[Value1]


class Verified(Model):
    """What walking the whole chain found."""

    count: Annotated[int, Field(description="Entries read", ge=0)]
    head: Annotated[
        str, Field(description="Hash of the last one: who notes it holds a proof of all", pattern="^[0-9a-f]{64}$")
    ]
    intact: Annotated[bool, Field(description="Whether every entry is what was written, and none is missing")]
    broken_at: Annotated[int | None, Field(description="Number of the first that does not fit")]
    reason: Annotated[str, Field(description="What is wrong with it")]


class VersionShown(Model):
    """A version of a site."""

    version: Annotated[int, Field(ge=1)]
    etag: Annotated[str, Field(description="Empty where the site was deleted")]
    at: AwareDatetime
    actor: Annotated[str, Field(description="Who put it")]
    deleted: Annotated[bool, Field(description="Whether the site was deleted here")]


class Variable(RootModel[float]):
    root: Annotated[float, Field(ge=-1000000000000.0, le=1000000000000.0)]


class WeatherAsked(Model):
    """A run of a weather service that the client has: the store knows no weather by itself."""

    model_config = ConfigDict(
        extra="forbid",
    )
    issued_at: Annotated[AwareDatetime, Field(description="When the run was issued; it is used for nothing before")]
    start: Annotated[AwareDatetime, Field(description="Start of the first interval")]
    step_minutes: Annotated[int, Field(ge=1, le=1440)] = 60
    variables: Annotated[
        dict[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,60}$")], list[Variable]],
        Field(description="By variable with its unit, means over the intervals"),
    ]


class Workers(Model):
    """Workers of the database by their signs of life, whoever started them."""

    alive: Annotated[int, Field(description="How many have signed within the time of their leases")]
    idle: Annotated[int, Field(description="Of these, how many have nothing to do")]


class DispatchMarketsProductDelivery(Model):
    """How a delivery is judged and what follows from it; shares are of the award in a period.

    Attributes:
        pays: is the award paid, or what was delivered of it?
        full_from: from this share on a delivery counts as whole: nothing is short.
        nothing_below: below this share nothing is paid.
        paid_up_to: more than this share is not paid.
        penalty_factor: of the price, for each kWh that is short.
        penalty_price_per_kwh: money for each kWh that is short, in the product's currency per kWh.
        availability_from: below this share of periods with a whole delivery a capacity payment is lost.
        imbalance: how deviations from a sale are settled, by one price for both directions or by two.
    """

    pays: Literal["award", "delivered"] = "delivered"
    full_from: float = 1.0
    nothing_below: float = 0.0
    paid_up_to: float = 1.0
    penalty_factor: float = 0.0
    penalty_price_per_kwh: float = 0.0
    availability_from: float = 0.0
    imbalance: Literal["none", "single", "dual"] = "none"


class DispatchMarketsProductProduct(Model):
    """One product.

    Attributes:
        market: who runs it.
        sides: what may be offered. Up is less drawn from the grid or more fed in, down the other way.
        symmetric: must a bid hold in both directions alike?
        day_starts, day_ends: of the delivery day on the market's clock.
        period_minutes: of what is bid for; of more than an hour they follow the clock (00:00, 04:00, …), so that those
            over a change of the clock are an hour longer or shorter.
        quantity_min_kw, quantity_max_kw: least and most of a bid.
        quantity_step_kw: quantities are multiples of it.
        price_basis: what a price is for.
        price_min, price_max: lowest and highest price of a bid.
        price_step: prices are multiples of it.
        pricing: what is paid: the clearing price, the bid's own, or a fixed one.
        energy_price: may a bid of capacity name a price of activated energy, too?
        steps_max: price steps of a curve.
        block_orders: may several periods be bid as one?
        accessed: when the source was read.
        valid_from, valid_to: first and last delivery day that it is for.
        verified: false where nobody has held the numbers against the source.
        note: what a reader should know.
    """

    name: Annotated[str, Field(min_length=1)]
    title: str
    market: str
    kind: Literal["energy", "capacity", "response"]
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    time_zone: str
    sides: list[Literal["up", "down"]] = ["up", "down"]
    symmetric: bool = False
    opens: Moment
    closes: Closing
    day_starts: Moment | None = None
    day_ends: Moment | None = None
    period_minutes: Annotated[int, Field(gt=0, le=1440)]
    quantity_min_kw: float
    quantity_step_kw: float
    quantity_max_kw: float | None = None
    price_basis: Literal["per_mwh", "per_kwh", "per_mw_h", "per_mw_period", "per_kw_period"]
    price_min: float | None = None
    price_max: float | None = None
    price_step: float = 0.01
    pricing: Literal["clearing", "bid", "fixed"] = "clearing"
    energy_price: bool = False
    steps_max: Annotated[int, Field(ge=1)] = 20
    block_orders: bool = False
    delivery: DispatchMarketsProductDelivery | None = None
    source: Annotated[str, Field(min_length=1)]
    accessed: date
    valid_from: date
    valid_to: date | None = None
    verified: bool = True
    note: str = ""


class DispatchServiceSchemasBidsDelivery(Model):
    """What was delivered so far, against the plan without the award."""

    award: str
    against: Literal["plan"] = "plan"
    at: AwareDatetime
    sites: int
    silent: Annotated[list[str], Field(description="Sites without readings of a period that is over")]
    periods: list[DeliveryPeriod]
    awarded_kwh: Annotated[float, Field(description="Of the periods that are metered in full")]
    delivered_kwh: float
    deficiency_kwh: float


class DispatchServiceSchemasBidsProduct(Model):
    """A product of a market, for some delivery days."""

    name: str
    product: DispatchMarketsProductProduct
    span: Annotated[str, Field(description="Delivery days, in words")]
    price_unit: str
    refused: Annotated[str | None, Field(description="Why bids for it are refused; null where they are taken")] = None
    next_gate: Annotated[Gate | None, Field(description="Null where it is for no later day")] = None


class AccountShown(Model):
    """A carbon account; what is null or empty is there once its job is done."""

    id: str
    site: str
    site_version: int
    schedule: str | None
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    job: str
    created_at: AwareDatetime
    start: AwareDatetime
    end: AwareDatetime
    by: Literal["step", "hour", "day", "month", "year", "all"]
    ledgers: Annotated[list[LedgerShown], Field(validate_default=True)] = []
    left_out: Annotated[dict[str, str] | None, Field(description="By method, why it says nothing here")] = None
    factors: Annotated[dict[str, str] | None, Field(description="Sources of what a kWh of grid emits")] = None
    settings: dict[str, str] | None = None
    certificates: Annotated[list[dict[str, Any]] | None, Field(description="Balances of certificates, in kWh")] = None
    cbam: Annotated[dict[str, Any] | None, Field(description="Embedded emissions of goods, as CBAM names them")] = None
    footprints: Annotated[list[dict[str, Any]] | None, Field(description="Partial footprints of goods, ISO 14067")] = (
        None
    )
    notes: list[str] = []
    inputs_sha256: dict[str, str] | None = None
    ledgers_href: str | None = None
    goods_href: str | None = None
    certificates_href: str | None = None
    page_href: str | None = None
    problem: Failed | None = None


class Award(Model):
    """An award, and how it is carried out."""

    id: str
    fleet: Annotated[str, Field(description="Whose")]
    state: Annotated[
        Literal["queued", "running", "done", "infeasible", "failed", "cancelled"],
        Field(description="Of its job until done; infeasible: the answer is that it cannot be"),
    ]
    job: Annotated[str, Field(description="Of the job that makes it")]
    created: AwareDatetime
    files: Annotated[dict[str, str] | None, Field(description="Where its tables and pages are, by name")] = None
    problem: Annotated[dict[str, Any] | None, Field(description="Why it failed")] = None
    bid: str
    product: str
    day: date
    side: Literal["up", "down"]
    periods: list[AwardPeriod]
    feasible: bool | None = None
    awarded_kwh: float | None = None
    missed_kwh: float | None = None
    off_kw: Annotated[float | None, Field(description="How far the set-points are from the award, at most")] = None
    nearest: Annotated[
        list[NearestPeriod], Field(description="Where it cannot be given in full", validate_default=True)
    ] = []
    certificate: Annotated[
        list[Certificate], Field(description="Why not, while stores end the day as they should", validate_default=True)
    ] = []
    left_out: Annotated[
        list[Failure],
        Field(description="Sites without a part: deleted, or of other plant than was offered", validate_default=True),
    ] = []
    schedules: Annotated[dict[str, str] | None, Field(description="By site, the schedule planned around the award")] = (
        None
    )


class AwardAsked(Model):
    """What the market took of a bid; periods that are left out are none."""

    model_config = ConfigDict(
        extra="forbid",
    )
    periods: Annotated[list[AwardPeriod], Field(max_length=300, min_length=1)]


class Batch(Model):
    """Sites to be put in one go."""

    model_config = ConfigDict(
        extra="forbid",
    )
    sites: Annotated[list[NamedPark], Field(max_length=2000, min_length=1)]
    on_reject: Annotated[
        Literal["refuse", "skip"],
        Field(
            description="Where something is wrong: `refuse` takes nothing, `skip` takes the rest and names what is not"
        ),
    ] = "refuse"


class BatchResult(Model):
    """What became of one site of a batch."""

    site: str
    outcome: Literal["created", "updated", "same", "rejected"]
    version: int | None
    etag: str | None
    problems: list[ProblemShown]


class Evaluation(Model):
    """Whether a profile is possible, which is nearest, and who does what."""

    id: str
    fleet: Annotated[str, Field(description="Whose")]
    state: Annotated[
        Literal["queued", "running", "done", "infeasible", "failed", "cancelled"],
        Field(description="Of its job until done; infeasible: the answer is that it cannot be"),
    ]
    job: Annotated[str, Field(description="Of the job that makes it")]
    created: AwareDatetime
    files: Annotated[dict[str, str] | None, Field(description="Where its tables and pages are, by name")] = None
    problem: Annotated[dict[str, Any] | None, Field(description="Why it failed")] = None
    flexibility: str
    feasible: bool | None = None
    how: Annotated[str | None, Field(description="devices: exact; problems: by the sites' own programs")] = None
    nearest_kw: Annotated[list[float], Field(description="The profile, or the nearest to it by energy")] = []
    missed_kwh: float | None = None
    missed: Annotated[list[MissedStep], Field(description="Where it is missed", validate_default=True)] = []
    certificate: Annotated[list[str], Field(description="Why: what holds for all that is possible")] = []


class FleetBody(Model):
    """Sites by name or by label, and what they share."""

    model_config = ConfigDict(
        extra="forbid",
    )
    title: Annotated[str, Field(max_length=200, pattern="^[^\\x00]*$")] = ""
    sites: Annotated[Sites | None, Field(description="By name; instead of where")] = None
    where: Annotated[
        dict[Annotated[str, StringConstraints(pattern=r"^[^\x00]+$", min_length=1, max_length=63)], str] | None,
        Field(description="Labels with the value they must have; instead of sites"),
    ] = None
    shared: Annotated[
        list[SharedThing],
        Field(
            description="Limits, meters, budgets that sites share, as in a fleet's file",
            max_length=100,
            validate_default=True,
        ),
    ] = []
    gap: Annotated[float, Field(description="At which a search ends", ge=1e-07, le=0.05)] = 0.0001


class ForecastAsked(Model):
    """A forecast of all that a site needs and gives."""

    model_config = ConfigDict(
        extra="forbid",
    )
    day: Annotated[date | None, Field(description="First local day; instead of a horizon")] = None
    horizon: Annotated[HorizonAsked | None, Field(description="Instead of a day")] = None
    issue_time: Annotated[
        AwareDatetime | None,
        Field(description="Nothing later than this is used; now, or before the horizon, by default"),
    ] = None
    known_at: Annotated[
        Literal["receipt", "end"],
        Field(
            description="When a measurement counts as known: when it was received here, or (for histories imported later) a quarter of an hour after the end of its interval"
        ),
    ] = "receipt"
    scenarios: Annotated[Scenarios | None, Field(description="Beside the central path; the park's own by default")] = (
        None
    )
    weather: WeatherAsked | None = None
    days: Annotated[Days | None, Field(description="Local days from the first on; the park's own by default")] = None


class ForecastShown(Model):
    """A forecast; what is null is there once its job is done."""

    id: str
    site: str
    site_version: int
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    job: str
    created_at: AwareDatetime
    issue_time: AwareDatetime
    start: AwareDatetime
    end: AwareDatetime
    steps: int
    step_end: Annotated[list[AwareDatetime], Field(description="Ends of the steps")] = []
    levels: list[float] = []
    series: Annotated[list[SeriesForecast], Field(validate_default=True)] = []
    scenarios: Annotated[int | None, Field(description="How many joint paths there are besides")] = None
    model: str | None = None
    data_age_h: Annotated[float | None, Field(description="Age of the oldest of the newest measurements")] = None
    notes: list[str] = []
    quantiles_href: str | None = None
    scenarios_href: str | None = None
    problem: Failed | None = None


class HeldList(Model):
    """What is held of a site."""

    site: str
    series: list[HeldShown]


class PageAward(Model):
    items: Annotated[list[Award], Field(description="The entries of this page")]
    next: Annotated[str | None, Field(description="Cursor of the next page; null on the last")] = None


class PageProduct(Model):
    items: Annotated[list[DispatchServiceSchemasBidsProduct], Field(description="The entries of this page")]
    next: Annotated[str | None, Field(description="Cursor of the next page; null on the last")] = None


class PageScheduleListed(Model):
    items: Annotated[list[ScheduleListed], Field(description="The entries of this page")]
    next: Annotated[str | None, Field(description="Cursor of the next page; null on the last")] = None


class PageSettlement(Model):
    items: Annotated[list[Settlement], Field(description="The entries of this page")]
    next: Annotated[str | None, Field(description="Cursor of the next page; null on the last")] = None


class PageSiteShown(Model):
    items: Annotated[list[SiteShown], Field(description="The entries of this page")]
    next: Annotated[str | None, Field(description="Cursor of the next page; null on the last")] = None


class PageVersionShown(Model):
    items: Annotated[list[VersionShown], Field(description="The entries of this page")]
    next: Annotated[str | None, Field(description="Cursor of the next page; null on the last")] = None


class Period(Model):
    """The curve of a delivery period."""

    model_config = ConfigDict(
        extra="forbid",
    )
    start: AwareDatetime
    steps: Annotated[list[Step], Field(max_length=200, min_length=1)]


class Problem(Model):
    """A problem document (RFC 9457)."""

    type: Annotated[str, Field(examples=["urn:parkwatt:problem:not-found"])]
    title: Annotated[str, Field(description="The same for all problems of a type")]
    status: Annotated[int, Field(ge=400, le=599)]
    detail: Annotated[str, Field(description="What happened this time")]
    instance: Annotated[str, Field(description="The request's path")]
    trace_id: Annotated[str, Field(description="What the server's log has this request under")]
    errors: Annotated[
        list[ProblemError], Field(description="All that is wrong with the request", validate_default=True)
    ] = []
    errors_left_out: Annotated[int, Field(description="How many more there are", ge=0)] = 0


class Ready(Model):
    """What the server needs, and whether it is there."""

    status: Literal["ready", "not ready"]
    checks: Annotated[dict[str, str], Field(description="ok, or what is wrong", examples=[{"database": "ok"}])]
    workers: Annotated[Workers | None, Field(description="null: the database does not answer")]


class ReceiptShown(Model):
    """What became of measurements. When it arrives, what was taken is on disk."""

    received: Annotated[
        AwareDatetime, Field(description="The moment under which they are kept: what `as_of` is held against")
    ]
    taken: Annotated[int, Field(description="accepted, late and restated", ge=0)]
    accepted: Annotated[int, Field(ge=0)]
    late: Annotated[int, Field(description="Taken, for a time before the last that was held", ge=0)]
    restated: Annotated[int, Field(description="Taken, in place of another value, which is kept beside it", ge=0)]
    duplicate: Annotated[int, Field(description="Held already", ge=0)]
    rejected: Annotated[int, Field(ge=0)]
    verdicts: Annotated[list[Run], Field(description="Of each row, as runs of equal ones")]
    rejections: Annotated[list[Rejected], Field(description="The first ten thousand rows that were not taken")]
    rejections_left_out: Annotated[int, Field(description="How many more there are; `verdicts` has their places", ge=0)]


class ScheduleAsked(Model):
    """A plan for a site."""

    model_config = ConfigDict(
        extra="forbid",
    )
    day: Annotated[date | None, Field(description="First local day; instead of a horizon")] = None
    horizon: Annotated[HorizonAsked | None, Field(description="Instead of a day")] = None
    issue_time: Annotated[
        AwareDatetime | None,
        Field(description="Nothing later than this is used; now, or before the horizon, by default"),
    ] = None
    known_at: Annotated[
        Literal["receipt", "end"],
        Field(
            description="When a measurement counts as known: when it was received here, or (for histories imported later) a quarter of an hour after the end of its interval"
        ),
    ] = "receipt"
    scenarios: Annotated[Scenarios | None, Field(description="Beside the central path; the park's own by default")] = (
        None
    )
    weather: WeatherAsked | None = None
    mode: Annotated[
        Literal["day_ahead", "rolling", "perfect_foresight"],
        Field(
            description="day_ahead: from forecasts; rolling: likewise, going on from the plan before and from the next step on; perfect_foresight: on what was measured, as a bound on what was possible"
        ),
    ] = "day_ahead"
    commitment: Annotated[Literal["exact", "convex"] | None, Field(description="The park's own by default")] = None
    deadline_s: Annotated[DeadlineS | None, Field(description="From its start; then the best without a solver")] = None
    start_state: Annotated[
        dict[
            Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_\-]+$", min_length=1, max_length=100)],
            dict[
                Annotated[
                    str,
                    StringConstraints(pattern=r"^[a-z][a-z0-9_]*(:[A-Za-z0-9_.\- ]+)*$", min_length=1, max_length=100),
                ],
                float,
            ],
        ]
        | None,
        Field(description="By asset: stored_kwh of a store, or any state that its kind carries over"),
    ] = None
    state_age_minutes: Annotated[
        StateAgeMinutes | None, Field(description="Age up to which a measured content counts")
    ] = None
    forecast: Annotated[Forecast2 | None, Field(description="Made before, of the same steps")] = None
    series: Annotated[
        dict[
            Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_\-]+$", min_length=1, max_length=100)], list[Series]
        ]
        | None,
        Field(description="By asset, its mean power in each step [kW], taken instead of a forecast"),
    ] = None
    network: Annotated[bool, Field(description="Prove the plan on the park's network, if it has one")] = True
    dry_run: Annotated[
        bool, Field(description="Only to look at: no set-points come of it, unless it is published afterwards")
    ] = False


class SettlementAsked(Model):
    """How an award is settled."""

    model_config = ConfigDict(
        extra="forbid",
    )
    baseline: Annotated[
        str,
        Field(
            description="A method, such as ten_of_ten",
            max_length=100,
            min_length=1,
            pattern="^[A-Za-z0-9][A-Za-z0-9_.\\-]{0,99}$",
        ),
    ]
    split_by: Literal["delivered", "marginal", "shapley"] = "delivered"
    holidays: Annotated[list[date], Field(max_length=400)] = []
    periods: Annotated[list[SettlementPeriod], Field(max_length=300, validate_default=True)] = []


class BatchDone(Model):
    """What became of a batch; the results stand in the order of its sites."""

    created: Annotated[int, Field(ge=0)]
    updated: Annotated[int, Field(ge=0)]
    same: Annotated[int, Field(description="Had this content already", ge=0)]
    rejected: Annotated[int, Field(ge=0)]
    results: list[BatchResult]


class Bid(Model):
    """A bid."""

    id: str
    fleet: str
    flexibility: str
    state: Annotated[
        Literal["draft", "submitted", "awarded", "withdrawn", "expired"],
        Field(description="A draft expires when its gate closes, a submitted bid when its last period has passed"),
    ]
    product: str
    day: date
    side: Literal["up", "down"]
    portfolio: str
    price_unit: str
    periods: list[Period]
    left_out_kw: Annotated[float, Field(description="Mean of what is there and is not offered: rounding, limits")]
    clipped: Annotated[
        str | None,
        Field(description="Why it offers less than single periods allow; null where all is possible together"),
    ] = None
    expires_at: Annotated[AwareDatetime, Field(description="When its last gate closes")]
    created: AwareDatetime
    submitted: AwareDatetime | None = None
    award: Annotated[str | None, Field(description="The award that was carried out")] = None


class Periods(RootModel[list[Period]]):
    root: Annotated[list[Period], Field(max_length=300, min_length=1)]


class BidAsked(Model):
    """A bid from what a fleet can do; with periods a curve of one's own instead of that of the costs."""

    model_config = ConfigDict(
        extra="forbid",
    )
    flexibility: Annotated[str, Field(pattern="^flx_[0-9a-hjkmnp-tv-z]{26}$")]
    product: Annotated[str, Field(max_length=100, min_length=1, pattern="^[A-Za-z0-9][A-Za-z0-9_.\\-]{0,99}$")]
    day: Annotated[date | None, Field(description="Delivery day; that of the flexibility by default")] = None
    side: Literal["up", "down"]
    holding_per_kw_h: Annotated[
        float, Field(description="Price of a kW kept ready for an hour", ge=0.0, le=1000000000000.0)
    ] = 0.0
    portfolio: Annotated[str, Field(max_length=200, pattern="^[^\\x00]*$")] = ""
    start: Annotated[AwareDatetime | None, Field(description="Offer only in periods that begin then or later")] = None
    end: Annotated[AwareDatetime | None, Field(description="Offer only in periods that begin before")] = None
    periods: Periods | None = None


class Fleet(Model):
    """A fleet as it is."""

    id: str
    version: int
    etag: str
    body: FleetBody
    sites: Annotated[int, Field(description="How many it has now")]
    created: AwareDatetime
    updated: AwareDatetime


class PageBid(Model):
    items: Annotated[list[Bid], Field(description="The entries of this page")]
    next: Annotated[str | None, Field(description="Cursor of the next page; null on the last")] = None
