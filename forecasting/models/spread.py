"""How far physics from forecast weather errs, where nothing was measured yet."""

from __future__ import annotations

# Standard error of physics from forecast weather, day ahead: a share of the capacity, for pv of the clear sky. Between
# the published .13 to .19 of single plants.
SPREAD = {"wind": 0.18, "pv": 0.20}
