"""What the service's OpenAPI document says. Made by `make client`: what is changed here is lost."""

from __future__ import annotations

from dispatch.client.generated.audit import AsyncAudit, Audit
from dispatch.client.generated.health import AsyncHealth, Health
from dispatch.client.generated.jobs import AsyncJobs, Jobs
from dispatch.client.generated.keys import AsyncKeys, Keys
from dispatch.client.generated.measurements import AsyncMeasurements, Measurements
from dispatch.client.generated.oauth import AsyncOauth, Oauth
from dispatch.client.generated.sites import AsyncSites, Sites
from dispatch.client.sending import AsyncSender, Sender

#: SHA-256 of the document and of the generator that these files were made from.
MADE_FROM = "4e12474773cc6e854e04d9799676cfa8c0d860c8e3ff0b24a5e6b4d94eb50c61"


class Operations:
    """All operations, blocking."""

    def __init__(self, sender: Sender) -> None:
        self.audit = Audit(sender)
        self.health = Health(sender)
        self.jobs = Jobs(sender)
        self.keys = Keys(sender)
        self.measurements = Measurements(sender)
        self.oauth = Oauth(sender)
        self.sites = Sites(sender)


class AsyncOperations:
    """All operations, for asyncio."""

    def __init__(self, sender: AsyncSender) -> None:
        self.audit = AsyncAudit(sender)
        self.health = AsyncHealth(sender)
        self.jobs = AsyncJobs(sender)
        self.keys = AsyncKeys(sender)
        self.measurements = AsyncMeasurements(sender)
        self.oauth = AsyncOauth(sender)
        self.sites = AsyncSites(sender)
