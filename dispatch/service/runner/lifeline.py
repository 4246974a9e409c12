"""A process that hangs on a pipe of another one: when that is gone, however it went, this one ends too."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import IO


def end_with(lifeline: IO[bytes], stop: Callable[[], object], last_s: float) -> None:
    """Call ``stop`` when the other end of a pipe is closed, and end the process at the latest ``last_s`` after."""

    def wait() -> None:
        while os.read(lifeline.fileno(), 4096):  # not read(): at the end its lock would be held
            pass
        stop()
        time.sleep(last_s)  # whatever holds it up, nothing is left running
        os._exit(1)

    threading.Thread(target=wait, name="lifeline", daemon=True).start()
