"""The harness of injected faults: it injects, it looks, and a plan that is wrong does not pass it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.crash.climbs import Climb, climbed, faulty, left_behind, main, met, read, run
from benchmarks.crash.parks import KINDS, Parks
from benchmarks.crash.solvers import FAULTS
from dispatch.rules import rule_based
from dispatch.solve import solve
from dispatch.solver.worker import Worker


@pytest.fixture(scope="module")
def parks() -> Parks:
    return Parks()


@pytest.fixture(scope="module")
def started() -> Iterator[Worker]:
    with Worker() as worker:
        yield worker


@pytest.fixture
def worker(started: Worker) -> Worker:
    assert started.ready(60)
    return started


def asked(fault: str, number: int = 5, after: str = "same", deadline_s: float = 0.5, park: str = "genset") -> Climb:
    return Climb(number, park, "of the test", fault, after, deadline_s, is_cold=False, has_plan=True)


FEW = ("hang_native", "garbage", "permuted_point")


@pytest.mark.parametrize("fault", FEW)
def test_a_plan_comes_whatever_the_solver_does(parks: Parks, worker: Worker, tmp_path: Path, fault: str) -> None:
    one = met(asked(fault), parks, tmp_path / "log", worker)
    assert (one.wrong, one.faults > 0, one.late_s < 1) == ("", True, True)


@pytest.mark.slow
@pytest.mark.parametrize("after", ["same", "healthy", "mixed"])
@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_survived(parks: Parks, worker: Worker, tmp_path: Path, fault: str, after: str) -> None:
    for park in KINDS:
        assert worker.ready(60)
        one = met(asked(fault, after=after, park=park), parks, tmp_path / "log", worker)
        assert (one.wrong, one.faults > 0, one.late_s < 2) == ("", True, True), one


@pytest.mark.parametrize("kind", KINDS)
def test_the_parks_need_no_leave_to_pass_limits_on_any_rung(parks: Parks, kind: str) -> None:
    for number in range(2):
        problem = parks.problem(kind, number)
        assert faulty(problem, rule_based(problem)) == ""
        assert faulty(problem, solve(problem)) == ""


def test_a_wrong_plan_is_told(parks: Parks) -> None:
    problem = parks.problem("battery", 1)
    schedule = solve(problem)
    assert "money differs" in faulty(problem, replace(schedule, money=schedule.money + 1))
    other = parks.problem("battery", 2)
    assert faulty(other, schedule) == "a plan for something else"
    assert "assets" in faulty(other, replace(solve(other), kinds={"load": schedule.kinds["load"]}))
    stopped = parks.problem("battery", 1)
    wrong = replace(solve(stopped), money=np.ones(1))
    may_pass = frozenset({("site", "money differs from its parts")})
    assert "money differs" in faulty(stopped, replace(wrong, proof=replace(wrong.proof, may_pass=may_pass)))


def test_no_plan_at_all_is_told(parks: Parks, worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object, **named: object) -> None:
        raise RuntimeError("of the test")

    monkeypatch.setattr("benchmarks.crash.climbs.climb", broken)
    one = climbed(asked("hang"), parks, tmp_path / "log", worker)
    assert (one.rung, one.wrong) == ("", "RuntimeError: of the test")


def test_numbers_draw_all_sorts_and_always_the_same() -> None:
    drawn = [Climb.drawn(number) for number in range(800)]
    assert drawn[:50] == [Climb.drawn(number) for number in range(50)]
    assert {one.fault for one in drawn} == set(FAULTS)
    assert {one.park for one in drawn} == set(KINDS)


def test_a_run_goes_on_where_it_was_cut_off(tmp_path: Path) -> None:
    file = tmp_path / "climbs.jsonl"
    main(str(file), "0", "2", "2")
    first = file.read_text()
    file.write_text(first + '{"number": 2, "pa')
    assert [one.number for one in read(file)] == [0]
    main(str(file), "0", "2", "2")
    assert file.read_text() == first


@pytest.mark.slow
def test_processes_share_the_numbers_and_leave_nothing_behind(tmp_path: Path) -> None:
    assert [one.number for one in run(tmp_path, 5)] == [0, 1, 2, 3, 4]
    until = time.monotonic() + 3
    while left_behind(tmp_path) and time.monotonic() < until:
        time.sleep(0.05)
    assert left_behind(tmp_path) == []
