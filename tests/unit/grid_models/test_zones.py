"""What a library that comes along must not change for everybody else in the process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
from datetime import datetime, timedelta, timezone
import pyarrow as pa
from grid_models import library
library.load("pandapower:case4gs")
noon = datetime(2025, 6, 26, 12, tzinfo=timezone(timedelta(hours=8)))
print(pa.array([noon], pa.timestamp("us", "UTC"))[0].as_py().hour)
"""


def test_a_time_keeps_its_zone_beside_pandapower() -> None:
    """pandera, which pandapower imports, would have pyarrow drop it."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == "4\n", done.stderr
