"""One module per topic; importing it registers its rows."""

from __future__ import annotations

import importlib
import importlib.util

from benchmarks.rows import REGISTER, Measurement

TOPICS = ("spine", "scheduler", "assets", "grid", "forecasting", "carbon", "fleet", "service", "studies")


def measurements(topic: str) -> list[Measurement]:
    """The rows of a topic; none where nobody has written its module."""
    module = f"{__name__}.{topic}"
    if importlib.util.find_spec(module) is not None:
        importlib.import_module(module)
    return REGISTER.of(topic)


def with_rows() -> list[str]:
    return [topic for topic in TOPICS if measurements(topic)]
