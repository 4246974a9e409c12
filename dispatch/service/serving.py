"""A process that serves: the server on a socket, its workers beside it, and an orderly end of both."""

from __future__ import annotations

import json
import math
import signal
import socket
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import uvicorn

from dispatch.service.app import create_app
from dispatch.service.http.wire import Protocol
from dispatch.service.logs import log_as_json
from dispatch.service.runner.crew import Crew, Kind
from dispatch.service.runner.lifeline import end_with
from dispatch.service.runner.policy import Policy
from dispatch.service.runner.supervisor import Supervisor
from dispatch.service.settings import Settings
from dispatch.service.store import Store

if TYPE_CHECKING:
    from fastapi import FastAPI

_KEEP_ALIVE_S = 30
_BESIDE = "from dispatch.service.serving import beside; beside()"


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
        timeout_graceful_shutdown=math.ceil(settings.shutdown_s), http=Protocol,
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
        if settings.processes > 1:
            opened.enter_context(_others(settings, listener, app))
        server(settings, app).run(sockets=[listener])


def _others(settings: Settings, listener: socket.socket, app: FastAPI) -> Crew:
    """The other processes that take requests from the same socket: one core answers so many and no more."""
    kind = Kind(
        what="server", main=_BESIDE, told={"settings": settings.told(), "listener": listener.fileno()},
        grace_s=settings.shutdown_s + _KEEP_ALIVE_S, longest_restart_s=settings.job_longest_restart_s,
        handed=(listener.fileno(),), ended=app.state.metrics.gone,
    )  # fmt: skip
    return Crew(kind, settings.processes - 1)


def beside() -> None:
    """A further process that answers requests, started and ended by the first one."""
    line = sys.stdin.buffer.readline()
    if not line:
        return
    told = json.loads(line)
    settings = Settings.model_validate(told["settings"])
    log_as_json(settings.log_level)
    store = Store.open(settings.url, settings.data, migrate=False)
    try:
        with socket.socket(fileno=told["listener"]) as listener:
            app = create_app(settings, store)
            app.state.relies_on_workers = settings.workers > 0
            made = server(settings, app)
            end_with(sys.stdin.buffer, lambda: setattr(made, "should_exit", True), settings.shutdown_s + _KEEP_ALIVE_S)
            for number in (signal.SIGTERM, signal.SIGINT):  # not before: until it answers, it may end at once
                signal.signal(number, _noted)
            made.run(sockets=[listener])
    finally:
        store.close()


def _noted(_number: int, _frame: Any) -> None:
    """The server has heard it."""
