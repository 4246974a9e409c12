"""Figures are never cut short, however narrow what they are printed to is."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console
from rich.table import Table

from dispatch.cli.tables import whole


@pytest.mark.parametrize("width", [30, 200])
def test_every_figure_is_there(width: int) -> None:
    table, out = Table(box=None), StringIO()
    for head in ("method", "cost\n\\[EUR]", "penalties\n\\[EUR]", "peak\n\\[kW]"):
        table.add_column(head, justify="right")
    table.add_row("rules of the park", "37,812", "1,234", "2,162")
    whole(Console(file=out, width=width), table)
    text = out.getvalue()
    assert "rules of the park" in text
    assert "37,812" in text
    assert "penalties" in text
    assert "…" not in text
