"""Every operation of the document, asked by one tenant for another one's thing and for what nobody has."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from benchmarks.served import Served
from benchmarks.topics.service.isolation.entries import BODIES, MAKES, NAMED, NOTHING, SHARED
from benchmarks.topics.service.isolation.world import API, World, kinds

_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
_ORDER = ("get", "post", "delete", "put")  # what makes an own thing of the name comes last
_ID = re.compile(r"[a-z]+_[0-9a-z]{26}")
_OWN = {"instance", "trace_id"}
_TABLE = "table"


@dataclass
class Found:
    """What the matrix found.

    Attributes:
        compared: pairs of requests; routes: operations that they were sent to.
        differences: pairs that were answered differently, or as if the thing were there.
        missing: operations without an entry; absent: those whose thing was not made.
        leaks: lists of the one tenant with something of the other; changed: of whom something was changed.
    """

    compared: int = 0
    routes: set[str] = field(default_factory=set)
    differences: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> list[str]:
        """All that may not be."""
        return self.differences + self.missing + self.leaks + self.changed


def matrix(server: Served, theirs: World, own: World) -> Found:
    """Ask for everything that the one has as the other."""
    found = Found()
    document = server.app.openapi()
    before = _seen(document, theirs)
    for path, method, operation in _operations(document):
        name = f"{method.upper()} {path.removeprefix(API)}"
        named = [each for each in NAMED if each.operation == name]
        for each in named:
            _named(found, own, theirs, name, each)
        if "{" in path:
            _in_path(found, theirs, own, name, operation)
        elif method == "get":
            _listed(found, theirs, own, name)
        elif not named and name not in NOTHING:
            found.missing.append(f"{name}: no entry says what it may name")
    after = _seen(document, theirs)
    found.changed += [path for path in before if before[path] != after.get(path)]
    return found


def _operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Those of the API, in an order in which nobody's own things stand in the way."""
    listed = [
        (path, method, each)
        for path, item in document["paths"].items()
        if path.startswith(API)
        for method, each in item.items()
    ]
    return sorted(listed, key=lambda each: _ORDER.index(each[1]))


def _in_path(found: Found, theirs: World, own: World, name: str, operation: dict[str, Any]) -> None:
    """The thing stands in the path."""
    method, _, template = name.partition(" ")
    if "requestBody" in operation and name not in BODIES:
        found.missing.append(f"{name}: no entry says what is sent")
        return
    first = next(kinds(template))
    if first[1] in SHARED:
        return
    if first[1] not in theirs.things:
        found.absent.append(name)
        return
    sent = BODIES[name](own.things) if name in BODIES else None
    thing = theirs.things[first[1]]
    answers = []
    for value in (thing, nobodys(thing)):
        path = _filled(template, operation, {**theirs.things, first[1]: value})
        answers.append(told(asked(own.client, method, path, json=sent), value))
    _compare(found, name, answers, makes=name in MAKES)


def _filled(template: str, operation: dict[str, Any], things: Mapping[str, str]) -> str:
    """The path with its things; what is no thing (a table's name) as the document's first choice."""
    choices = {each["name"]: _choice(each["schema"]) for each in operation["parameters"] if each["in"] == "path"}
    path = template
    for parameter, kind in kinds(template):
        path = path.replace(f"{{{parameter}}}", str(things.get(kind, choices[parameter])), 1)
    return path


def _choice(schema: Mapping[str, Any]) -> str:
    return str(schema.get("const", schema.get("enum", ["1"])[0]))


def _named(found: Found, own: World, theirs: World, name: str, entry: Any) -> None:
    """The thing stands in the query or the body."""
    if entry.kind not in theirs.things or not _has(own, name):
        found.absent.append(f"{name}, {entry.kind} named")
        return
    method, thing = name.partition(" ")[0], theirs.things[entry.kind]
    answers = []
    for value in (thing, nobodys(thing)):
        path, query, sent = entry.sent(own.things, value)
        answers.append(told(asked(own.client, method, path, params=query, json=sent), value))
    _compare(found, name, answers, makes=True)


def _has(own: World, name: str) -> bool:
    return all(kind in own.things for _, kind in kinds(name.partition(" ")[2]))


def _compare(found: Found, name: str, answers: list[tuple[int, Any, Any]], *, makes: bool) -> None:
    there, nowhere = answers
    found.compared += 1
    found.routes.add(name)
    if there != nowhere:
        found.differences.append(f"{name}: {there} against {nowhere}")
    elif nowhere[0] != 404 and not makes:
        found.differences.append(f"{name}: what nobody has is answered by {nowhere[0]}: {nowhere[2]}")


def _listed(found: Found, theirs: World, own: World, name: str) -> None:
    """A list of one's own has nothing of the other's."""
    found.routes.add(name)
    answer = own.client.get(API + name.partition(" ")[2]).text
    names = [id_ for kind, id_ in theirs.things.items() if kind not in (*SHARED, "versions")]
    found.leaks += [f"{name} has {id_}" for id_ in names if f'"{id_}"' in answer]


def _seen(document: dict[str, Any], world: World) -> dict[str, bytes]:
    """All that a tenant sees of its things."""
    seen = {}
    for path, method, operation in _operations(document):
        template = path.removeprefix(API)
        known = all(kind in world.things or kind not in _kinds_of_ids(template) for _, kind in kinds(template))
        if method == "get" and "{" in path and known and "events" not in path:
            filled = _filled(template, operation, world.things)
            seen[filled] = world.client.get(API + filled).content
    return {path: content for path, content in seen.items() if b"trace_id" not in content}


def _kinds_of_ids(template: str) -> Iterator[str]:
    return (kind for parameter, kind in kinds(template) if parameter != _TABLE)


def nobodys(thing: str) -> str:
    """A name of the same form and length that nobody has."""
    if _ID.fullmatch(thing):
        prefix, _, _ = thing.rpartition("_")
        return f"{prefix}_0{''.join(secrets.choice(_LETTERS) for _ in range(25))}"
    return "n" + "".join(secrets.choice("abcdefgh") for _ in range(len(thing) - 1))


def asked(client: httpx.Client, method: str, path: str, **more: Any) -> httpx.Response:
    """A request; of a stream of events, which may have no end, only that it began."""
    with client.stream(method, API + path, **more) as answer:
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            return httpx.Response(answer.status_code, headers={"content-type": "text/event-stream"})
        answer.read()
    return answer


def told(answer: httpx.Response, name: str) -> tuple[int, Any, Any]:
    """What an answer tells: status, headers and body, less the name that was asked for and what differs each time."""
    passing = {"date", "x-trace-id", "ratelimit", "server", "etag"}
    whole = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")
    headers = {key: whole.sub("NAME", value) for key, value in answer.headers.items() if key not in passing}
    headers["location"] = _ID.sub("ID", headers.get("location", ""))
    text = _ID.sub("ID", whole.sub("NAME", answer.text))
    try:
        body = json.loads(text)
    except ValueError:
        return answer.status_code, headers, text
    if isinstance(body, dict):
        body = {key: value for key, value in body.items() if key not in _OWN}
    return answer.status_code, headers, body
