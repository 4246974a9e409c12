"""A virtual top node of OpenADR 3.1: programs, events, reports, VENs, resources and subscriptions of a tenant.

``shapes`` what goes in and out · ``timing`` when the intervals of an event or report are · ``sight`` who sees what ·
``kinds`` what each kind asks for · ``telling`` who is told of a change · ``delivered`` and ``taking`` reports as
measurements · ``published`` plans of ours as events · ``door`` the app · the rest its routes. The standard is that
of the OpenADR Alliance, version 3.1.0 (2025-08-07).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI


def attach(app: FastAPI) -> None:
    """Hang the door into the service."""
    from dispatch.service.openadr import (
        auth,
        door,
        events,
        programs,
        publications,
        reports,
        resources,
        subscriptions,
        vens,
    )

    modules = (auth, programs, events, reports, vens, resources, subscriptions, publications)
    door.attach(app, [module.routes for module in modules])
