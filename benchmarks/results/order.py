"""Which pieces are measured first where there is not time for all, and how long each takes.

A piece is a module of rows; its rows share runs, so they are measured in one process. First come short ones that decide
whether an answer can be trusted, some of every topic; then what a user waits for; last what takes hours. A piece that
is not listed comes before the last.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.rows import Measurement

UNKNOWN_S = 300.0  # what is assumed of a piece that was never measured here and is not listed
# Piece and seconds on two cores of a server; a manifest's own seconds, once there are any, count instead.
ORDER: tuple[tuple[str, float], ...] = (
    ("grid/broken", 5.0),
    ("grid/controls", 30.0),
    ("grid/opf", 15.0),
    ("carbon/ledgers", 10.0),
    ("carbon/game", 30.0),
    ("carbon/marginal", 20.0),
    ("carbon/market", 10.0),
    ("forecasting/typical_year", 15.0),
    ("forecasting/fleet", 70.0),
    ("fleet/scale", 150.0),
    ("assets/golden", 2.0),
    ("assets/outages", 5.0),
    ("assets/drop_in", 10.0),
    ("carbon/golden", 5.0),
    ("carbon/arbitrage", 2.0),
    ("forecasting/mix", 5.0),
    ("forecasting/providers", 5.0),
    ("forecasting/scenarios", 30.0),
    ("fleet/market", 10.0),
    ("service/restating", 6.0),
    ("service/client_lines", 10.0),
    ("service/doors", 20.0),
    ("service/jobs", 35.0),
    ("service/tenants", 5.0),
    ("scheduler/golden", 5.0),
    ("scheduler/egret_cases", 60.0),
    ("scheduler/small_cuts", 10.0),
    ("spine", 165.0),
    ("assets/peers", 5.0),
    ("carbon/front", 55.0),
    ("carbon/signals", 45.0),
    ("assets/parks_campus", 20.0),
    ("forecasting/load", 20.0),
    ("fleet/stack", 45.0),
    ("carbon/year", 75.0),
    ("grid/studies", 35.0),
    ("grid/engines", 90.0),
    ("scheduler/layer", 35.0),
    ("service/store", 15.0),
    ("fleet/shared", 20.0),
    ("fleet/flexibility", 160.0),
    ("forecasting/archive", 10.0),
    ("scheduler/storage", 25.0),
    ("scheduler/formulations", 30.0),
    ("grid/loop", 80.0),
    ("grid/linear", 15.0),
    ("fleet/coordination", 245.0),
    ("studies/new_user", 130.0),
    ("fleet/faults", 170.0),
    ("forecasting/value", 85.0),
    ("forecasting/carbon", 150.0),
    ("forecasting/feeders", 200.0),
    ("forecasting/deletion", 250.0),
    ("service/credentials", 300.0),
    ("service/planning", 120.0),
    ("service/checker", 120.0),
    ("forecasting/lead_days", 215.0),
    ("forecasting/solar", 220.0),
    ("forecasting/net_load", 230.0),
    ("assets/parks_small", 300.0),
    ("scheduler/explain", 600.0),
)
LAST: tuple[tuple[str, float], ...] = (
    ("fleet/commitment", 900.0),
    ("studies/engine", 1_200.0),
    ("scheduler/park_days", 900.0),
    ("scheduler/pglib", 6_600.0),
    ("scheduler/replay", 3_600.0),
    ("forecasting/wind", 4_000.0),
    ("assets/parks", 500.0),
    ("service/vpp", 900.0),
    ("service/unsynced", 3_600.0),
    ("service/faults", 7_200.0),
    ("service/generated", 2_300.0),
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
