"""Who looks: a key is exchanged for an access token, which the browser keeps where no script reads it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from dispatch.service.errors import ForbiddenError, TooManyRequestsError, UnauthorizedError
from dispatch.service.http.call import Call
from dispatch.service.http.tokens import Doorkeeper, remember
from dispatch.service.pages.rendering import page

COOKIE = "parkwatt_session"
_WHOLE = "pw_"  # how a key begins that holds both, its id and its secret
_LONGEST = 200
router = APIRouter(include_in_schema=False)


def viewer(request: Request) -> Call:
    """The call of a browser that is signed in.

    Raises:
        UnauthorizedError: it is not, or no longer.
        TooManyRequestsError: the tenant has sent as many requests as it may.
    """
    token = request.cookies.get(COOKIE)
    if token is None or token.startswith(_WHOLE):
        raise UnauthorizedError("Sign in first.")
    doorkeeper: Doorkeeper = request.app.state.doorkeeper
    identity = doorkeeper.by_credential(token)
    remember(request.scope, identity)
    request.app.state.limits.spend(request.scope, identity.tenant)
    return Call(identity, request.app.state.store, request.app.state.settings, request)


Viewer = Annotated[Call, Depends(viewer)]


def require(call: Call, *scopes: str) -> None:
    """Refuse a page of which the key covers nothing.

    Raises:
        ForbiddenError: it has none of these scopes.
    """
    if not call.scopes.intersection(scopes):
        raise ForbiddenError(
            f"The key lacks {' and '.join(scopes)}; it has {', '.join(sorted(call.scopes)) or 'none'}."
        )


def read_scopes(call: Call) -> frozenset[str]:
    """Resources that the key may read, such as plans or markets: it sees jobs of these."""
    return frozenset(scope.removesuffix(":read") for scope in call.scopes if scope.endswith(":read"))


def lacking(call: Call, scope: str) -> str:
    """What is said in the place of something that the key does not cover; empty where it covers it."""
    return "" if scope in call.scopes else f"The key lacks {scope}."


@router.get("/login")
def sign_in_page() -> Response:
    """The form."""
    return page("login.html.j2", refused="")


@router.post("/login")
def sign_in(request: Request, key: Annotated[str, Form()] = "", secret: Annotated[str, Form()] = "") -> Response:
    """Take a key; what is refused is said in the same words whatever is wrong with it."""
    # Another site's form would sign its visitor in with a key of its own.
    if request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return page("login.html.j2", 403, refused="This form was sent by another site.")
    doorkeeper: Doorkeeper = request.app.state.doorkeeper
    try:
        found = doorkeeper.by_secret(*_parts(key.strip()[:_LONGEST], secret.strip()[:_LONGEST]))
    except UnauthorizedError as refused:
        return page("login.html.j2", 401, refused=refused.detail)
    except TooManyRequestsError as refused:
        return page("login.html.j2", 429, refused=refused.detail)
    reads = [scope for scope in found.scopes if scope.endswith(":read")]
    response = RedirectResponse("/", 303)
    minutes = request.app.state.settings.token_minutes
    response.set_cookie(COOKIE, doorkeeper.token(found, reads), max_age=60 * minutes, **_kept(request))
    return response


@router.post("/logout")
def sign_out(request: Request) -> Response:
    """Forget the token; it ends by itself within the hour."""
    response = RedirectResponse("/login", 303)
    response.delete_cookie(COOKIE, **_kept(request))
    return response


def _parts(key: str, secret: str) -> tuple[str, str]:
    """Id and secret of what was typed; either field takes the whole key, ``pw_`` with both in it."""
    whole = next((each for each in (secret, key) if each.startswith(_WHOLE)), None)
    if whole is None:
        return key, secret
    kind, name, inside = [*whole.removeprefix(_WHOLE).split("_", 2), "", ""][:3]
    return f"{kind}_{name}", inside or secret


def _kept(request: Request) -> Any:
    """How the browser keeps it: only for this site, unseen by scripts, and over TLS alone where there is TLS."""
    return {"httponly": True, "samesite": "strict", "secure": request.url.scheme == "https", "path": "/"}
