"""Which pieces are measured first where there is not time for all, and how long each takes.

A piece is a module of rows; its rows share runs, so they are measured in one process. First come short ones that decide
whether an answer can be trusted, some of every topic; then what a user waits for; last what takes hours. A piece that
is not listed comes before the last.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.rows import Measurement

UNKNOWN_S = 300.0  # what is assumed of a piece that was never measured here and is not listed
# Piece and seconds on two cores of 2020; a manifest's own seconds, once there are any, count instead.
ORDER: tuple[tuple[str, float], ...] = (
    ("grid/broken", 10.0),
    ("grid/controls", 15.0),
    ("grid/opf", 25.0),
    ("carbon/ledgers", 15.0),
    ("carbon/game", 40.0),
    ("carbon/marginal", 40.0),
    ("carbon/market", 10.0),
    ("forecasting/typical_year", 25.0),
    ("forecasting/fleet", 60.0),
    ("fleet/scale", 60.0),
    ("service/client_lines", 5.0),
    ("service/doors", 60.0),
    ("service/jobs", 60.0),
    ("service/tenants", 60.0),
    ("scheduler/golden", 60.0),
    ("scheduler/egret_cases", 60.0),
    ("scheduler/small_cuts", 60.0),
    ("spine", 240.0),
    ("assets/peers", 60.0),
    ("carbon/front", 60.0),
    ("carbon/signals", 60.0),
    ("carbon/year", 65.0),
    ("grid/studies", 50.0),
    ("grid/engines", 110.0),
    ("scheduler/layer", 100.0),
    ("service/store", 90.0),
    ("fleet/shared", 120.0),
    ("fleet/flexibility", 180.0),
    ("forecasting/archive", 120.0),
    ("scheduler/storage", 240.0),
    ("scheduler/formulations", 240.0),
    ("grid/loop", 240.0),
    ("grid/linear", 240.0),
    ("fleet/coordination", 300.0),
    ("service/credentials", 300.0),
    ("service/planning", 120.0),
    ("service/checker", 120.0),
    ("forecasting/net_load", 230.0),
    ("assets/parks_small", 300.0),
    ("scheduler/explain", 600.0),
)
LAST: tuple[tuple[str, float], ...] = (
    ("scheduler/park_days", 1_800.0),
    ("scheduler/pglib", 6_600.0),
    ("scheduler/replay", 3_600.0),
    ("forecasting/wind", 4_000.0),
    ("assets/parks", 7_200.0),
    ("service/vpp", 900.0),
    ("service/unsynced", 3_600.0),
    ("service/faults", 7_200.0),
    ("service/generated", 7_200.0),
    ("service/kills", 14_400.0),
    ("service/load", 3_600.0),
)
_DECLARED = dict(ORDER + LAST)
_PLACES = {piece: place for place, (piece, _) in enumerate(ORDER)} | {
    piece: len(ORDER) + 1 + place for place, (piece, _) in enumerate(LAST)
}


def place(piece: str) -> int:
    """The lower, the earlier; what is not listed stands between ORDER and LAST."""
    return _PLACES.get(piece, len(ORDER))


def piece_of(measurement: Measurement) -> str:
    """Topic and module, as in ``scheduler/pglib``; the topic alone where it is one module."""
    _, _, within = measurement.function.__module__.partition(f"topics.{measurement.topic}.")
    return f"{measurement.topic}/{within.partition('.')[0]}" if within else measurement.topic


def expected_s(piece: str, known: Sequence[float | None]) -> float:
    """Seconds that the rows of a piece will take: what they took, or what is declared where not all were measured."""
    if any(seconds is None for seconds in known):
        return _DECLARED.get(piece, UNKNOWN_S)
    return sum(seconds or 0.0 for seconds in known)
