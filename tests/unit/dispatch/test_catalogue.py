"""``parkwatt kinds``: every kind, every field and every library entry is there, read off the code and the files."""

from __future__ import annotations

import re

import pytest

from dispatch.assets import kinds
from dispatch.catalogue import catalogue, kind_entry
from dispatch.cli.kinds import page
from dispatch.config.park import shipped_names
from tests.unit.dispatch.typed import Run, refused, run

__all__ = ["run"]  # a fixture


def test_every_kind_is_there_with_every_field_and_what_may_be_written() -> None:
    entries = {entry.name: entry for entry in catalogue()}
    assert set(entries) == set(kinds())
    for name, cls in kinds().items():
        listed = {field.name for field in entries[name].fields}
        assert listed == set(cls.model_fields) - {"kind", "name", "source", "verified"}
        assert [field.name for field in entries[name].fields if not field.accepted or not field.default] == []
        assert set(entries[name].buses) == set(cls.bus_fields)
        assert "" not in entries[name].buses.values()
        assert len(entries[name].summary) > 10
        assert ":class:" not in entries[name].text


def test_every_library_entry_belongs_to_a_kind_has_its_fields_and_a_source() -> None:
    found = {one.name: (entry, one) for entry in catalogue() for one in entry.library}
    assert set(found) == set(shipped_names("assets"))
    for entry, one in found.values():
        fields = {field.name for field in entry.fields}
        assert set(one.numbers) - fields == set(), f"{one.name} has fields that {entry.name} does not"
        assert len(one.source) > 10, f"{one.name} says not where its numbers are from"


def test_a_field_says_unit_limits_default_and_meaning() -> None:
    fields = {field.name: field for field in kind_entry("pipe").fields}
    assert fields["delay_h"].accepted == "a whole number, 0 or more, at most 168"
    assert fields["capacity_kw"].accepted.endswith("above 0")
    assert "MW" in fields["capacity_kw"].accepted
    assert fields["capacity_kw"].default == "must be given"
    assert fields["end_penalty_per_kwh"].default == "10"
    assert fields["loss_fraction"].meaning == "share of what enters that never arrives"


def test_the_page_has_a_section_for_every_kind_and_marks_what_is_not_verified() -> None:
    text = "\n".join(page(catalogue()))
    assert re.findall(r"^## (\w+)$", text, re.MULTILINE) == sorted(kinds())
    assert (
        "`use: district_heating_pipe` (†): two_way False, loss_fraction 0.08, delay_h 1. Source: heat network" in text
    )
    assert "`use: li_ion_lfp_2030`: charge_efficiency" in text
    assert all(line.count("|") in (5, 4) for line in text.splitlines() if line.startswith("|") and "---" not in line)


def test_the_command_lists_all_tells_one_and_names_what_is_near(run: Run) -> None:
    listed = run("kinds")
    assert listed.status == 0
    assert all(name in listed.out for name in kinds())
    one = run("kinds", "pipe")
    for words in (
        "delay_h",
        "a bus for any carrier",
        "use: hydrogen_pipeline",
        "not verified",
        "source: hydrogen line",
    ):
        assert words in one.out
    assert run("kinds", "--markdown").out.startswith("# Asset kinds")
    refused(run("kinds", "pip"), "there is no kind of asset 'pip'", "did you mean 'pipe'?")


@pytest.mark.parametrize("name", ["battery", "grid_connection", "thermal"])
def test_what_has_an_own_shape_says_so(name: str) -> None:
    shapes = [field.accepted for field in kind_entry(name).fields]
    assert any("mapping with" in shape or "a list" in shape for shape in shapes)
