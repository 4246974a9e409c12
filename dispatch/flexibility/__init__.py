"""Flexibility of devices, sites and fleets: what is possible beside a plan, what it costs, and who does it."""

from __future__ import annotations

from dispatch.flexibility.offers import Flexibility, together

__all__ = ["Flexibility", "together"]
