"""A process that serves: the server on a socket, its workers beside it, and an orderly end of both."""

from __future__ import annotations

import math
import signal
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import uvicorn

from dispatch.service.app import create_app
from dispatch.service.runner.policy import Policy
from dispatch.service.runner.supervisor import Supervisor
from dispatch.service.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI

    from dispatch.service.store import Store

_KEEP_ALIVE_S = 30


class Server(uvicorn.Server):
    """Tells the app that it is about to stop before it waits for open requests: streams end then."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End in order."""
        self._app.state.closing.set()
        await super().shutdown(sockets)


def server(settings: Settings, app: FastAPI) -> Server:
    """A server of an app; it logs by its loggers as they are set up."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=math.ceil(settings.shutdown_s),
    )  # fmt: skip
    return Server(config, app)


def serve(settings: Settings, store: Store, listener: socket.socket) -> None:
    """Serve on a socket until SIGTERM or SIGINT; requests end first, then jobs."""
    app = create_app(settings, store)
    # The server ends in order and then raises the signal again: workers are to end in order too.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _noted)
    with ExitStack() as opened:
        if settings.workers:
            policy = Policy.of(settings)
            supervisor = Supervisor(settings.url, settings.data.resolve(), settings.workers, policy, settings.log_level)
            app.state.supervisor = opened.enter_context(supervisor)
        server(settings, app).run(sockets=[listener])


def _noted(_number: int, _frame: Any) -> None:
    """The server has heard it."""
