from __future__ import annotations

from tests.unit.dispatch.service.doors import doors

__all__ = ["doors"]
