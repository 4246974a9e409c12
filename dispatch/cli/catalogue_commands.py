"""``parkwatt schema | kinds``: what may stand in a park's file."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(schema)
    app.command()(kinds)


def schema() -> None:
    """Print the JSON schema of a park's file, for editors that complete and check YAML."""
    from dispatch.site import schema as site_schema

    typer.echo(json.dumps(site_schema(), indent=2, ensure_ascii=False))


def kinds(
    name: Annotated[str | None, typer.Argument(help="One kind, with its fields and library entries.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="As a page of Markdown.")] = False,
) -> None:
    """List the kinds of asset with what they are, their fields and units, and the library entries that ship."""
    from dispatch.cli.kinds import show

    show(name, markdown=markdown)
