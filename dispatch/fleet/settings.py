"""A fleet's file: which sites, what is known of their day, what they share.

::

    name: east
    day: 2024-05-16
    sites:
      - {table: stations.parquet, park: factory.yaml}   # a row a site; its columns override the park's numbers
      - {files: "parks/*.yaml"}
    inputs: {table: inputs.parquet}                     # or forecast: from each site's own archive
    shared:                                             # see dispatch.fleet.shared
      - {kind: power_limit, name: feeder, most_kw: 4000, by: feeder}
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field

from dispatch.frozen import Frozen
from dispatch.site import TimeZone


class SiteFiles(Frozen):
    """Parks' files."""

    files: str | tuple[str, ...] = Field(min_length=1, description="paths or patterns from the fleet's file, or names")
    labels: dict[str, str | float] = Field(default={}, description="master data of all of them")


class SiteTable(Frozen):
    """A Parquet or CSV table with a row for each site, as 'parkwatt fleet import' writes it.

    Columns: ``site`` (its name), ``park`` (whose file it is like, from the table's folder), ``asset.field`` (another
    number or word than the park has), ``label.name`` (master data). An empty cell leaves what the park has.
    """

    table: str = Field(min_length=1, description="path from the fleet's file")
    park: str | None = Field(default=None, description="of the rows that name none: a park's file or name")


class InputTable(Frozen):
    """A long Parquet or CSV table: ``site``, ``asset``, ``quantity``, ``time`` (a step's start), ``value``."""

    table: str = Field(min_length=1, description="path from the fleet's file")
    time_zone: TimeZone | None = Field(default=None, description="of times without one; default: the sites'")


class FleetFile(Frozen):
    """A fleet."""

    name: Annotated[str, Field(min_length=1, pattern=r"^[A-Za-z0-9_\-]+$")]
    title: str = ""
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = Field(default=None, description="of all sites")
    time_zone: TimeZone | None = Field(default=None, description="of all sites")
    day: date | None = Field(default=None, description="to plan, where the command does not say")
    sites: tuple[SiteFiles | SiteTable, ...] = Field(min_length=1)
    inputs: Literal["forecast"] | InputTable = "forecast"
    shared: tuple[Any, ...] = Field(default=(), description="what sites have in common")
    notes: tuple[str, ...] = ()
