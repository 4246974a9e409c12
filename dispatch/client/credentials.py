"""Access tokens by OAuth2 client credentials: asked for when needed, and again when they have ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator

import httpx

_EARLY_S = 30.0  # a token that ends so soon is asked for anew


class ClientCredentials(httpx.Auth):
    """For ``Client(url, ClientCredentials(key_id, secret))``: the secret is sent to ``/oauth/token`` alone.

    Args:
        client_id, client_secret: of a key: ``pw_`` + id + ``_`` + secret.
        scope: some of the key's scopes, with spaces between; all where it is empty.
    """

    requires_response_body = True

    def __init__(self, client_id: str, client_secret: str, scope: str = "") -> None:
        self._form = {"grant_type": "client_credentials", **({"scope": scope} if scope else {})}
        self._basic = httpx.BasicAuth(client_id, client_secret)
        self._token, self._ends_s = "", 0.0
        self._lock = threading.Lock()

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """The protocol of httpx: yield what is to be sent, get its answer."""
        if time.monotonic() > self._ends_s - _EARLY_S and not (yield from self._renewed(request)):
            return  # the refusal of the token is the answer
        request.headers["Authorization"] = f"Bearer {self._token}"
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED and (yield from self._renewed(request)):
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request

    def _renewed(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, bool]:
        """Ask for a token; whether one was given."""
        asked = httpx.Request("POST", request.url.copy_with(raw_path=b"/oauth/token"), data=self._form)
        response = yield next(self._basic.auth_flow(asked))
        if response.status_code != httpx.codes.OK:
            return False
        told = response.json()
        with self._lock:
            self._token, self._ends_s = told["access_token"], time.monotonic() + float(told["expires_in"])
        return True
