"""Flexibility of devices, sites and fleets: what is possible beside a plan, what it costs, and who does it.

Devices are arrays (:class:`Devices`, made by :func:`storage`, :func:`vehicles`, :func:`shiftable` and
:func:`curtailable`); net draw is positive for consumption. :func:`envelope` gives bands, :func:`share` says whether a
profile is possible, with the reason where it is not, and who does what; :class:`Flexibility` is what bids are made of.
"""

from __future__ import annotations

from dispatch.fields.flexible_devices import Devices, joined
from dispatch.flexibility.bounds import Bounds, Gap, bounds
from dispatch.flexibility.envelope import Envelope, envelope
from dispatch.flexibility.linear import Behind
from dispatch.flexibility.made import curtailable, shiftable, storage, vehicles
from dispatch.flexibility.offers import Flexibility, together
from dispatch.flexibility.priced import Answer, Priced, marginal_per_kwh
from dispatch.flexibility.programs import program_envelope, stacked
from dispatch.flexibility.redispatch import Redispatch, redispatch
from dispatch.flexibility.sharing import Refusal, Sharing, nearest, possible, reach, share, support
from dispatch.flexibility.sites import SiteDevices, behind, site_devices

__all__ = [
    "Answer",
    "Behind",
    "Bounds",
    "Devices",
    "Envelope",
    "Flexibility",
    "Gap",
    "Priced",
    "Redispatch",
    "Refusal",
    "Sharing",
    "SiteDevices",
    "behind",
    "bounds",
    "curtailable",
    "envelope",
    "joined",
    "marginal_per_kwh",
    "nearest",
    "possible",
    "program_envelope",
    "reach",
    "redispatch",
    "share",
    "shiftable",
    "site_devices",
    "stacked",
    "storage",
    "support",
    "together",
    "vehicles",
]
