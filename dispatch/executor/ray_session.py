"""Ray's start and end, and what its errors mean."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from dispatch.errors import DataError
from dispatch.executor.answers import Failure
from dispatch.executor.children import ONE_THREAD

_REACHED_S = 5.0

# Set before Ray is imported, since it reads them then: nothing is told to its makers.
_SETTINGS = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", "RAY_DEDUP_LOGS": "0"}
# A Ray of our own listens on the loopback alone (the name is Ray's, and means what it says on Linux, too), and works
# only for whoever may read the user's token.
_OWN = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "token"}


@contextmanager
def session(workers: int | None, address: str | None) -> Iterator[tuple[Any, int]]:
    """Ray and how many workers to use: one that runs in this process already, one at the address, else one of its own.

    Raises:
        DataError: nobody answers at the address, or not as a Ray of this version would.
    """
    if address is not None:
        _reach(address)
    _set(_SETTINGS if address else _SETTINGS | _OWN)
    import ray

    if ray.is_initialized():
        yield ray, workers or _cores(ray)
        return
    if address is None:
        _start(ray, workers or os.cpu_count() or 1)
    else:
        _join(ray, address)
    with _quietly(ray):
        try:
            yield ray, min(workers or _cores(ray), _cores(ray))
        finally:
            ray.shutdown()  # of a cluster that was joined, only this process's part in it


def _set(settings: Mapping[str, str]) -> None:
    """What the user has set stays; what Ray has read already must not be set after."""
    for name, value in () if "ray" in sys.modules else settings.items():
        os.environ.setdefault(name, value)


@contextmanager
def _quietly(ray: Any) -> Iterator[None]:
    """Ray prints every worker that dies among our output, whatever it is told of logs; we say it in our own words."""
    module = ray._private.worker
    before = getattr(module, "_worker_logs_enabled", True)
    module._worker_logs_enabled = False
    try:
        yield
    finally:
        module._worker_logs_enabled = before


def _cores(ray: Any) -> int:
    return max(1, int(ray.cluster_resources().get("CPU", 1)))


def _start(ray: Any, workers: int) -> None:
    ray.init(
        include_dashboard=False,
        num_cpus=workers,
        log_to_driver=False,
        logging_level="ERROR",
        runtime_env={"env_vars": ONE_THREAD},
    )


def _join(ray: Any, address: str) -> None:
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", runtime_env={"env_vars": ONE_THREAD})
    except (ConnectionError, RuntimeError, ValueError) as error:
        told = str(error).strip().splitlines()
        raise DataError(f"Ray at '{address}' cannot be used: {told[0] if told else type(error).__name__}") from error


def _reach(address: str) -> None:
    """Ray itself tries for a minute, and may end the process in doing so."""
    if address == "auto":
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        raise DataError(f"address '{address}' is not one of a Ray; accepted: host:port, such as 10.0.0.5:6379, or auto")
    try:
        socket.create_connection((host, int(port)), timeout=_REACHED_S).close()
    except (OSError, OverflowError) as error:
        raise DataError(
            f"no Ray answers at '{address}' ({error}): is the cluster up, and is this the address that "
            "`ray start --head` printed?"
        ) from error


def died(error: Exception) -> Failure:
    """What Ray raises instead of an answer: the worker is gone."""
    told = str(error).strip().splitlines()
    return Failure("died", f"the Ray worker ended before it was done: {told[0] if told else type(error).__name__}")
