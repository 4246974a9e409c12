"""A kind of job that does nothing: what is left is what a job costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dispatch.service.store import Tx
    from dispatch.service.store.jobs import Job


def prepare(_tx: Tx, _job: Job) -> None:
    return


def run(_asked: None, _progress: Callable[[str], None]) -> None:
    return


def floor(_asked: None, _reason: str) -> None:
    return


def commit(_tx: Tx, _job: Job, _outcome: None) -> dict[str, Any]:
    return {}
