"""Numbers of several processes that answer requests as one server: whichever is asked adds up what all have counted.

The library that counts decides when it is imported whether it counts so, by an environment variable.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from dispatch.service.settings import Settings

FOLDER = "PROMETHEUS_MULTIPROC_DIR"


@contextmanager
def counted_together(settings: Settings) -> Iterator[None]:
    """Where there are several processes, let them count in one folder; before anything of the server is imported."""
    if settings.processes == 1 or FOLDER in os.environ:
        yield
        return
    with TemporaryDirectory(prefix="parkwatt-numbers-") as folder:
        os.environ[FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[FOLDER]
