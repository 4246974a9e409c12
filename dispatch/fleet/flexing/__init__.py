"""The flexibility of a fleet's sites: bands, costs, and a profile shared out among them."""

from __future__ import annotations

from dispatch.fleet.flexing.results import (
    devices_table,
    envelope_table,
    offers_table,
    page,
    unpriced,
    write_all,
    write_sharing,
)
from dispatch.fleet.flexing.sites import FleetFlexibility, SiteFlexibility, disaggregated, flexibility_of

__all__ = [
    "FleetFlexibility",
    "SiteFlexibility",
    "devices_table",
    "disaggregated",
    "envelope_table",
    "flexibility_of",
    "offers_table",
    "page",
    "unpriced",
    "write_all",
    "write_sharing",
]
