"""``parkwatt rules``: the pack of rules, prices and factors, as a table."""

from __future__ import annotations

from datetime import date

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dispatch.config.carbon_rules import GridFactor, Rule, read
from dispatch.errors import DataError


def show(on: str | None, pack: str) -> None:
    """Print all rules, or those for a day.

    Raises:
        ConfigError: there is no such pack.
        DataError: the day is none, or no rule is for it.
    """
    day = None if on is None else _day(on)
    found = [rule for rule in read(pack) if day is None or rule.holds(day)]
    if not found:
        held = [rule.valid_from for rule in read(pack)]
        raise DataError(f"--on {on}: no rule of '{pack}' is for that day; the first is from {min(held)}")
    console = Console()
    console.print(_table(found, f"{pack}, {'all days' if day is None else day}"), highlight=False)
    if not all(rule.verified for rule in found):
        console.print("† not held against its source", highlight=False)
    if day is not None and not any(isinstance(rule, GridFactor) for rule in found):
        last = max(rule.year for rule in read(pack) if isinstance(rule, GridFactor))
        text = f"No factor of the grid describes {day}; the newest are of {last}, and a plan that names one says so."
        console.print(text, highlight=False)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise DataError(f"--on '{text}' is not a date ({error}); write it like 2025-10-14") from None


def _table(rules: list[Rule], title: str) -> Table:
    table = Table(box=None, header_style="bold", title=escape(title))
    for heading in ("rule", "for", "what it says", "source"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "rule")
    for rule in rules:
        table.add_row(_name(rule), rule.span, escape(_said(rule)), escape(rule.source))
    return table


def _name(rule: Rule) -> str:
    return (rule.entry or rule.name) + ("" if rule.verified else " †")


def _said(rule: Rule) -> str:
    if isinstance(rule, GridFactor):
        return f"{rule.kg_per_kwh:g} kg/kWh"
    said = "\n".join(f"{name.replace('_', ' ')}: {value}" for name, value in rule.figures())
    return f"{said}\n{rule.note}" if rule.note else said
