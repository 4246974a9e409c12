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
    workers: Annotated[int, Field(ge=0, le=256, description="Processes that do jobs")] = 1
    executor: Annotated[Literal["processes", "ray"], Field(description="Where jobs run")] = "processes"

    max_body_bytes: Annotated[int, Field(ge=1024, description="Largest body, before and after decompression")] = 2**25
    max_depth: Annotated[int, Field(ge=4, le=200, description="Deepest nesting of a JSON body")] = 64
    body_timeout_s: Annotated[float, Field(gt=0, description="Time in which a body has to arrive")] = 30.0
    requests_per_minute: Annotated[int, Field(ge=1, description="Requests of one tenant per minute")] = 30_000
    idempotency_hours: Annotated[int, Field(ge=1, le=720, description="How long answers are kept by key")] = 24

    issuer: Annotated[str, Field(min_length=1, description="Who issues tokens")] = "parkwatt"
    token_minutes: Annotated[int, Field(ge=1, le=1440, description="How long an access token holds")] = 60
    signing_days: Annotated[int, Field(ge=1, le=365, description="Age at which a signing secret is replaced")] = 30
    metrics_token: Annotated[
        SecretStr, Field(description="Bearer token of /metrics; without one it is answered to this machine alone")
    ] = SecretStr("")

    otlp_endpoint: Annotated[str, Field(description="Where traces go (OTLP over HTTP); empty: nowhere")] = ""
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Field(description="Least level logged")] = "info"
    event_poll_s: Annotated[float, Field(gt=0, le=60, description="Time between looks for events of a job")] = 0.5
    event_beat_s: Annotated[float, Field(gt=0, le=300, description="Time between signs of life of a stream")] = 15.0
    shutdown_s: Annotated[float, Field(ge=0, description="Time that open requests get when the server stops")] = 20.0
    min_free_bytes: Annotated[int, Field(ge=0, description="Free disk below which the server is not ready")] = 2**28

    flexmeasures: Annotated[bool, Field(description="Serve the routes that flexmeasures-client drives")] = False
    openadr: Annotated[bool, Field(description="Serve OpenADR 3.1")] = False
    pages: Annotated[bool, Field(description="Serve the overview page")] = True

    @property
    def url(self) -> str:
        """The database's URL."""
        return self.database or f"sqlite:///{self.data.resolve() / 'parkwatt.sqlite'}"

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
