"""A server on this machine that speaks Open-Meteo's format, for today and the days around it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd

from forecasting.weather.base import UNITS


def document(query: dict[str, str]) -> dict[str, Any]:
    """Sunny and windy by day, calm by night, hourly over the days asked for."""
    today = pd.Timestamp.now(tz="UTC").normalize()
    first, last = (today + pd.Timedelta(days=d) for d in (-int(query["past_days"]), int(query["forecast_days"])))
    times = pd.date_range(first, last, freq="1h", inclusive="left")
    sun = np.clip(np.sin((times.hour - 5) / 14 * np.pi), 0, None).to_numpy()
    values = {name: np.full(len(times), 5.0) for name in UNITS}
    values |= {"temperature_2m": 10 + 8 * sun, "surface_pressure": np.full(len(times), 1009.0)}
    values |= {"pressure_msl": np.full(len(times), 1013.0)}
    values |= {"shortwave_radiation": 700 * sun, "direct_normal_irradiance": 600 * sun, "diffuse_radiation": 120 * sun}
    values |= {"snow_depth": 0 * sun, "snowfall": 0 * sun, "precipitation": 0 * sun}
    values |= {f"wind_speed_{h}m": (4 + 5 * sun) * (h / 80) ** 0.15 for h in (10, 80, 120, 180)}
    block = {"time": [t.strftime("%Y-%m-%dT%H:%M") for t in times]}
    names = query["hourly"].split(",")
    return {
        "utc_offset_seconds": 0,
        "hourly_units": {"time": "iso8601"} | {name: UNITS[name] for name in names},
        "hourly": block | {name: np.round(values[name], 2).tolist() for name in names},
    }


@contextmanager
def served() -> Iterator[tuple[str, list[str]]]:
    """Address, and the paths asked for so far; gone when the block is left."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            asked.append(parts.path)
            data = json.dumps(document({k: v[0] for k, v in parse_qs(parts.query).items()})).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
