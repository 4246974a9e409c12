"""What meters would have shown without an event, by several standard methods, and how far these are off."""

from __future__ import annotations
