"""Mistakes and wrong parts of the kinds in ``templates_site``; see ``test_checks_notice`` and ``test_wrong_parts``."""

from __future__ import annotations

from tests.unit.dispatch.assets.mistakes import Mistake, Wrong, at, plus, times, zero

MISTAKES: dict[str, list[Mistake]] = {
    "outage": [
        Mistake("negative lack", "unserved_kwh", plus(-1e3)),
        Mistake("negative lack", "black_start_short_kwh", at(2, -0.1)),
        Mistake("more lacks than the critical load", "unserved_kwh", plus(1e3)),
        Mistake("more lacks than the reserve", "black_start_short_kwh", at(2, 8.1)),
    ],
    "pipe": [
        Mistake("more enters than the pipe takes", "forward_kw", at(0, 70.1)),
        Mistake("more enters than the pipe takes", "backward_kw", at(0, 0.1)),
        Mistake("negative flow", "forward_kw", at(7, -0.1)),
        Mistake("negative flow", "backward_spilled_kw", at(0, -0.1)),
        Mistake("arrives otherwise than it entered", "forward_arriving_kw", at(4, 1.0)),
        Mistake("arrives otherwise than it entered", "forward_kw", at(0, 0.0)),
        Mistake("lets go more than arrives", "forward_spilled_kw", plus(100.0)),
        Mistake("both ends feed at once", "forward_kw", plus(1.0), template=1),
        Mistake("less under way at the end than stated", "short_kwh", plus(-1e3)),
    ],
}


WRONG: dict[str, list[Wrong]] = {
    "outage": [
        Wrong("critical load too low", {"need_kw": times(0.5)}, "more would lack"),
        Wrong("reserve of energy forgotten", {"black_start_kwh": zero}, "more would lack"),
        Wrong("reserve of power forgotten", {"black_start_kw": zero}, "more would lack", template=1),
        Wrong("lacking too cheap", {"lacking_per_kwh": times(0.001)}, "penalty differs"),
    ],
    "pipe": [
        Wrong("capacity too large", {"forward_kw": times(2)}, "more enters", template=2),
        Wrong("back through a pipe of one way", {"backward_kw": plus(50)}, "more enters"),
        Wrong("nothing lost on the way", {"kept": times(1 / 0.9)}, "arrives otherwise"),
        Wrong("what was under way forgotten", {"forward_carried_kw": zero}, "arrives otherwise"),
        Wrong("price of what enters", {"cost_per_kw": times(0.5)}, "money differs"),
        Wrong("letting go too cheap", {"spill_per_kw": times(0.5)}, "penalty differs"),
        Wrong("empty at the end", {"leaving_kwh": zero}, "less under way", fields={"end_penalty_per_kwh": 0.2}),
        Wrong("empty at the end too cheap", {"end_penalty": times(0.01)}, "penalty differs"),
    ],
}
