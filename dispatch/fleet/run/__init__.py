"""Runs over a fleet: chunks, files, continuing, and sites that fail."""

from __future__ import annotations

from dispatch.fleet.run.asked import CHUNK, Asked, ask
from dispatch.fleet.run.planned import Tables
from dispatch.fleet.run.planner import Independent, Planner
from dispatch.fleet.run.reading import When, common_horizon, forecast, foreseen, known, read
from dispatch.fleet.run.run import Progress, run
from dispatch.fleet.run.summary import Summary

__all__ = [
    "CHUNK",
    "Asked",
    "Independent",
    "Planner",
    "Progress",
    "Summary",
    "Tables",
    "When",
    "ask",
    "common_horizon",
    "forecast",
    "foreseen",
    "known",
    "read",
    "run",
]
