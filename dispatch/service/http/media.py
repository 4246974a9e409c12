"""Names of formats as requests carry them."""

from __future__ import annotations


def media_type(header: str | None) -> str:
    """The type without its parameters, in small letters; empty where none is sent."""
    return (header or "").partition(";")[0].strip().lower()


def charset(header: str | None) -> str:
    """The charset that a Content-Type names, in small letters; empty where it names none."""
    for part in (header or "").split(";")[1:]:
        name, _, value = part.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower()
    return ""


def is_json(kind: str) -> bool:
    """Is it JSON, or made of it?"""
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


def is_form(kind: str) -> bool:
    """Is it an HTML form's?"""
    return kind in ("application/x-www-form-urlencoded", "multipart/form-data")
