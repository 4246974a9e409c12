"""A subscriber on this machine that keeps what it is told, after it has refused as often as it should."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Subscriber:
    """Headers and bodies that were taken; ``refusing`` counts those that will not be."""

    url: str = ""
    refusing: int = 0
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def events(self) -> set[tuple[str, str]]:
        """Operations and names of the events that it was told of."""
        notes = [json.loads(body) for _, body in self.heard]
        return {(note["operation"], note["object"]["eventName"]) for note in notes}


@contextmanager
def listening(refusing: int) -> Iterator[Subscriber]:
    found = Subscriber(refusing=refusing)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            is_refused = found.refusing > 0
            found.refusing -= 1
            if not is_refused:
                found.heard.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(503 if is_refused else 204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_address[1]}/told?of=events"
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
