"""Runs over a fleet: chunks, files, continuing, and sites that fail."""

from dispatch.fleet.run.asked import CHUNK, Asked, ask
from dispatch.fleet.run.planned import Planned
from dispatch.fleet.run.planner import ByLadder, Planner
from dispatch.fleet.run.run import Progress, run
from dispatch.fleet.run.summary import Summary

__all__ = ["CHUNK", "Asked", "ByLadder", "Planned", "Planner", "Progress", "Summary", "ask", "run"]
