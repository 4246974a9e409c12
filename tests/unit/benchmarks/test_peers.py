"""Shared cases by several programs: the same question for all, the same optimum, and times only after that."""

from __future__ import annotations

import importlib.util
import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from benchmarks.__main__ import main
from benchmarks.cases import layer, microgrid, multi_carrier, shared
from benchmarks.cases.shared import Shared
from benchmarks.peers import comparison, emhass, interface, outside, parkwatt, table
from benchmarks.peers.comparison import OURS, Comparison, Told
from benchmarks.peers.interface import Answer
from benchmarks.rows import CannotMeasure
from benchmarks.topics.studies import peers as topic

DAY = next(case for case in shared.cases() if case.name == shared.DAY)
SMALL_UNITS = Shared("small", shared.commitment(3, 6), shared.commitment(3, 6, 1.02), None, gap=1e-7)
INSTALLED = {"pyomo": "pyomo", "oemof": "oemof", "linopy": "linopy", "pypsa": "pypsa"}


def needs(peer: str, *, slow: bool = False) -> object:
    marks = [pytest.mark.skipif(importlib.util.find_spec(INSTALLED[peer]) is None, reason=f"{peer}: make bench-env")]
    return pytest.param(peer, marks=[*marks, pytest.mark.slow] if slow else marks)


def answer(objective: float, cold_s: float, again_s: float | None = 1.0) -> Answer:
    return Answer(objective, 0.0, cold_s, again_s, objective, keeps=False, solver="any")


def compared(theirs: Answer | None, *, equal: float | None = 1e-6, absent: bool = False) -> Comparison:
    told = {OURS: Told("parkwatt", "1", answer(100.0, 1.0)), "pypsa": Told("PyPSA", "1", theirs, "no", absent)}
    return Comparison(replace(DAY, equal=equal), told)


def test_the_cases_are_the_same_every_time_and_again_asks_for_more() -> None:
    one, other = shared.day(), shared.day()
    for mine, theirs in zip(one.parts, other.parts, strict=True):
        assert repr(mine) == repr(theirs)
    assert isinstance(DAY.again, multi_carrier.Case)
    now, later = (case.of(multi_carrier.Demand)[0].kw for case in (one, DAY.again))
    np.testing.assert_allclose(later, shared.MORE * now)
    assert len({case.name for case in shared.cases()}) == len(shared.cases())


@pytest.mark.slow  # it imports all of them
def test_we_are_first_and_every_program_answers_the_four_questions() -> None:
    assert interface.names()[0] == OURS
    for name in interface.names():
        try:
            module = interface.find(name)
        except CannotMeasure:
            continue
        assert all(callable(getattr(module, question)) for question in ("name", "version", "can", "solve"))
        assert module.name() == topic.TITLES.get(name, module.name())


@pytest.mark.parametrize(
    "peer", [needs("pyomo"), needs("oemof"), needs("linopy", slow=True), needs("pypsa", slow=True)]
)
def test_a_program_finds_our_optimum_of_the_day_twice(peer: str) -> None:
    ours, theirs = parkwatt.solve(DAY), interface.find(peer).solve(DAY)
    assert theirs.objective == pytest.approx(ours.objective, rel=1e-7)
    assert theirs.again_objective == pytest.approx(ours.again_objective, rel=1e-7)
    assert ours.again_objective != pytest.approx(ours.objective, rel=1e-3)
    assert min(theirs.build_s, theirs.solve_s, theirs.again_s or 0) > 0


@pytest.mark.parametrize("peer", [needs("pyomo"), needs("pypsa", slow=True)])
def test_a_program_commits_the_units_as_we_do(peer: str) -> None:
    assert interface.find(peer).can(SMALL_UNITS)
    ours, theirs = parkwatt.solve(SMALL_UNITS), interface.find(peer).solve(SMALL_UNITS)
    assert theirs.objective == pytest.approx(ours.objective, rel=1e-6)


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("linopy") is None, reason="linopy: make bench-env")
def test_the_arithmetic_that_linopy_is_asked_for_is_not_left_to_others() -> None:
    from linopy import options

    before = options["semantics"]
    interface.find("linopy").solve(DAY)
    interface.find("linopy").build(layer.case(2, 1, 3))
    assert options["semantics"] == before


def test_our_own_plan_at_our_bill_costs_what_it_says() -> None:
    ours = parkwatt.solve(DAY)
    assert comparison.billed(DAY, ours) == pytest.approx(ours.objective, rel=1e-7)
    more = tuple(kw + 1 for kw in ours.series["import_kw"])
    assert comparison.billed(DAY, replace(ours, series={**ours.series, "import_kw": more})) > ours.objective + 1


def test_a_week_counts_what_is_bought_burnt_missed_and_left() -> None:
    week = replace(microgrid.week("rolling", 1), buy=np.full(74, 0.2))
    nothing = [0.0] * 24
    once = {"import_kw": 10.0, "genset_kw": 20.0, "unserved_kw": 1.0}
    flows = {name: [kw, *nothing[1:]] for name, kw in once.items()}
    full = flows | {"stored_kwh": [week.start_fill * week.energy_kwh]}
    assert week.cost(full) == pytest.approx(2.0 + 5.2 + 10.0)
    assert week.cost(full | {"stored_kwh": [110.0]}) == pytest.approx(17.2 - 10 * 0.2 * 0.95)


@pytest.mark.slow
def test_our_day_of_the_microgrid_is_better_planned_than_by_rules() -> None:
    rules, planned = (
        parkwatt.solve(Shared("day", microgrid.week(method, 1), None, None, equal=None))
        for method in ("rule_based", "rolling")
    )
    assert planned.objective < rules.objective
    assert len(planned.series["import_kw"]) == 24


def test_times_are_compared_once_objectives_are_equal_and_not_before() -> None:
    same, other = compared(answer(100.00001, 3.0)), compared(answer(101.0, 0.1))
    assert same.difference("pypsa") == pytest.approx(1e-7)
    assert same.times_ours("pypsa", lambda each: each.cold_s) == pytest.approx(3.0)
    with pytest.raises(RuntimeError, match="times are not compared"):
        other.times_ours("pypsa", lambda each: each.cold_s)
    assert not table.is_wrong(same)
    assert table.is_wrong(other)


def test_other_demand_is_held_equal_too() -> None:
    theirs = replace(answer(100.0, 1.0), again_objective=103.0)
    assert compared(theirs).difference("pypsa") == pytest.approx(0.03)


def test_who_is_absent_is_no_failure_and_who_failed_is() -> None:
    assert not table.is_wrong(compared(None, absent=True))
    with pytest.raises(CannotMeasure):
        compared(None, absent=True).answer("pypsa")
    assert table.is_wrong(compared(None))
    with pytest.raises(RuntimeError):
        compared(None).answer("pypsa")


@pytest.mark.parametrize(
    ("theirs", "equal", "said"),
    [
        (answer(100.0, 0.5), 1e-6, "cold: theirs is faster"),
        (answer(100.0, 2.0), 1e-6, "cold: ours is faster"),
        (answer(102.0, 0.5), 1e-6, "times are not compared"),
        (answer(98.0, 1.0), None, "2.00% below ours"),
        (answer(103.0, 1.0), None, "3.00% above ours"),
        (None, 1e-6, "no"),
    ],
)
def test_the_table_says_plainly_who_is_better(theirs: Answer | None, equal: float | None, said: str) -> None:
    console = Console(width=250, file=io.StringIO())
    with console.capture() as shown:
        table.show(compared(theirs, equal=equal), console)
    assert said in shown.get()


def test_a_case_that_is_not_there_is_answered_with_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["peers", "nonsense"]) == 2
    assert shared.DAY in capsys.readouterr().err


def test_an_environment_that_was_not_made_is_named_with_its_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(outside, "ROOT", tmp_path)
    with pytest.raises(CannotMeasure, match="make emhass-env"):
        emhass.solve(DAY)


def test_a_program_that_fails_is_quoted_and_one_that_answers_is_read(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"EMHASS failed: .*no such day"):
        outside.run(Path(sys.executable), "EMHASS", ["-c", "raise SystemExit('no such day')"])
    assert outside.run(Path(sys.executable), "EMHASS", ["-c", "print(7)"]) == "7\n"
    found = {"objective": 1, "build_s": 2, "solve_s": 3, "status": "ran", "solver": "x", "series": {"a": [1.0]}}
    read = outside.answer(json.loads(json.dumps(found)), keeps=False)
    assert (read.cold_s, read.again_s, read.series) == (5.0, None, {"a": (1.0,)})


def test_a_program_that_changes_its_mind_is_found_out() -> None:
    with pytest.raises(RuntimeError, match="when it was run again"):
        comparison._better(answer(100.0, 1.0), answer(90.0, 0.5), DAY)
    assert comparison._better(answer(100.0, 1.0, 3.0), answer(100.0, 2.0, 1.0), DAY) == answer(100.0, 1.0, 1.0)


@pytest.mark.slow  # it imports all of them
def test_every_statement_is_about_a_case_that_its_program_can_solve() -> None:
    if absent := [peer for peer, package in INSTALLED.items() if importlib.util.find_spec(package) is None]:
        pytest.skip(f"{', '.join(absent)}: make bench-env")
    cases = {case.name: case for case in shared.cases()}
    for name, peers in topic.PAIRS.items():
        able = set(comparison.able(cases[name]))
        assert set(peers) <= able
        assert able - set(peers) <= {OURS}, name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "case"),
    [("emhass", DAY), ("egret", SMALL_UNITS), ("microgrid", None)],
    ids=["emhass", "egret", "microgrid"],
)
def test_a_program_beside_us_finds_what_we_find(environment: str, case: Shared | None) -> None:
    try:
        outside.interpreter(environment, environment)
    except CannotMeasure as reason:
        pytest.skip(str(reason))
    if case is None:
        week = microgrid.week("rolling", 1)
        case = Shared("day", week, None, week, equal=None)
    case = replace(case, small=case.data)
    peer = {"microgrid": "python_microgrid"}.get(environment, environment)
    theirs, ours = interface.find(peer).solve(case), parkwatt.solve(case)
    within = 1e-6 if case.equal is not None else 1e-2
    assert theirs.objective == pytest.approx(ours.objective, rel=within)
    if environment == "emhass":
        assert comparison.billed(case, theirs) == pytest.approx(theirs.objective, rel=1e-6)
