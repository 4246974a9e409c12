"""Bodies of API keys."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field

from dispatch.service.schemas.shared import Answer, Body, Moment, Title

KEY_ID = r"^key_[0-9a-hjkmnp-tv-z]{26}$"
Scope = Literal[
    "sites:read", "sites:write", "measurements:read", "measurements:write", "plans:read", "plans:write",
    "markets:read", "markets:write", "carbon:read", "carbon:write", "events:read", "events:write",
    "keys:read", "keys:write", "audit:read",
]  # fmt: skip
_ID = "key_01kb0m9n2c5d8e7f6g5h4j3k2m"


class NewKey(Body):
    """A key to be made; it can do what its maker can do, at most."""

    name: Annotated[Title, Field(description="What it is for", examples=["control room"])]
    scopes: Annotated[
        list[Scope], Field(min_length=1, max_length=40, description="What it may do", examples=[["sites:read"]])
    ]
    expires: Annotated[Moment | None, Field(description="When it stops to open anything")] = None


class Rotation(Body):
    """How a key is replaced."""

    overlap_minutes: Annotated[
        int, Field(ge=0, le=43200, description="How long the old key opens beside the new one", examples=[60])
    ] = 0


class KeyShown(Answer):
    """A key without its secret."""

    id: Annotated[str, Field(pattern=KEY_ID, examples=[_ID], description="Public id; client_id of OAuth2")]
    name: str
    scopes: list[str]
    created: Moment
    created_by: str
    expires: Moment | None
    revoked: Annotated[Moment | None, Field(description="When it was closed, or will be after a rotation")]
    last_used: Annotated[Moment | None, Field(description="To within five minutes")]
    replaces: Annotated[str | None, Field(description="The key that this one was rotated from")]
    client: Annotated[str, Field(description="Id of the first of the keys that were rotated into this one")]
    made_by: Annotated[
        str | None,
        Field(description="The `client` whose key made it, and with which it ends; null: an operator made it"),
    ]

    @classmethod
    def of(cls, key: Any) -> Self:
        """What may be seen of a key."""
        return cls.model_validate({name: getattr(key, name) for name in cls.model_fields if hasattr(key, name)})


class KeyMade(KeyShown):
    """A key with its secret, which nobody can read again."""

    key: Annotated[
        str | None,
        Field(
            description="To be sent as Authorization: Bearer …; shown once: null where the answer is repeated "
            "under its Idempotency-Key",
            examples=[f"pw_{_ID}_…"],
        ),
    ] = None
