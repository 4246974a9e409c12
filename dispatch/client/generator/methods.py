"""Which methods an operation becomes, and what each of them is called with."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from dispatch.client.generator.document import Schema, operations, python_name
from dispatch.client.generator.types import optional, python_type, union

JSON, ARROW, EVENTS, FORM = (
    "application/json",
    "application/vnd.apache.arrow.stream",
    "text/event-stream",
    "application/x-www-form-urlencoded",
)
KEY = "Idempotency-Key"
# What the senders say by themselves.
_SENT = {name.lower() for name in ("Accept", "Authorization", "Content-Type", "Last-Event-ID")}
# An answer that was kept is no answer of the type that is promised: what is read is read anew.
_READ = _SENT | {"if-none-match"}
# Of further media types: the ending of the method's name, and what it gives.
_MORE = {ARROW: "_arrow", EVENTS: "_events", "text/csv": "_csv", "text/html": "_html"}

Gives = Literal["json", "table", "events", "text", "bytes"]


@dataclass(frozen=True)
class Parameter:
    """One parameter: how Python and how the service call it, and its type."""

    name: str
    wire: str
    type: str
    required: bool


@dataclass(frozen=True)
class Method:
    """One method of the client.

    Attributes:
        name, tag, told: what it is called, where it stands, its docstring.
        verb, path: of the operation.
        names, query, headers: its parameters, by place.
        keyed: it takes an Idempotency-Key.
        body: the type of its body, and how it is sent; None without one.
        gives, accept: what its answer is.
        shape: the type of a JSON answer.
        item: what a page holds, where the answer is one; ``next_name`` is where the next cursor stands.
    """

    name: str
    tag: str
    told: str
    verb: str
    path: str
    names: tuple[Parameter, ...]
    query: tuple[Parameter, ...]
    headers: tuple[Parameter, ...]
    keyed: bool
    body: tuple[str, str] | None
    gives: Gives
    accept: str
    shape: str
    item: str = ""
    next_name: str = ""

    @property
    def returns(self) -> str:
        """The type that is given."""
        return {"json": self.shape, "table": "pa.Table", "text": "str", "bytes": "bytes"}.get(self.gives, "")

    @property
    def iterates(self) -> str:
        """What the method is called that goes from page to page."""
        return "iterate" if self.name == "list" else f"iterate_{self.name.removeprefix('list_')}"

    @property
    def options(self) -> list[Parameter]:
        """What is given by name: first what must be."""
        return sorted([*self.query, *self.headers], key=lambda each: not each.required)


def methods(document: Schema) -> Iterator[Method]:
    """All methods of a document."""
    for verb, path, operation in operations(document):
        yield from _of(document, verb, path, operation)


def _of(document: Schema, verb: str, path: str, operation: Schema) -> Iterator[Method]:
    by_place: dict[str, list[Parameter]] = {"path": [], "query": [], "header": [], "cookie": []}
    for each in operation["parameters"]:
        by_place[each["in"]].append(_parameter(each))
    headers = [each for each in by_place["header"] if each.wire.lower() not in (_READ if verb == "GET" else _SENT)]
    answers, bodies = _answers(operation), _bodies(operation)
    first = next((media for media in (JSON, *_MORE) if media in answers), next(iter(answers), JSON))
    media, kind = next(iter(bodies.items()), ("", ""))
    tag = python_name((operation.get("tags") or ["service"])[0])
    plain = Method(
        python_name(operation["operationId"].removeprefix(f"{tag}_")), tag, _told(operation), verb, path,
        tuple(by_place["path"]), tuple(by_place["query"]), tuple(headers),
        any(each.wire == KEY for each in headers), (kind, media) if media else None,
        _gives(first), first, answers.get(first, "None"),
    )  # fmt: skip
    item, next_name = _page(document, plain.shape) if plain.gives == "json" else ("", "")
    yield replace(plain, item=item, next_name=next_name)
    for media, kind in list(bodies.items())[1:]:
        if media == ARROW:
            yield replace(plain, name=f"{plain.name}_arrow", body=(kind, media))
    for media in answers:
        if media != first:
            yield replace(plain, name=plain.name + _MORE.get(media, "_bytes"), gives=_gives(media), accept=media)


def _parameter(told: Schema) -> Parameter:
    required, kind = bool(told.get("required")), python_type(told.get("schema", {}))
    return Parameter(python_name(told["name"]), told["name"], kind if required else optional(kind), required)


def _answers(operation: Schema) -> dict[str, str]:
    """Of answers that are no problems: type by media type."""
    found: dict[str, list[str]] = {}
    empty = False
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            content = answer.get("content", {})
            empty |= not content
            for media, body in content.items():
                found.setdefault(media, []).append(python_type(body.get("schema", {})))
    if not found:
        return {JSON: "None"}
    return {media: union([*types, *(["None"] if empty else [])]) for media, types in found.items()}


def _bodies(operation: Schema) -> dict[str, str]:
    """Type by media type, JSON first."""
    content: dict[str, Any] = operation.get("requestBody", {}).get("content", {})
    kinds = {ARROW: "pa.Table", FORM: "Mapping[str, str]"}
    found = {
        media: kinds.get(media) or python_type(body.get("schema", {})) if media in (JSON, ARROW, FORM) else "bytes"
        for media, body in content.items()
    }
    order = (JSON, ARROW, FORM)
    return dict(sorted(found.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order)))


def _gives(media: str) -> Gives:
    if media == JSON:
        return "json"
    if media in (ARROW, EVENTS):
        return "table" if media == ARROW else "events"
    return "text" if media.startswith("text/") else "bytes"


def _page(document: Schema, shape: str) -> tuple[str, str]:
    """Item and cursor of a page; empty where the answer is none."""
    schema = document["components"]["schemas"].get(shape.removeprefix("models."), {})
    properties = schema.get("properties", {})
    cursor = next((name for name in ("next", "next_cursor") if name in properties), "")
    if not cursor or "items" not in properties.get("items", {}):
        return "", ""
    return python_type(properties["items"]["items"]), cursor


def _told(operation: Schema) -> str:
    """Summary and first paragraph, as lines of a docstring."""
    summary = str(operation.get("summary") or operation["operationId"]).strip().rstrip(".") + "."
    more = str(operation.get("description") or "").strip().split("\n\n")[0]
    lines = textwrap.wrap(summary, 105)
    if more and more.rstrip(".") != summary.rstrip("."):
        lines += ["", *textwrap.wrap(more, 105)]
    return "\n".join(lines).replace("\\", "\\\\").replace('"""', "'''")
