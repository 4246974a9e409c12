"""Access tokens: given for a key's id and secret, ending with the key, refused in the standard's words."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest

from dispatch.service.store import keys
from tests.unit.dispatch.service.served import Api

GRANT = {"grant_type": "client_credentials"}


def parts(key: str) -> tuple[str, str]:
    """Id and secret of a key."""
    return key[3:33], key[34:]


def ask(api: Api, key: str, **fields: str) -> httpx.Response:
    client_id, secret = parts(key)
    form = {**GRANT, "client_id": client_id, "client_secret": secret, **fields}
    return api.anonymous.post("/oauth/token", data=form)


def listed(api: Api, token: str) -> httpx.Response:
    return api.anonymous.get("/api/v1/keys", headers={"Authorization": f"Bearer {token}"})


def test_a_token_opens_what_the_key_opens(api: Api) -> None:
    key = api.served.key(api.tenant, ["keys:read", "sites:read"])
    answer = ask(api, key)
    assert answer.status_code == 200
    assert answer.json() | {"access_token": ""} == {
        "access_token": "", "token_type": "Bearer", "expires_in": 3600, "scope": "keys:read sites:read",
    }  # fmt: skip
    assert answer.headers["cache-control"] == "no-store"
    assert listed(api, answer.json()["access_token"]).status_code == 200


def test_a_token_may_do_less_than_the_key(api: Api) -> None:
    key = api.served.key(api.tenant, ["keys:read", "sites:read"])
    token = ask(api, key, scope="sites:read").json()["access_token"]
    assert listed(api, token).status_code == 403
    assert ask(api, key, scope="sites:write").json()["error"] == "invalid_scope"


def test_the_secret_may_come_by_http_basic(api: Api) -> None:
    key = api.served.key(api.tenant, ["keys:read"])
    answer = api.anonymous.post("/oauth/token", data=GRANT, auth=parts(key))
    assert answer.status_code == 200
    twice = api.anonymous.post("/oauth/token", data={**GRANT, "client_secret": "x"}, auth=parts(key))
    assert twice.json()["error"] == "invalid_request"


def test_a_token_ends_with_its_key(api: Api) -> None:
    key = api.served.key(api.tenant, ["keys:read"])
    token = ask(api, key).json()["access_token"]
    with api.store.write(api.tenant, "test") as tx:
        keys.revoke(tx, parts(key)[0])
    assert listed(api, token).status_code == 401
    assert ask(api, key).json()["error"] == "invalid_client"


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "key_00000000000000000000000000"}, 401, "invalid_client"),
        ({"scope": ""}, 400, "invalid_scope"),
        ({"scope": "\udce4\x00".encode("utf-8", "replace").decode()}, 400, "invalid_scope"),
    ],
)
def test_refusals_are_those_of_the_standard(api: Api, fields: dict[str, str], status: int, error: str) -> None:
    answer = ask(api, api.served.key(api.tenant, ["keys:read"]), **fields)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert ("www-authenticate" in answer.headers) == (status == 401)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "application/x-www-form-urlencoded"),
        (b"grant_type=client_credentials&grant_type=client_credentials", "application/x-www-form-urlencoded"),
        (b"\xff\xfe", "application/x-www-form-urlencoded"),
        (b"grant_type=%ff%fe", "application/x-www-form-urlencoded"),
        (b"a=1&" * 100, "application/x-www-form-urlencoded"),
        (b'{"grant_type": "client_credentials"}', "application/json"),
        (b"grant_type=client_credentials", "text/plain"),
    ],
)
def test_what_is_no_form_of_the_standard_is_an_invalid_request(api: Api, content: bytes, kind: str) -> None:
    answer = api.anonymous.post("/oauth/token", content=content, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def claims(api: Api, **other: Any) -> dict[str, Any]:
    key = api.served.key(api.tenant, ["keys:read"])
    now = datetime.now(UTC)
    return {
        "iss": "parkwatt", "aud": "parkwatt-api", "sub": parts(key)[0], "tenant": api.tenant, "scope": "keys:read",
        "iat": now, "exp": now + timedelta(minutes=5), "jti": "1", **other,
    }  # fmt: skip


def signed(api: Api, content: dict[str, Any], **more: Any) -> str:
    secret = api.app.state.signatures.newest()
    asked = {"key": secret.bytes, "algorithm": "HS256", "headers": {"kid": secret.kid}, **more}
    return jwt.encode({name: value for name, value in content.items() if value is not None}, **asked)


def test_a_token_of_ours_made_by_hand_holds(api: Api) -> None:
    """What the cases below change is all that keeps them out."""
    assert listed(api, signed(api, claims(api))).status_code == 200


@pytest.mark.parametrize(
    "other",
    [
        {"iss": "somebody"}, {"aud": "another-api"}, {"exp": datetime(2020, 1, 1, tzinfo=UTC)}, {"exp": None},
        {"iat": datetime(2100, 1, 1, tzinfo=UTC)}, {"sub": "key_00000000000000000000000000"}, {"sub": 7}, {"jti": None},
        {"scope": 7}, {"scope": None}, {"tenant": "somebody"}, {"tenant": None}, {"exp": 1e300}, {"exp": "soon"},
    ],
)  # fmt: skip
def test_a_token_with_another_claim_does_not_hold(api: Api, other: dict[str, Any]) -> None:
    refused = listed(api, signed(api, claims(api, **other)))
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Bearer")


def test_a_token_of_another_tenant_gets_nothing_of_this_one(api: Api) -> None:
    assert listed(api, signed(api, claims(api, tenant=api.other_tenant))).status_code == 401


@pytest.mark.parametrize("kid", ["another", 7, None, ["a"], {"a": 1}])
def test_a_token_signed_by_an_unknown_secret_does_not_hold(api: Api, kid: object) -> None:
    header = {"alg": "HS256"} | ({} if kid is None else {"kid": kid})
    content = signed(api, claims(api)).split(".")[1]
    head = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
    mac = hmac.new(api.app.state.signatures.newest().bytes, f"{head}.{content}".encode(), hashlib.sha256).digest()
    token = f"{head}.{content}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
    assert listed(api, token).status_code == 401


def test_a_token_without_or_with_another_signature_does_not_hold(api: Api) -> None:
    content = claims(api)
    for token in (
        signed(api, content, key=b"0" * 32),
        signed(api, content, key="", algorithm="none"),
        signed(api, content)[:-2],
        signed(api, content, algorithm="HS512", key=b"0" * 64),
    ):
        assert listed(api, token).status_code == 401


def test_secrets_are_replaced_as_they_age_and_hold_for_what_they_signed(api: Api) -> None:
    from dispatch.service.http.signatures import Signatures

    settings = api.served.settings.model_copy(update={"signing_days": 1})
    signatures = Signatures(api.store, settings)
    first = signatures.newest()
    with api.store.admin() as connection:
        from sqlalchemy import update

        from dispatch.service.store.signing import signing_secrets

        old = first.created - timedelta(days=1.5)
        of_it = signing_secrets.c.kid == first.kid
        connection.execute(update(signing_secrets).where(of_it).values(created=old))
    again = Signatures(api.store, settings)
    second = again.newest()
    assert second.kid != first.kid
    found = again.of(first.kid)
    assert found is not None
    assert found.secret == first.secret
    assert again.of("another") is None
