"""The ``parkwatt`` command."""

from __future__ import annotations

from dispatch.cli.commands import main

__all__ = ["main"]
