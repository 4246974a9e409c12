"""What a fleet's file names sites and their day by, where it does not say so site by site.

::

    sites:
      - {table: stations.parquet, park: factory.yaml}   # a row a site; its columns override the park's numbers
      - {files: "parks/*.yaml"}
    inputs: {table: inputs.parquet}                     # or forecast: each site's from its own archive
"""

from __future__ import annotations

from pydantic import Field

from dispatch.fields.frozen import Finite, Frozen
from dispatch.site import TimeZone


class SiteFiles(Frozen):
    """Parks' files."""

    files: str | tuple[str, ...] = Field(min_length=1, description="paths or patterns from the fleet's file, or names")
    labels: dict[str, str | Finite] = Field(default={}, description="master data of all of them")


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
