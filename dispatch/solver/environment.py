"""What child processes inherit of the environment: written and copied by one thread at a time.

A process that is spawned by ``multiprocessing`` inherits the environment as it stands, so what is only for such
children has to be written there while they start. Who copies it at that moment would hand it on to others.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

_WRITING = threading.Lock()


def of_child() -> dict[str, str]:
    """The environment of this process, for a child that finds the modules that this process finds."""
    with _WRITING:
        return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


@contextmanager
def written(values: Mapping[str, str]) -> Iterator[None]:
    """The environment of this process has these values within the block, and as before after it."""
    with _WRITING:
        before = {name: os.environ.get(name) for name in values}
        os.environ.update(values)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
