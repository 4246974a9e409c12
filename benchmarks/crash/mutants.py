"""Wrong versions of the checker, one small change each, and whether the tests that belong to it notice.

A mutant is a function whose code is replaced in a forked process, in which the tests then run; the parent has run them
once on the right code, so that whatever they solve is solved already. A change is a flipped comparison or sign, another
operator, another number, a violation left out, a condition that is always true or never, an early end.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import importlib
import inspect
import json
import os
import sys
import textwrap
import time
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.crash.mutations import mutations

_LOOSER = 1e3
_TESTS = "tests/unit/dispatch"
_NOTICE = f"{_TESTS}/assets/test_checks_notice.py"
_SLOWEST_S = 40.0


@dataclass(frozen=True)
class Target:
    """A part of the checker and the tests that belong to it.

    Attributes:
        functions: in the module; of a class ``Class.method``.
        tests: what pytest is asked for.
        constants: of the module, tolerances that a mutant makes a thousand times wider.
    """

    module: str
    functions: tuple[str, ...]
    tests: tuple[str, ...]
    constants: tuple[str, ...] = ()


def of_kind(module: str, name: str, *kinds: str, more: tuple[str, ...] = ()) -> Target:
    files = [f"{_TESTS}/assets/test_check_limits.py", _NOTICE]
    return Target(f"dispatch.{module}", (name,), (*files, *more, "-k", " or ".join((*kinds, "limits"))))


_AUDIT = tuple(
    f"{_TESTS}/{name}.py" for name in ("test_audit_limits", "test_audit", "terms/test_groups", "terms/test_reactive")
)
TARGETS = (
    Target(
        "dispatch.audit",
        ("audit", "_missing", "_balances", "_reserves", "_outages", "_groups", "_capabilities", "_sums", "_by_row",
         "_accounts", "Audit.passed"),
        _AUDIT, ("_BALANCE_KW", "_SUM", "_SHARE", "_LACKING_KWH"),
    ),
    Target("dispatch.part", ("breaches",), (*_AUDIT[:2], f"{_TESTS}/assets/test_check_limits.py")),
    of_kind("stores.stock", "Storage.check", "battery", "thermal_store"),
    of_kind("stores.electric", "ElectricStorage.check", "battery"),
    of_kind("assets.battery", "Battery.check", "battery"),
    of_kind("assets.thermal", "Thermal.check", "thermal"),
    of_kind("units.commitment", "Committed.check_commitment", "thermal"),
    of_kind("assets.chp", "Chp.check", "chp"),
    of_kind("units.fired", "Fired.check", "chp"),
    of_kind("units.process", "Process.check", "gas_boiler", "heat_pump"),
    of_kind("units.conversion", "Conversion.check", "gas_boiler", "heat_pump"),
    of_kind("assets.curtailable", "Curtailable.check", "curtailable"),
    of_kind("assets.deferrable", "Deferrable.check", "deferrable"),
    of_kind("assets.ev_fleet", "EvFleet.check", "ev_fleet"),
    of_kind("assets.fuel_supply", "FuelSupply.check", "fuel_supply"),
    of_kind("assets.grid_connection", "GridConnection.check", "grid_connection"),
    of_kind("assets.load", "Load.check", "load"),
    of_kind("units.generation", "VariableGeneration.check", "pv"),
)  # fmt: skip


# Mutants that no test can tell from the right code, by name, with the reason.
EQUIVALENT: dict[str, str] = {}


@dataclass(frozen=True)
class Mutant:
    """One change: of what, its words, which of those with the same words."""

    target: Target
    function: str
    change: str
    apply: Callable[[], None]

    @property
    def name(self) -> str:
        return f"{self.target.module}.{self.function}: {self.change}"


def mutants(target: Target) -> Iterator[Mutant]:
    """All of a target, in the order of its source."""
    module = importlib.import_module(target.module)
    for name in target.functions:
        function = _found(module, name)
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
        seen: dict[str, int] = {}
        for words, changed in mutations(tree):
            seen[words] = seen.get(words, 0) + 1
            change = words if seen[words] == 1 else f"{words} ({seen[words]})"
            yield Mutant(target, name, change, _replacing(function, changed))
    for name in target.constants:
        value = getattr(module, name)
        widened = _set(module, name, _LOOSER * value)
        yield Mutant(target, name, f"{value} → {_LOOSER * value}", widened)


def _set(module: types.ModuleType, name: str, value: Any) -> Callable[[], None]:
    return lambda: setattr(module, name, value)


def _found(module: types.ModuleType, name: str) -> types.FunctionType:
    owner: Any = module
    for part in name.split("."):
        owner = vars(owner)[part]
    found = owner.fget if isinstance(owner, property) else getattr(owner, "__func__", owner)
    assert isinstance(found, types.FunctionType)
    return found


def _replacing(function: types.FunctionType, tree: ast.Module) -> Callable[[], None]:
    """Give the function the code of the tree: whoever holds the function has the mutant."""
    definition = copy.deepcopy(tree.body[0])
    assert isinstance(definition, ast.FunctionDef)
    definition.decorator_list = []
    if "__class__" in function.__code__.co_freevars:  # a mutant without its super() must still have the cell
        definition.body.insert(0, ast.parse("__class__").body[0])
    inside = ast.parse("class Owner:\n    pass")
    assert isinstance(inside.body[0], ast.ClassDef)
    inside.body[0].body = [definition]
    flags = compile("from __future__ import annotations", "", "exec").co_flags
    code = compile(ast.fix_missing_locations(inside), "mutant", "exec", flags=flags & 0x1000000, dont_inherit=True)

    def apply() -> None:
        scope: dict[str, Any] = dict(function.__globals__)
        exec(code, scope)
        function.__code__ = vars(scope["Owner"])[function.__name__].__code__

    return apply


def run_tests(tests: tuple[str, ...]) -> int:
    """pytest in this process, up to the first failure; its exit status."""
    import pytest

    with (
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        return int(pytest.main([*tests, "-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", "-m", "not slow"]))


def is_killed(mutant: Mutant) -> bool:
    """Do the target's tests fail, or not end, with the mutant in place? In a process of its own."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            mutant.apply()
            status = run_tests(mutant.target.tests)
        finally:
            os._exit(1 if status else 0)
    until = time.monotonic() + _SLOWEST_S
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status != 0
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return True


def main(module: str, kept: str) -> None:
    """Run all mutants of a target, and keep by name whether each was killed."""
    (target,) = (one for one in TARGETS if one.module == module)
    if status := run_tests(target.tests):
        raise SystemExit(f"the tests of {module} end with {status} without any mutant")
    found = {mutant.name: is_killed(mutant) for mutant in mutants(target)}
    Path(kept).write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
