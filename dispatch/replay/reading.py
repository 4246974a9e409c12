"""A park over a span as a case: what was measured, what it knows of weather, its network. Files are read here alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from dispatch.errors import DataError
from dispatch.planning.fetched import settled
from dispatch.replay.case import Case, Settings
from dispatch.signals import Horizon
from dispatch.site import Site
from dispatch.sources import Sources, gather, user_errors

if TYPE_CHECKING:
    from forecasting.archive import Archive


def read_case(
    site: Site,
    span: Horizon,
    folder: Path,
    settings: Settings | None = None,
    *,
    archive: Archive | None = None,
    place: str = "",
    with_network: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[Case, Sources]:
    """The case, and what was read for it.

    Args:
        folder: where relative file names start.
        archive: what is read already, under the park's name; its own files are looked at all the same.
        place: what a given archive is called in messages.

    Raises:
        DataError: something cannot be read; the message names it.
    """
    try:
        sources = gather(site, span, folder, archive=archive, place=place, with_network=with_network, progress=progress)
    except user_errors() as error:
        raise DataError(str(error)) from error
    site = settled(site, span, sources.archive)
    case = Case(
        site, span, sources.actual, sources.archive, settings or Settings(), sources.weather, lacking=sources.lacking
    )
    return case, sources
