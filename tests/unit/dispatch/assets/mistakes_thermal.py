"""Mistakes and wrong parts of ``templates_thermal``'s kinds; see ``test_checks_notice`` and ``test_wrong_parts``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tests.unit.dispatch.assets.test_checks_notice import Mistake
    from tests.unit.dispatch.assets.test_wrong_parts import Wrong


def conversion_mistakes(series: str, *ports: str, full_kw: float) -> list[Mistake]:
    """Those of every conversion, in the first template."""
    from tests.unit.dispatch.assets.test_checks_notice import Mistake, at, plus

    return [
        Mistake("above rating", series, at(0, full_kw * 1.01)),
        Mistake("negative input", series, at(0, -0.1)),
        *(Mistake("a port is out of proportion to the input", f"{port}_kw", plus(0.1)) for port in ports),
    ]


def process_mistakes(series: str, *ports: str, full_kw: float) -> list[Mistake]:
    """Those of a conversion that is committed, in the templates of ``processes``."""
    from tests.unit.dispatch.assets.test_checks_notice import Mistake, at, pattern, plus

    return [
        *conversion_mistakes(series, *ports, full_kw=full_kw),
        Mistake("runs although it is off", "on", pattern(1, 1, 0, 1, 1, 1, 1, 1), template=1),
        Mistake("below its minimum load", series, at(3, 0.1 * full_kw), template=1),
        Mistake("rises faster than it can", series, at(0, full_kw), template=2),
        Mistake("falls faster than it can", series, at(0, 0.0), template=2),
        Mistake("falls faster than it can", series, at(0, 0.0), template=5),
        Mistake("on/off is not 0 or 1", "on", plus(0.1), template=1),
        Mistake("off although it must run", "on", plus(-1.0), template=4),
        Mistake("start not counted", "start", lambda values: 0 * values, template=1),
        Mistake("minimum up time", "on", pattern(1, 0, 1, 1, 1, 1, 1, 1), template=1),
        Mistake("minimum down time", "on", pattern(1, 1, 1, 1, 1, 1, 1, 1), template=3),
    ]


def mistakes() -> dict[str, list[Mistake]]:
    """By kind."""
    return {
        "chiller": process_mistakes("power_kw", "cold", full_kw=40.0),
        "heat_pump": process_mistakes("power_kw", "heat", full_kw=40.0),
    }


def conversion_wrongs(*ports: str, cost: bool = True) -> list[Wrong]:
    """Those of every conversion, in the first template."""
    from tests.unit.dispatch.assets.test_wrong_parts import Wrong, times

    wrongs = [
        Wrong(f"{port} per input too high", {f"{port}_per_kw": times(1.05)}, "out of proportion") for port in ports
    ]
    wrongs.append(Wrong("rating too high", {"most_kw": times(1.5)}, "above rating", fields={}))
    if cost:
        wrongs.append(Wrong("upkeep too cheap", {"cost_per_kw": times(0.5)}, "money differs"))
        wrongs.append(Wrong("emissions forgotten", {"co2_per_kw": times(0.5)}, "carbon differs"))
    return wrongs


def process_wrongs(*ports: str, small: dict[str, float]) -> list[Wrong]:
    """Those of a conversion that is committed; ``small`` is a rating that binds."""
    from dataclasses import replace

    from tests.unit.dispatch.assets.test_wrong_parts import Wrong, times, zero

    def forever(x: object) -> object:
        return np.asarray(x, float) * 0 + 1e3

    plain = [replace(w, fields=small) if w.name == "rating too high" else w for w in conversion_wrongs(*ports)]
    return [
        *plain,
        Wrong("cost of starts", {"start_cost": times(0.5)}, "money differs", template=1),
        Wrong("time off before", {"must_off": zero}, "minimum down time", template=3),
        Wrong("ramp forgotten", {"rise_kw": forever}, "rises faster", template=5, fields={"ramp_fraction_per_h": 0.02}),
        Wrong(
            "minimum forgotten", {"least_kw": zero}, "below its minimum", template=1, fields={"min_load_fraction": 0.9}
        ),
    ]


def wrongs() -> dict[str, list[Wrong]]:
    """By kind."""
    return {
        "chiller": process_wrongs("cold", small={"electric_kw": 10.0}),
        "heat_pump": process_wrongs("heat", small={"electric_kw": 10.0}),
    }
