"""Products of markets from YAML: those that ship in ``configs/markets``, and the user's own files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from dispatch.config.documents import CONFIGS, Document, read_document
from dispatch.config.mistakes import near_miss, shown
from dispatch.errors import ConfigError, DataError, Problem
from dispatch.markets.product import Product

FOLDER = "markets"


@cache
def shipped() -> Mapping[str, tuple[Product, ...]]:
    """The products that ship, by name; several of one name are for different days.

    Raises:
        ConfigError: a file is not understood.
    """
    made: dict[str, tuple[Product, ...]] = {}
    for path in sorted((CONFIGS / FOLDER).glob("*.yaml")):
        if path.stem == "baselines":
            continue
        for name, found in read_products(path, path.name).items():
            made[name] = (*made.get(name, ()), *found)
    return made


def read_products(path: Path, name: str) -> dict[str, tuple[Product, ...]]:
    """The products of a file: a mapping with ``products`` and, beside it, what all of them share.

    Raises:
        ConfigError: lists all that is wrong with it.
    """
    document = read_document(path, name)
    shared = {key: value for key, value in document.raw.items() if key != "products"}
    listed = document.raw.get("products")
    if not isinstance(listed, list) or not listed:
        problem = Problem("products", "is missing or empty", "a list of products, each with a name")
        raise ConfigError(name, [problem])
    made: dict[str, tuple[Product, ...]] = {}
    wrong: list[Problem] = []
    for place, raw in enumerate(listed):
        try:
            one = Product.model_validate({**shared, **(raw if isinstance(raw, dict) else {"name": raw})})
        except ValidationError as error:
            wrong += problems(error, Product, f"products[{place}]", document)
            continue
        made[one.name] = (*made.get(one.name, ()), one)
    if wrong:
        raise ConfigError(name, wrong)
    return made


def problems(
    error: ValidationError, owner: type[BaseModel], where: str = "", document: Document | None = None
) -> Iterator[Problem]:
    """What is wrong with a model's mapping, each with its place, the value and what would be accepted."""
    for one in error.errors(include_url=False):
        inside = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in one["loc"])
        path = (where + inside).lstrip(".") or "file"
        line = document.line(path) if document else None
        if one["type"] == "extra_forbidden":
            known = tuple(owner.model_fields) if len(one["loc"]) == 1 else ()
            yield Problem(path, "is no key of this", near_miss(one["loc"][-1], known) if known else "", line)
        elif one["type"] == "missing":
            yield Problem(path, "is missing", "", line)
        else:
            found = "" if isinstance(one["input"], dict) else f" (found {shown(one['input'])})"
            yield Problem(path, one["msg"].removeprefix("Value error, ") + found, "", line)


def product(name: str, day: date, own: Path | None = None) -> Product:
    """The product of that name for a delivery day: from the user's own file where one is given, or one that ships.

    Raises:
        ConfigError: the user's file is wrong.
        DataError: there is none of that name, or none for that day.
    """
    known: Mapping[str, tuple[Product, ...]] = read_products(own, str(own)) if own is not None else shipped()
    if name not in known:
        raise DataError(f"there is no product '{name}'; accepted: {near_miss(name, sorted(known))}")
    for one in known[name]:
        if one.holds(day):
            return one
    spans = ", ".join(one.span for one in known[name])
    raise DataError(f"product '{name}' is not for {day}; it is for delivery days {spans}")


def model(owner: type[BaseModel], raw: Any, name: str) -> Any:
    """A model from plain values, such as a user's JSON.

    Raises:
        ConfigError: lists all that is wrong.
    """
    try:
        return owner.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(name, list(problems(error, owner))) from None
