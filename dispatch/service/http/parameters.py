"""Query parameters that a route does not have are refused, and those that it takes once and gets twice.

One that is misspelt, and all but the last of several, would be ignored in silence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any, get_args, get_origin

from fastapi import Depends
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query
from starlette.requests import Request

from dispatch.service.errors import Fault, InvalidError, escaped

_TOKEN = "/token"  # RFC 6749, section 3.2: what is not known there is ignored
_LONGEST = 100


async def _require_known(request: Request) -> None:
    """Before a route is at work: are all parameters of the query its own, and those of one value there once?

    Raises:
        InvalidError: some are not; names all of them.
    """
    if not request.scope["query_string"] or request.url.path.endswith(_TOKEN):
        return
    known = names(request.scope["route"])
    unknown = [name for name in dict.fromkeys(request.query_params) if name not in known]
    if unknown:
        faults = [_fault(name, request.query_params[name], known) for name in unknown]
        raise InvalidError("The query has parameters that are not known here.", faults)
    if repeated := _repeated(request):
        faults = [Fault(f"/{name}", "is there more than once", None, "one value", "query") for name in repeated]
        raise InvalidError("The query has parameters twice that take one value.", faults)


def _repeated(request: Request) -> list[str]:
    """Names that stand more than once in the query, of parameters that are no list."""
    counts = Counter(name for name, _ in request.query_params.multi_items())
    lists = {each.alias for each in _of(request.scope["route"]) if _takes_many(each.field_info.annotation)}
    return [name for name, count in counts.items() if count > 1 and name not in lists]


def _fault(name: str, value: str, known: tuple[str, ...]) -> Fault:
    from dispatch.config.mistakes import near_miss  # it brings all kinds of asset along

    accepted = near_miss(name[:_LONGEST], known, "no parameters")
    return Fault(f"/{escaped(name[:_LONGEST])}", "is not a known parameter", value, accepted, "query")


def names(route: Any) -> tuple[str, ...]:
    """Names of a route's query parameters, those of what it depends on with them."""
    return tuple(each.alias for each in _of(route))


def _takes_many(annotation: Any) -> bool:
    """Whether a list or another collection stands anywhere in it, such as beside None or within Annotated."""
    origin = get_origin(annotation)
    is_many = isinstance(origin, type) and issubclass(origin, Collection)
    return is_many or any(_takes_many(part) for part in get_args(annotation))


def _of(route: Any) -> list[Any]:
    return [each for each in get_flat_params(route.dependant) if isinstance(each.field_info, Query)]


ONLY_KNOWN = (Depends(_require_known),)
