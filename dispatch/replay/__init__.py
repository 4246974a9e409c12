"""A park run through past weeks as it would have been, planning again and again with what was known then."""

from __future__ import annotations

from dispatch.replay.case import METHODS, Case, Settings
from dispatch.replay.journal import Journal
from dispatch.replay.run import Replayed, replay

__all__ = ["METHODS", "Case", "Journal", "Replayed", "Settings", "replay"]
