"""A client of the service, for Python. It needs httpx and pydantic; tables need pyarrow too.

::

    from dispatch.client import Client

    with Client("http://127.0.0.1:8000", key) as parkwatt:
        parkwatt.sites.put("works", park)
        plan = parkwatt.plan("works", day="2026-03-01")

Everything that the service does is a method: ``client.TAG.OPERATION``, named by its OpenAPI document, with typed bodies
in :mod:`dispatch.client.generated.models`. What it refuses is raised, see :mod:`dispatch.client.problems`.
"""

from __future__ import annotations

from dispatch.client.client import AsyncClient, Client
from dispatch.client.credentials import ClientCredentials
from dispatch.client.generated import models
from dispatch.client.model import header
from dispatch.client.problems import (
    ConflictError,
    JobEndedError,
    NotAcceptedError,
    NotAllowedError,
    NotFoundError,
    ProblemError,
    ServerFailedError,
    ServiceError,
    TooManyError,
    UnreachableError,
    UnsupportedError,
)
from dispatch.client.retries import Retry
from dispatch.client.streams import Event

__all__ = [
    "AsyncClient",
    "Client",
    "ClientCredentials",
    "ConflictError",
    "Event",
    "JobEndedError",
    "NotAcceptedError",
    "NotAllowedError",
    "NotFoundError",
    "ProblemError",
    "Retry",
    "ServerFailedError",
    "ServiceError",
    "TooManyError",
    "UnreachableError",
    "UnsupportedError",
    "header",
    "models",
]
