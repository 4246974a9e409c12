"""What a key may be allowed to do."""

from __future__ import annotations

_WHAT = {
    "sites": "sites, their assets and versions",
    "measurements": "measured series",
    "plans": "forecasts, schedules, set-points, overrides and jobs",
    "markets": "fleets, flexibility, bids, awards, settlements and products",
    "carbon": "carbon accounts",
    "events": "events and programs of demand response",
    "keys": "API keys of the tenant",
}
SCOPES: dict[str, str] = {
    **{f"{name}:read": f"Read {what}" for name, what in _WHAT.items()},
    **{f"{name}:write": f"Make, change and remove {what}" for name, what in _WHAT.items()},
    "audit:read": "Read the audit trail",
}


def known(scopes: tuple[str, ...]) -> tuple[str, ...]:
    """The scopes, all of which there are.

    Raises:
        ValueError: there is none of that name.
    """
    for scope in scopes:
        if scope not in SCOPES:
            raise ValueError(f"there is no scope {scope!r}; there are {', '.join(SCOPES)}")
    return scopes
