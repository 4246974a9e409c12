"""All that an operator can set, by flags of ``parkwatt serve`` or the environment (PARKWATT_…); flags win."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from dispatch.errors import ConfigError, Problem

PREFIX = "PARKWATT_"


class Settings(BaseModel):
    """One frozen set of settings; a database that is not named is SQLite in the data folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    database: Annotated[str, Field(description="URL: sqlite:///FILE or postgresql+psycopg://…")] = ""
    data: Annotated[Path, Field(description="Folder of series, files and the embedded database")] = Path(
        "parkwatt-data"
    )
    host: Annotated[str, Field(description="Address to listen at")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="Port to listen at; 0 takes a free one")] = 8000
    processes: Annotated[
        int, Field(ge=1, le=64, description="Processes that answer requests; limits hold for each")
    ] = 1
    workers: Annotated[int, Field(ge=0, le=256, description="Processes that do jobs")] = 1
    executor: Annotated[Literal["processes", "ray"], Field(description="Where jobs run")] = "processes"
    ray_address: Annotated[str, Field(description="host:port of a Ray that runs; empty: one of this machine")] = ""

    job_lease_s: Annotated[float, Field(gt=0, le=3600, description="After so long without a sign of life of its "
                           "worker a job goes to another")] = 15.0  # fmt: skip
    job_poll_s: Annotated[float, Field(gt=0, le=60, description="Time between a worker's looks for jobs")] = 0.1
    job_attempts: Annotated[int, Field(ge=1, le=20, description="Attempts before a rule answers")] = 3
    job_lapses: Annotated[int, Field(ge=1, le=100, description="How often workers may end over a job besides")] = 10
    job_pause_s: Annotated[float, Field(ge=0, le=600, description="Pause after the first attempt; it doubles")] = 0.5
    job_seed: Annotated[int, Field(description="Seed of the chance in these pauses")] = 0
    job_deadline_s: Annotated[float, Field(gt=0, description="Deadline of jobs that have none of their own")] = 300.0
    job_memory_bytes: Annotated[int, Field(ge=0, description="Address space of a process that computes; 0: any")] = 0
    job_renew_after: Annotated[int, Field(ge=1, description="Jobs after which such a process is replaced")] = 200
    job_renew_bytes: Annotated[int, Field(ge=0, description="Memory in use after a job above which it is")] = 2**30
    job_grace_s: Annotated[float, Field(ge=0, description="Time that a job in hand gets when a worker stops")] = 5.0
    job_longest_restart_s: Annotated[float, Field(gt=0, description="Longest pause before a worker that ended is "
                                     "started again")] = 30.0  # fmt: skip
    job_nice: Annotated[int, Field(ge=0, le=19, description="Niceness of workers, so that reads come first")] = 10
    job_kinds: Annotated[str, Field(description="Modules that are kinds of job too, separated by commas")] = ""
    job_keep_days: Annotated[float, Field(gt=0, description="How long ended jobs and their events are kept")] = 90.0
    job_housekeeping_s: Annotated[float, Field(gt=0, description="Time between two rounds of tidying up")] = 600.0
    job_compaction_s: Annotated[float, Field(gt=0, description="Time between two looks for series to compact")] = 10.0
    job_queue_limit: Annotated[int, Field(ge=1, description="Jobs of one tenant that may wait")] = 10_000

    max_body_bytes: Annotated[int, Field(ge=1024, description="Largest body, before and after decompression")] = 2**25
    max_json_bytes: Annotated[int, Field(ge=1024, description="Largest JSON body, except of sites, of what is theirs, "
                              "and of measurements")] = 2**20  # fmt: skip
    max_depth: Annotated[int, Field(ge=4, le=200, description="Deepest nesting of a JSON body")] = 64
    body_timeout_s: Annotated[float, Field(gt=0, description="Time in which a body has to arrive")] = 30.0
    requests_per_minute: Annotated[int, Field(ge=1, description="Requests of one tenant per minute")] = 30_000
    requests_at_once: Annotated[int, Field(ge=1, le=48, description="Requests of one tenant that are answered at the "
                                "same time")] = 16  # fmt: skip
    requests_waiting: Annotated[int, Field(ge=0, description="Requests of one tenant that wait for that")] = 128
    request_wait_s: Annotated[float, Field(ge=0, description="How long they wait, at most")] = 10.0
    failures_per_minute: Annotated[int, Field(ge=1, description="Credentials from one address that do not hold, per "
                                   "minute; then none from there is looked at")] = 120  # fmt: skip

    issuer: Annotated[str, Field(min_length=1, description="Who issues tokens")] = "parkwatt"
    token_minutes: Annotated[int, Field(ge=1, le=1440, description="How long an access token holds")] = 60
    signing_days: Annotated[int, Field(ge=1, le=365, description="Age at which a signing secret is replaced")] = 30
    metrics_token: Annotated[
        SecretStr, Field(description="Bearer token of /metrics; without one it is answered to this machine alone")
    ] = SecretStr("")

    otlp_endpoint: Annotated[str, Field(description="Where traces go (OTLP over HTTP); empty: nowhere")] = ""
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Field(description="Least level logged")] = "info"
    event_poll_s: Annotated[float, Field(gt=0, le=60, description="Time between looks for events of a job")] = 0.25
    event_beat_s: Annotated[float, Field(gt=0, le=300, description="Time between signs of life of a stream")] = 15.0
    shutdown_s: Annotated[float, Field(ge=0, description="Time that open requests get when the server stops")] = 20.0
    min_free_bytes: Annotated[int, Field(ge=0, description="Free disk below which the server is not ready")] = 2**28

    plan_deadline_s: Annotated[float, Field(gt=0, le=86_400, description="Deadline of plans that name none")] = 120.0
    state_age_minutes: Annotated[float, Field(gt=0, description="Age up to which a store's content counts")] = 60.0
    plan_age_hours: Annotated[float, Field(gt=0, description="Age up to which a plan's set-points hold; one whose "
                              "steps begin by then holds to its end, unless it is rolling")] = 36.0  # fmt: skip
    override_hours: Annotated[float, Field(gt=0, le=8760, description="Longest time an override may hold")] = 24.0

    flexmeasures: Annotated[bool, Field(description="Serve the routes that flexmeasures-client drives")] = False
    openadr: Annotated[bool, Field(description="Serve OpenADR 3.1")] = False
    callbacks_private: Annotated[
        bool, Field(description="Call subscribers in private networks and on this machine, and without encryption")
    ] = False
    pages: Annotated[bool, Field(description="Serve the overview page")] = True

    @property
    def url(self) -> str:
        """The database's URL."""
        return self.database or f"sqlite:///{self.data.resolve() / 'parkwatt.sqlite'}"

    def told(self) -> dict[str, Any]:
        """All of them as JSON, secrets in plain text: for another process of this server."""
        plain = {
            name: value.get_secret_value()
            for name in type(self).model_fields
            if isinstance(value := getattr(self, name), SecretStr)
        }
        return self.model_dump(mode="json") | plain

    @classmethod
    def load(cls, environment: Mapping[str, str], **flags: Any) -> Self:
        """Read the environment; flags that are None were not given.

        Raises:
            ConfigError: a value cannot be used.
        """
        known = {f"{PREFIX}{name.upper()}": name for name in cls.model_fields}
        given = {known[name]: text for name, text in environment.items() if name in known}
        given |= {name: value for name, value in flags.items() if value is not None}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise ConfigError("settings", [_problem(cls, each) for each in error.errors(include_url=False)]) from None


def _problem(owner: type[Settings], details: Any) -> Problem:
    name = str(details["loc"][0]) if details["loc"] else "settings"
    field = owner.model_fields.get(name)
    accepted = "" if field is None or field.description is None else field.description
    return Problem(f"{PREFIX}{name.upper()}", f"{details['msg']}, found '{details['input']}'", accepted)
