"""Who asks: API keys ``pw_<id>_<secret>``, and access tokens (JWT) that were given for one of them.

Every refusal but one reads the same: only who has a key's secret learns that it has expired or was revoked. An unknown
id costs the same work as a wrong secret.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
import jwt
from starlette.requests import Request

from dispatch.service.errors import UnauthorizedError
from dispatch.service.http.failures import Failures
from dispatch.service.http.recent import Recent
from dispatch.service.http.signatures import Signatures
from dispatch.service.http.usage import Usage
from dispatch.service.settings import Settings
from dispatch.service.store import keys
from dispatch.service.store.changes import CHANGES

if TYPE_CHECKING:
    from dispatch.service.store import Store

AUDIENCE = "parkwatt-api"
REALM = 'Bearer realm="parkwatt"'
_CHALLENGE = f'{REALM}, error="invalid_token"'
_DETAIL = "The credentials do not hold."
_KEY = re.compile(r"pw_(key_[0-9a-z]{26})_([A-Za-z0-9_-]{43})")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,2000}\.[A-Za-z0-9_-]{1,4000}\.[A-Za-z0-9_-]{1,200}")
_IDENTITY = "parkwatt.identity"
_LOOK_UPS = 8  # threads beside those that answer: to be known nobody waits for another tenant's requests
_CLAIMS = ["iss", "aud", "sub", "tenant", "scope", "iat", "exp", "jti"]


@dataclass(frozen=True)
class Identity:
    """Who asks.

    Attributes:
        tenant: whose things are seen; actor: the key's id, for the audit trail; scopes: what may be done.
        client: id of the first of the keys that were rotated into this one.
        until: end of the access token; None where the key itself was sent.
    """

    tenant: str
    actor: str
    scopes: frozenset[str]
    client: str
    until: datetime | None = None


@dataclass(frozen=True)
class Doorkeeper:
    """Knows the keys of a store."""

    store: Store
    settings: Settings
    signatures: Signatures
    usage: Usage
    failures: Failures
    recent: Recent = field(default_factory=Recent)
    look_ups: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(_LOOK_UPS))

    async def asked(self, authorization: str | None) -> Identity:
        """As :meth:`by_header`, in a thread of its own."""
        return await anyio.to_thread.run_sync(self.by_header, authorization, limiter=self.look_ups)

    def by_header(self, authorization: str | None) -> Identity:
        """Who an Authorization header belongs to.

        Raises:
            UnauthorizedError: to nobody.
        """
        if authorization is None:
            raise UnauthorizedError("Send Authorization: Bearer and an API key.", headers={"WWW-Authenticate": REALM})
        scheme, _, credential = authorization.strip().partition(" ")
        if scheme.lower() != "bearer":
            raise _refused()
        return self.by_credential(credential.strip())

    def by_memory(self, authorization: str | None) -> Identity | None:
        """Who a header belongs to, if its key opened a moment ago; asks no database."""
        scheme, _, credential = (authorization or "").strip().partition(" ")
        key = self.recent.get(credential.strip()) if scheme.lower() == "bearer" else None
        return None if key is None or not key.opens(datetime.now(UTC)) else _identity(key)

    def by_credential(self, credential: str) -> Identity:
        """Who a key or an access token belongs to."""
        found = _KEY.fullmatch(credential)
        if found is not None:
            key = self._by_key(credential, found[1], found[2])
            return _identity(key)
        return self._by_token(credential)

    def _by_key(self, credential: str, key_id: str, secret: str) -> keys.Key:
        key = self.recent.get(credential)
        if key is None:
            change = CHANGES.number
            key = self.by_secret(key_id, secret)
            self.recent.put(credential, key, change)
        self._require_open(key)
        return key

    def by_secret(self, key_id: str, secret: str) -> keys.Key:
        """The key of an id and a secret, open to be used."""
        credential = f"pw_{key_id}_{secret}"
        self.failures.require(lambda: self.recent.has_opened(credential))
        with self.store.admin(write=False) as connection:
            hashed = keys.secret_of(connection, key_id)
            key = keys.find(connection, key_id) if keys.fits(hashed, secret) else None
        if key is None:
            self.failures.note()
            raise _refused()
        self._require_open(key)
        self.recent.note(credential)
        self.usage.note(key)
        return key

    def is_open(self, tenant: str, key_id: str) -> bool:
        """Does a key that was let in still open?"""
        with self.store.admin(write=False) as connection:
            key = keys.find(connection, key_id)
        return key is not None and key.tenant == tenant and key.opens(datetime.now(UTC))

    def token(self, key: keys.Key, wanted: Iterable[str]) -> str:
        """An access token for some of a key's scopes."""
        now = datetime.now(UTC)
        signer = self.signatures.newest()
        claims = {
            "iss": self.settings.issuer, "aud": AUDIENCE, "sub": key.id, "tenant": key.tenant,
            "scope": " ".join(sorted(wanted)), "iat": now, "exp": now + timedelta(minutes=self.settings.token_minutes),
            "jti": secrets.token_hex(16),
        }  # fmt: skip
        return jwt.encode(claims, signer.bytes, algorithm="HS256", headers={"kid": signer.kid})

    def _by_token(self, credential: str) -> Identity:
        self.failures.require(lambda: self.recent.has_opened(credential))
        try:
            claims = self._claims(credential)
        except _ForgedError:
            self.failures.note()
            raise
        with self.store.admin(write=False) as connection:
            key = keys.find(connection, claims["sub"])
        if key is None or key.tenant != claims["tenant"]:
            raise _refused()
        self._require_open(key)
        self.recent.note(credential)
        self.usage.note(key)
        scopes = frozenset(claims["scope"].split()) & frozenset(key.scopes)
        return Identity(key.tenant, key.id, scopes, key.client, datetime.fromtimestamp(claims["exp"], UTC))

    def _claims(self, credential: str) -> dict[str, Any]:
        if not _TOKEN.fullmatch(credential) or not all(map(_is_canonical, credential.split("."))):
            raise _forged()
        try:
            signer = self.signatures.of(jwt.get_unverified_header(credential).get("kid"))
            if signer is None:
                raise _forged()
            claims: dict[str, Any] = jwt.decode(
                credential, signer.bytes, algorithms=["HS256"], audience=AUDIENCE, issuer=self.settings.issuer,
                options={"require": _CLAIMS},
            )  # fmt: skip
        except jwt.ExpiredSignatureError:
            raise _refused("The access token has expired; ask for another one.") from None
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
            raise _forged() from None
        # Nobody else can sign, but whoever could would not get more than we give.
        latest = (datetime.now(UTC) + timedelta(minutes=self.settings.token_minutes)).timestamp()
        if not all(isinstance(claims[name], str) for name in ("sub", "tenant", "scope")) or claims["exp"] > latest:
            raise _forged()
        return claims

    @staticmethod
    def _require_open(key: keys.Key) -> None:
        now = datetime.now(UTC)
        if key.revoked is not None and key.revoked <= now:
            raise _refused("The key was revoked.")
        if key.expires is not None and key.expires <= now:
            raise _refused("The key has expired.")


def _is_canonical(part: str) -> bool:
    """Is it the one way to write its bytes? Decoders ignore bits of the last letter: two texts would be one token."""
    try:
        written = base64.urlsafe_b64encode(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        return False
    return written.rstrip(b"=").decode() == part


def _identity(key: keys.Key) -> Identity:
    return Identity(key.tenant, key.id, frozenset(key.scopes), key.client)


async def identified(request: Request) -> Identity:
    """Who sends a request; asked once for each.

    Raises:
        UnauthorizedError: nobody that is known.
    """
    known = remembered(request.scope)
    if known is not None:
        return known
    doorkeeper: Doorkeeper = request.app.state.doorkeeper
    header = request.headers.get("authorization")
    found = doorkeeper.by_memory(header)
    if found is None:
        found = await doorkeeper.asked(header)
    remember(request.scope, found)
    return found


def remember(scope: Any, identity: Identity) -> None:
    """Let a request be of somebody: what doors with credentials of their own do before they make a Call."""
    scope[_IDENTITY] = identity


def remembered(scope: Any) -> Identity | None:
    """Whose request it is, where that is known."""
    known = scope.get(_IDENTITY)
    return known if isinstance(known, Identity) else None


class _ForgedError(UnauthorizedError):
    """Nobody here gave this token."""


def _forged() -> _ForgedError:
    return _ForgedError(_DETAIL, headers={"WWW-Authenticate": _CHALLENGE})


def _refused(detail: str = _DETAIL) -> UnauthorizedError:
    return UnauthorizedError(detail, headers={"WWW-Authenticate": _CHALLENGE})
