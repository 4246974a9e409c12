"""What goes wrong becomes a problem that a user can read, and says whether trying again is of any use."""

from __future__ import annotations

import pytest

from dispatch.errors import ConfigError, DataError, ParkwattError, Problem, SolveError
from dispatch.service.errors import ConflictError, UnavailableError
from dispatch.service.runner import trouble
from dispatch.service.store.faults import BusyError


@pytest.mark.parametrize(
    ("error", "is_users", "status", "detail"),
    [
        (DataError("no measurements"), True, 422, "no measurements"),
        (ConflictError("it was withdrawn"), True, 409, "it was withdrawn"),
        (UnavailableError("not now"), False, 503, "not now"),
        (SolveError("no rung gave a plan"), False, 500, "no rung gave a plan"),
        (ParkwattError("nobody answers"), False, 500, "nobody answers"),
        (BusyError("/a/path is busy"), False, 500, "doing it failed with BusyError"),
        (KeyError("/a/path"), False, 500, "doing it failed with KeyError"),
    ],
)
def test_errors_become_problems(error: Exception, is_users: bool, status: int, detail: str) -> None:
    found = trouble.of(error, "doing it")
    document = found.document()
    assert (found.is_users, document["status"], document["detail"]) == (is_users, status, detail)


def test_what_is_wrong_with_a_park_is_told_place_by_place() -> None:
    error = ConfigError("site", [Problem("assets[2].power_kw", "is negative", accepted="at least 0")])
    found = trouble.of(error, "doing it")
    assert found.is_users
    (fault,) = found.document()["errors"]
    assert (fault["pointer"], fault["accepted"]) == ("/assets/2/power_kw", "at least 0")
