"""The tutorials: each runs from its first block to its last, and what it gives to write is right without running it."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
import yaml

from benchmarks.__main__ import parser
from benchmarks.processes import ROOT
from benchmarks.tutorial import Block, blocks, session, variables_for
from dispatch.cli.commands import app
from dispatch.client import models
from dispatch.config.park import load_site
from dispatch.errors import ConfigError

TUTORIALS = ROOT / "docs" / "tutorials"


def outputs(page: str, folder: Path) -> int:
    """Carry out a page in an environment that is there; how many outputs it held."""
    with session(folder, **variables_for(ROOT, sys.executable, folder / "bin")) as made:
        return sum(block.language == "text" for block, _ in made.run(TUTORIALS / page))


@pytest.mark.timeout(900)
def test_an_operator_gets_to_a_plan_of_the_own_park(tmp_path: Path) -> None:
    assert outputs("operator.md", tmp_path) == 10


@pytest.mark.timeout(900)
def test_an_engineer_gets_to_a_study_of_the_own_case(tmp_path: Path) -> None:
    assert outputs("engineer.md", tmp_path) == 4


@pytest.mark.timeout(900)
def test_an_aggregator_gets_to_an_award(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    held = 0
    with session(tmp_path, PARKWATT_PORT="0", **variables_for(ROOT, sys.executable, tmp_path / "bin")) as made:
        for block, _ in made.run(TUTORIALS / "aggregator.md"):
            held += block.language == "text"
            if "background" in block.words:  # what a reader copies from one terminal to the other
                monkeypatch.setenv("PARKWATT_URL", re.findall(r"(http://\S+)/api/v1", made.printed)[0])
                monkeypatch.setenv("PARKWATT_KEY", re.findall(r"^  (pw_\S+)$", made.printed, re.MULTILINE)[0])
    assert held == 6


def given(page: str, ending: str) -> Iterator[Block]:
    return (block for block in blocks(TUTORIALS / page) if (block.file or "").endswith(ending))


def test_the_operators_park_has_the_two_mistakes_that_the_page_shows_and_no_other(tmp_path: Path) -> None:
    (park,) = given("operator.md", "park.yaml")
    path = tmp_path / "park.yaml"
    path.write_text(park.text, "utf-8")
    with pytest.raises(ConfigError) as refused:
        load_site(path)
    assert sorted(problem.path for problem in refused.value.problems) == ["assets[2].energy_kwh", "assets[3].bus"]
    path.write_text(park.text.replace('"500 kW"', "500").replace("mian", "main"), "utf-8")
    assert load_site(path).name == "my_park"


def test_the_engineers_files_are_a_case_and_a_study(tmp_path: Path) -> None:
    from benchmarks.cases.folder import CaseFile
    from benchmarks.study.spec import Study

    by_name = {Path(block.file or "").name: block.text for block in given("engineer.md", ".yaml")}
    path = tmp_path / "park.yaml"
    path.write_text(by_name["park.yaml"], "utf-8")
    assert load_site(path).name == "weekdays"
    assert CaseFile.model_validate(yaml.safe_load(by_name["case.yaml"])).days.count == 5
    assert Study.model_validate(yaml.safe_load(by_name["my_study.yaml"])).cases[0].case == "weekdays"


def typed(program: str) -> list[tuple[str, list[str]]]:
    """What the tutorials say to type after a program's name, with the page."""
    out = []
    for page in sorted(TUTORIALS.glob("*.md")):
        shells = "\n".join(block.text for block in blocks(page) if block.language == "sh")
        lines = re.findall(rf"^{program} (.+)$", shells, re.MULTILINE)
        out += [(page.name, shlex.split(line.split(" 2>&1")[0].split(" | ")[0])) for line in lines]
    return out


@pytest.mark.parametrize(("page", "words"), typed("parkwatt"))
def test_commands_are_those_of_the_command_line(page: str, words: list[str]) -> None:
    command = typer.main.get_command(app).commands[words[0]]
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in words[1:] if word.startswith("--")} <= options


@pytest.mark.parametrize(("page", "words"), typed("python -m benchmarks"))
def test_commands_are_those_of_the_benchmarks(page: str, words: list[str]) -> None:
    assert parser().parse_args(words).command == words[0]


def test_the_aggregators_calls_are_those_of_the_client() -> None:
    from dispatch.client import Client

    text = (TUTORIALS / "aggregator.md").read_text("utf-8")
    with Client("http://127.0.0.1:1", "pw_nobody") as parkwatt:
        for resource, method in re.findall(r"parkwatt\.(\w+)\.(\w+)\(", text):
            assert callable(getattr(getattr(parkwatt, resource), method))
    for name in re.findall(r"models\.(\w+)\(", text):
        assert hasattr(models, name)
