"""The rows on engines: their year is a year, peers may be missing, and a broken network is broken."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from benchmarks.rows import CannotMeasure
from benchmarks.topics.grid import broken, engines
from grid_models.cross_check import assert_engines_agree
from grid_models.library import load


def test_the_year_of_a_network_without_profiles_is_not_constant() -> None:
    """A load flow that starts from the last step's solution would have nothing to do."""
    network = load(engines.CIGRE)
    nameplate = network.profiles.at_nameplate()[0]
    used = nameplate[:, 0] != 0.0
    year = engines.year_of(network)
    share = year.p_kw[used] / nameplate[used]
    assert year.steps == 35040
    assert share.min() > 0.19
    assert share.max() < 1.01
    assert (np.abs(np.diff(share, axis=1)).max(axis=1) > 0.015).all()
    np.testing.assert_array_equal(year.p_kw, engines.year_of(network).p_kw)


def test_a_peer_that_is_not_installed_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(CannotMeasure, match="need the package numba"):
        engines.race(engines.CIGRE, lightsim2grid=False)


def test_the_network_that_is_broken_was_sound_and_every_way_of_breaking_it_is_named() -> None:
    assert broken.message(lambda _: None) == ""
    assert_engines_agree(load(engines.CIGRE))
    assert broken.broken_networks().value == len(broken.CASES) >= 11
