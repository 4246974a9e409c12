"""What the service's OpenAPI document says. Made by `make client`: what is changed here is lost."""

from __future__ import annotations

from dispatch.client.generated.audit import AsyncAudit, Audit
from dispatch.client.generated.awards import AsyncAwards, Awards
from dispatch.client.generated.bids import AsyncBids, Bids
from dispatch.client.generated.carbon import AsyncCarbon, Carbon
from dispatch.client.generated.fleets import AsyncFleets, Fleets
from dispatch.client.generated.flexibility import AsyncFlexibility, Flexibility
from dispatch.client.generated.forecasts import AsyncForecasts, Forecasts
from dispatch.client.generated.health import AsyncHealth, Health
from dispatch.client.generated.jobs import AsyncJobs, Jobs
from dispatch.client.generated.keys import AsyncKeys, Keys
from dispatch.client.generated.measurements import AsyncMeasurements, Measurements
from dispatch.client.generated.oauth import AsyncOauth, Oauth
from dispatch.client.generated.overrides import AsyncOverrides, Overrides
from dispatch.client.generated.products import AsyncProducts, Products
from dispatch.client.generated.schedules import AsyncSchedules, Schedules
from dispatch.client.generated.setpoints import AsyncSetpoints, Setpoints
from dispatch.client.generated.settlements import AsyncSettlements, Settlements
from dispatch.client.generated.sites import AsyncSites, Sites
from dispatch.client.sending import AsyncSender, Sender

#: SHA-256 of the document and of the generator that these files were made from.
MADE_FROM = "086192c45c6dc481d00ba341e01feb4b25a71ca20242ae7f2434695cca8aeee9"


class Operations:
    """All operations, blocking."""

    def __init__(self, sender: Sender) -> None:
        self.audit = Audit(sender)
        self.awards = Awards(sender)
        self.bids = Bids(sender)
        self.carbon = Carbon(sender)
        self.fleets = Fleets(sender)
        self.flexibility = Flexibility(sender)
        self.forecasts = Forecasts(sender)
        self.health = Health(sender)
        self.jobs = Jobs(sender)
        self.keys = Keys(sender)
        self.measurements = Measurements(sender)
        self.oauth = Oauth(sender)
        self.overrides = Overrides(sender)
        self.products = Products(sender)
        self.schedules = Schedules(sender)
        self.setpoints = Setpoints(sender)
        self.settlements = Settlements(sender)
        self.sites = Sites(sender)


class AsyncOperations:
    """All operations, for asyncio."""

    def __init__(self, sender: AsyncSender) -> None:
        self.audit = AsyncAudit(sender)
        self.awards = AsyncAwards(sender)
        self.bids = AsyncBids(sender)
        self.carbon = AsyncCarbon(sender)
        self.fleets = AsyncFleets(sender)
        self.flexibility = AsyncFlexibility(sender)
        self.forecasts = AsyncForecasts(sender)
        self.health = AsyncHealth(sender)
        self.jobs = AsyncJobs(sender)
        self.keys = AsyncKeys(sender)
        self.measurements = AsyncMeasurements(sender)
        self.oauth = AsyncOauth(sender)
        self.overrides = AsyncOverrides(sender)
        self.products = AsyncProducts(sender)
        self.schedules = AsyncSchedules(sender)
        self.setpoints = AsyncSetpoints(sender)
        self.settlements = AsyncSettlements(sender)
        self.sites = AsyncSites(sender)
