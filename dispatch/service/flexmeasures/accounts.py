"""Versions, tokens, and who one is: a user for each key, an account for the tenant."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from dispatch.service.errors import NotFoundError
from dispatch.service.flexmeasures.bodies import TokenRequest
from dispatch.service.flexmeasures.door import API, ROOT, VERSION, answer, processed
from dispatch.service.http.call import Call, allowed
from dispatch.service.http.problem import problems
from dispatch.service.http.tokens import Doorkeeper
from dispatch.service.store import Store, flexmeasures, tenants

# The number of a tenant's own account, the only one that it sees.
ACCOUNT = 1
routes = APIRouter(tags=["account"])
Reader = Annotated[Call, Depends(allowed("sites:read"))]


@routes.get(ROOT)
def versions() -> Response:
    """Which versions of the interface there are."""
    told = "For these API versions endpoints are available."
    return answer({"message": told, "versions": ["v3_0"], "flexmeasures_version": VERSION})


@routes.post(f"{ROOT}requestAuthToken", responses=problems(401, 422, 429))
def token(body: TokenRequest, request: Request) -> Response:
    """A token for an API key: address ``<key id>@…`` with its secret, or any address with the whole key."""
    doorkeeper: Doorkeeper = request.app.state.doorkeeper
    store: Store = request.app.state.store
    key_id, _, secret = body.email.partition("@")[0], "", body.password
    if secret.startswith("pw_"):
        key_id, secret = secret[3:33], secret[34:]
    key = doorkeeper.by_secret(key_id, secret)
    made = store.run(key.tenant, key.id, lambda tx: flexmeasures.signed_in(tx, key.id, body.email))
    return answer({"auth_token": doorkeeper.token(key, key.scopes), "user_id": made})


@routes.get(f"{API}/users", responses=problems(401, 403))
def users(call: Reader) -> Response:
    """The user that the key is."""
    return call.read(lambda tx: answer([_user(call, flexmeasures.user(tx, call.actor))]))


def _user(call: Call, known: tuple[int, str] | None) -> dict[str, Any]:
    number, email = known or (0, f"{call.actor}@{call.tenant}.invalid")
    return {
        "id": number, "username": call.actor, "email": email, "account_id": ACCOUNT, "active": True,
        "flexmeasures_roles": [], "timezone": "UTC",
    }  # fmt: skip


@routes.get(f"{API}/accounts", responses=problems(401, 403))
def accounts(call: Reader) -> Response:
    """The tenant."""
    return answer([_account(call)])


@routes.get(f"{API}/accounts/{{account_id}}", responses=problems(401, 403, 404))
def account(account_id: Annotated[int, Path(ge=0, lt=2**31)], call: Reader) -> Response:
    """The tenant, by its number."""
    if account_id != ACCOUNT:
        raise NotFoundError(f"there is no account {account_id}")
    return answer(processed(**_account(call)))


def _account(call: Call) -> dict[str, Any]:
    with call.store.admin(write=False) as connection:
        tenant = tenants.get(connection, call.tenant)
    return {"id": ACCOUNT, "name": tenant.title if tenant else call.tenant, "account_roles": []}
