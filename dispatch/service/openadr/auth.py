"""Where tokens come from, and how clients can be told."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from dispatch.service.errors import BadRequestError, UnauthorizedError
from dispatch.service.http.problem import problems
from dispatch.service.http.tokens import Doorkeeper
from dispatch.service.openadr.door import ROOT, WRITE_SCOPE, Reader, answer
from dispatch.service.openadr.shapes import AuthServer, Notifiers, Token
from dispatch.service.openadr.sight import LOGIC_SCOPE, VEN_SCOPE
from dispatch.service.store.keys import Key

routes = APIRouter(tags=["auth"])
# The standard's scopes, and which of ours each is.
SCOPES: dict[str, frozenset[str]] = {
    "read_all": frozenset({VEN_SCOPE, LOGIC_SCOPE}),
    "read_bl": frozenset({VEN_SCOPE, LOGIC_SCOPE}),
    "read_targets": frozenset({VEN_SCOPE}),
    "read_ven_objects": frozenset({VEN_SCOPE}),
    "write_programs": frozenset({LOGIC_SCOPE}),
    "write_events": frozenset({LOGIC_SCOPE}),
    "write_reports": frozenset({WRITE_SCOPE}),
    "write_subscriptions": frozenset({WRITE_SCOPE}),
    "write_vens": frozenset({WRITE_SCOPE}),
}


@routes.get("/auth/server", response_model=AuthServer, responses=problems(400))
def server(request: Request) -> Response:
    """Where to ask for a token."""
    return answer({"tokenURL": f"{str(request.base_url).rstrip('/')}{ROOT}/auth/token"})


@routes.post("/auth/token", response_model=Token, responses=problems(400, 401, 429))
def token(
    request: Request,
    grant_type: Annotated[str, Form(max_length=100)],
    client_id: Annotated[str, Form(max_length=100)],
    client_secret: Annotated[str, Form(max_length=200)],
    scope: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """A token for the id and secret of an API key (client credentials); scopes may be the standard's or ours."""
    if grant_type != "client_credentials":
        raise BadRequestError("grant_type: accepted: client_credentials")
    doorkeeper: Doorkeeper = request.app.state.doorkeeper
    key = doorkeeper.by_secret(client_id, client_secret)
    wanted = _granted(key, scope.split())
    minutes = doorkeeper.settings.token_minutes
    made = {"access_token": doorkeeper.token(key, wanted), "token_type": "Bearer", "expires_in": 60 * minutes}
    return answer({**made, "scope": " ".join(sorted(wanted))})


def _granted(key: Key, asked: list[str]) -> frozenset[str]:
    """Scopes of the key among those that were asked for; all of the key's where none were."""
    own = frozenset(key.scopes)
    if not asked:
        return own
    wanted = frozenset().union(*(SCOPES.get(one, frozenset({one})) for one in asked))
    if not wanted & own:
        raise UnauthorizedError("The key has none of the scopes that were asked for.")
    return wanted & own


@routes.get("/notifiers", response_model=Notifiers, responses=problems(401, 403))
def notifiers(call: Reader) -> Response:
    """By webhooks, and not by MQTT."""
    del call
    return answer({"WEBHOOK": True})
