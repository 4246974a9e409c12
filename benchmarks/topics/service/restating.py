"""How long a small write waits while another client restates a whole year of quarter hours.

What is compared before the lock holds nobody up: the wait is that of the commit. Its share of the upload's own time is
what is told, for seconds are the machine's.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pyarrow as pa
import pyarrow.ipc
import yaml

from benchmarks.processes import ROOT
from benchmarks.rows import row
from benchmarks.served import served

INPUTS = ("dispatch/service/store", "dispatch/service/routes/measurements.py", "benchmarks/topics/service/restating.py")
ROWS = 200_000
_STEP = timedelta(minutes=15)
_FIRST = datetime(2018, 1, 1, tzinfo=UTC)
_ARROW = "application/vnd.apache.arrow.stream"


@dataclass(frozen=True)
class Waits:
    """What one upload cost, and what others waited meanwhile."""

    upload_s: float
    longest_wait_s: float
    writes: int


def table(value: float, rows: int, site: str = "works") -> bytes:
    """So many quarter hours of one series, as an Arrow stream."""
    ends = pa.array([_FIRST + (k + 1) * _STEP for k in range(rows)], pa.timestamp("us", "UTC"))
    columns = {"site": [site] * rows, "series": ["hall"] * rows, "time": ends, "value": [value] * rows}
    made = pa.table(columns)
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, made.schema) as writer:
        writer.write_table(made)
    return bytes(out.getvalue())


def waits(folder: Path, rows: int = ROWS) -> Waits:
    """Upload so many rows, upload other values for the same times, and write small things beside it."""
    park = yaml.safe_load((ROOT / "configs/service/works.yaml").read_text("utf-8"))
    with served(folder) as server:
        head = {"Authorization": f"Bearer {server.key(server.tenant())}"}
        with httpx.Client(base_url=server.url, headers=head, verify=False, timeout=120) as client:
            for site in ("works", "other"):
                client.put(f"/api/v1/sites/{site}", json=park).raise_for_status()
            sent = {"content": table(1.0, rows), "headers": {"Content-Type": _ARROW}}
            client.post("/api/v1/measurements", **sent).raise_for_status()  # type: ignore[arg-type]
            sent["content"] = table(2.0, rows)
            with _writing(server.url, head) as taken:
                began = time.perf_counter()
                answer = client.post("/api/v1/measurements", **sent).raise_for_status()  # type: ignore[arg-type]
                upload_s = time.perf_counter() - began
            if answer.json()["restated"] != rows:
                raise RuntimeError(f"{answer.json()['restated']} of {rows} rows were restated")
    return Waits(upload_s, max(taken), len(taken))


@contextmanager
def _writing(url: str, head: dict[str, str]) -> Iterator[list[float]]:
    """Small writes one after the other in a thread; how long each took."""
    stop, taken = threading.Event(), list[float]()

    def write() -> None:
        with httpx.Client(base_url=url, headers=head, verify=False, timeout=120) as client:
            number = 0
            while not stop.is_set():
                number += 1
                began = time.perf_counter()
                sent = {"content": table(number, 1, "other"), "headers": {"Content-Type": _ARROW}}
                client.post("/api/v1/measurements", **sent).raise_for_status()  # type: ignore[arg-type]
                taken.append(time.perf_counter() - began)

    thread = threading.Thread(target=write)
    thread.start()
    while len(taken) < 3:
        time.sleep(0.01)
    taken.clear()
    try:
        yield taken
    finally:
        stop.set()
        thread.join()


@row(
    "service", name="longest wait of a small write beside a restating upload, share of the upload's time", unit="%",
    bar="<= 50", slow=True, inputs=INPUTS,
)  # fmt: skip
def restating() -> float:
    """200 000 rows that are all held with another value, and writes of one row on another site of the tenant."""
    with tempfile.TemporaryDirectory() as made:
        found = waits(Path(made))
    return 100 * found.longest_wait_s / found.upload_s
