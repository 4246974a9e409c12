"""Dropping one file into ``assets/`` is enough: config, schema, problem, rules and audit find the new kind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def outcome(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """A copy of the package with the kind added, run as a process of its own; the checkout stays as it is."""
    root = tmp_path_factory.mktemp("drop_in")
    leave = shutil.ignore_patterns("__pycache__")
    for name in ("dispatch", "configs"):
        shutil.copytree(repository / name, root / name, ignore=leave)
    shutil.copytree(repository / "docs" / "parkwatt_docs", root / "docs" / "parkwatt_docs", ignore=leave)
    (root / "tests").mkdir()
    shutil.copy(repository / "tests" / "parks.py", root / "tests")
    case = repository / "tests" / "cases" / "drop_in"
    shutil.copy(case / "extraction_turbine.py", root / "dispatch" / "assets")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COV_")} | {
        "PYTHONPATH": os.pathsep.join([str(root), str(root / "docs")])
    }
    ran = subprocess.run(
        [sys.executable, str(case / "plan_drop_in.py")],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return dict(json.loads(ran.stdout))


def test_the_new_kind_is_in_the_schema(outcome: dict[str, object]):
    assert outcome["in_schema"]


def test_the_new_kind_is_planned_on_both_its_buses(outcome: dict[str, object]):
    # Heat of 60 kW leaves 117 − .17 · 60 = 106.8 kW of power, worth more (.1) than its fuel (.05).
    assert outcome["heat_kw"] == pytest.approx([60] * 3)
    assert outcome["power_kw"] == pytest.approx([106.8] * 3)
    assert outcome["money"] == pytest.approx(3 * ((150 - 106.8) * 0.1 + 117 * 0.05))


def test_its_rule_and_its_check_are_used(outcome: dict[str, object]):
    assert outcome["violations"] == 0
    assert outcome["rules"] == pytest.approx(3 * ((150 - 60) * 0.1 + (60 + 0.17 * 60) * 0.05))


def test_it_has_a_page_with_its_equation_its_fields_and_an_example_that_was_read(outcome: dict[str, object]):
    page = str(outcome["page"])
    assert ".. autoclass:: dispatch.assets.extraction_turbine.ExtractionTurbine" in page
    assert "| `max_kw` | kW | number, above 0 | must be given | rated output |" in page
    assert "`heat_bus`: heat" in page
    example = page.split("```yaml")[1]
    assert "kind: extraction_turbine" in example
    assert "time_zone" in example
