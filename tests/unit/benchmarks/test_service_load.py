"""The load is what it says, and what came of it is counted right."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import numpy as np
import pytest

from benchmarks.topics.service.load import Load, _found, measure, park, requests

UNTIL = datetime(2026, 6, 1, tzinfo=UTC)


def test_requests_come_at_the_rate_that_is_asked_for() -> None:
    load = Load(seconds=60, rate_per_s=200, schedules=200)
    lines = list(requests(load, UNTIL))
    seconds = np.array([line[0] for line in lines])
    assert (np.diff(seconds) >= 0).all()
    assert len(lines) / 60 == pytest.approx(200, rel=0.05)
    kinds = Counter(line[1] for line in lines)
    assert kinds["post schedule"] == 200
    assert kinds["post measurements"] / 60 == pytest.approx(25, rel=0.1)
    reads = sum(count for kind, count in kinds.items() if not kind.startswith("post"))
    assert kinds["setpoints"] / reads == pytest.approx(0.2, rel=0.1)


def test_no_value_is_sent_twice() -> None:
    bodies = [str(line[4]) for line in requests(Load(seconds=20, schedules=5), UNTIL) if line[1] == "post measurements"]
    assert len(set(bodies)) == len(bodies) > 400


def test_what_failed_and_what_never_came_are_errors() -> None:
    lines = [[0.0, "site", "GET", "/", None]] * 4
    answers = [[0.0, "site", 200, 5.0, ""], [0.0, "site", 500, 7.0, ""], [0.0, "post schedule", 202, 9.0, "/jobs/1"]]
    found = _found(lines, answers, Counter({"done": 1}), 0.0, {})
    assert (found.errors, found.unanswered, dict(found.failed)) == (2, 1, {("site", 500): 1})
    assert found.reads_ms.tolist() == [5.0, 7.0]


def test_its_sites_are_parks() -> None:
    from dispatch.service.store import sites

    assert sites.prepare(park(3), "works").park.name == "works_003"


@pytest.mark.slow
def test_a_small_load_loses_nothing() -> None:
    found = measure(Load(seconds=4, rate_per_s=20, schedules=4, sites=2))
    assert found.errors == 0
    assert found.states == {"done": 4}
    assert found.reads_ms.size > 20
