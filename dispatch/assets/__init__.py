"""The asset kinds, one file each; a file dropped here is found without being named anywhere.

``kinds()`` maps the ``kind`` of a config to its class, in the order of the files' names.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from functools import cache

from dispatch.asset import Asset


@cache
def kinds() -> Mapping[str, type[Asset]]:
    """All concrete kinds by the literal of their ``kind`` field."""
    found: dict[str, type[Asset]] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda m: m.name):
        members = vars(importlib.import_module(f"{__name__}.{module.name}")).values()
        for cls in members:
            if inspect.isclass(cls) and issubclass(cls, Asset) and isinstance(kind_name(cls), str):
                found[str(kind_name(cls))] = cls
    return found


def kind_name(cls: type[Asset]) -> str | None:
    """The literal in the class's ``kind`` field; None for a base class that only shares equations."""
    default = cls.model_fields["kind"].default
    return default if isinstance(default, str) else None
