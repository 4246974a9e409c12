"""Markets: products and their gates, bids and awards, baselines, delivery, settlement and the split of the revenue."""

from __future__ import annotations
