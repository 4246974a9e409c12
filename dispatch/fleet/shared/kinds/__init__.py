"""The kinds of shared things, one file each; a file dropped here is found without being named anywhere."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from functools import cache

from dispatch.fleet.shared.base import Shared


@cache
def shared_kinds() -> Mapping[str, type[Shared]]:
    """All kinds by the literal of their ``kind`` field."""
    found: dict[str, type[Shared]] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda m: m.name):
        for cls in vars(importlib.import_module(f"{__name__}.{module.name}")).values():
            if inspect.isclass(cls) and issubclass(cls, Shared) and isinstance(cls.model_fields["kind"].default, str):
                found[cls.model_fields["kind"].default] = cls
    return found
