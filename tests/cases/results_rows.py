"""Rows of a topic of their own, which the tests of the results page measure in processes as it measures all others."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from benchmarks.rows import CannotMeasure, Measured, row


@row("toy", name="holds", unit="s", bar="<= 3", slow=True)
def holds() -> Measured:
    sys.stdout.write("said while measuring\n")
    return Measured(1.5, 3.0)


@row("toy", name="does not", unit="x", bar=">= 10", slow=True)
def does_not() -> float:
    return 4.0


@row("toy", name="fails", unit="", bar="== 0", slow=True)
def fails() -> float:
    raise RuntimeError("no plan")


@row("toy", name="absent", unit="", bar="== 0", slow=True)
def absent() -> float:
    raise CannotMeasure("its data are not here")


@row("toy", name="too long", unit="s", bar="<= 1", slow=True)
def too_long() -> float:
    """Starts a process in a session of its own, as a database does, and waits with it."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    sys.stdout.write(f"child {child.pid}\n")
    sys.stdout.flush()
    time.sleep(60)
    return 60.0


@row("toy", name="dies", unit="s", bar="<= 1", slow=True)
def dies() -> float:
    os._exit(3)


@row("toy", name="quick", unit="s", bar="<= 1")
def quick() -> float:
    return 0.5
