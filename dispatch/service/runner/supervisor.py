"""Keeps so many workers running on a store; see :mod:`dispatch.service.runner.worker` for what each of them does."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from dispatch.service.runner.crew import Crew, Kind
from dispatch.service.runner.policy import Policy

_MAIN = "from dispatch.service.runner.worker import main; main()"


class Supervisor(Crew):
    """So many workers on a store, as a context manager or by ``start`` and ``stop``."""

    def __init__(
        self, url: str, data: Path, workers: int, policy: Policy | None = None, log_level: str = "info"
    ) -> None:
        policy = policy or Policy()
        told = {"url": url, "data": str(data), "log_level": log_level, "policy": asdict(policy)}
        grace_s = policy.grace_s + policy.lease_s
        super().__init__(Kind("worker", _MAIN, told, grace_s, policy.longest_restart_s), workers)
