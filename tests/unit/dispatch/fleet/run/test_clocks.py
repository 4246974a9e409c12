"""Sites of a fleet on clocks of their own."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from dispatch.errors import ConfigError
from dispatch.fleet.read import Listed
from dispatch.fleet.run import When, common_horizon
from dispatch.site import Site
from tests.unit.dispatch.small_park import park


def listed(name: str, time_zone: str) -> Listed:
    site = Site.model_validate({**park(), "name": name, "time_zone": time_zone})
    return Listed(site, {}, Path(), name)


def test_clocks_of_other_names_that_show_the_same_time_are_one() -> None:
    # The day on which both are put forward.
    when = When("2026-03-29", datetime(2026, 3, 28, tzinfo=UTC))
    made = common_horizon([listed("berlin", "Europe/Berlin"), listed("paris", "Europe/Paris")], when)
    assert made.hours.sum() == 23
    assert made.time_zone == "Europe/Berlin"


def test_clocks_that_differ_are_told_with_what_the_first_has() -> None:
    when = When("2026-06-10", datetime(2026, 6, 9, tzinfo=UTC))
    sites = [
        listed(*one) for one in (("berlin", "Europe/Berlin"), ("lisbon", "Europe/Lisbon"), ("paris", "Europe/Paris"))
    ]
    with pytest.raises(ConfigError) as told:
        common_horizon(sites, when)
    (problem,) = told.value.problems
    assert problem.path == "lisbon"
    assert problem.message.endswith("steps from 2026-06-10T00:00+01:00 in Europe/Lisbon")
    assert "the fleet's first site, 'berlin'" in problem.accepted
    assert problem.accepted.endswith("steps from 2026-06-10T00:00+02:00 in Europe/Berlin; or a fleet of its own")
    # One midnight, but Sydney's clock is put forward two hours after it and Brisbane's is not.
    parting = When("2026-10-04", datetime(2026, 10, 3, tzinfo=UTC))
    with pytest.raises(ConfigError):
        common_horizon([listed("a", "Australia/Sydney"), listed("b", "Australia/Brisbane")], parting)
