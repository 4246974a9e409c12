"""What does not fit together is named, all of it, before anything is drawn."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from dispatch.report import Line
from tests.unit.dispatch.report_example import example


def test_all_wrong_lengths_are_named_at_once() -> None:
    day = example()
    store = replace(day.stores[0], stored_kwh=day.stores[0].stored_kwh[:-1])
    fan = replace(day.fans[1], levels=(0.1, 0.9))
    band = day.voltage
    assert band is not None
    own = (Line("bus 7", (1.0,)),)
    with pytest.raises(ValueError, match="do not fit together") as caught:
        replace(
            day,
            import_price=day.import_price[1:],
            stores=(store,),
            fans=(fan,),
            setpoints=(Line("li charge", ()),),
            voltage=replace(band, own_bus=own, loading_max_pu=()),
        )
    message = str(caught.value)
    for words in (
        "import_price: 95 values, wanted 96",
        "store 'li': 96 values, wanted 97",
        "fan 'roof': 2 levels, 7 rows",
        "set-point 'li charge': 0 values, wanted 96",
        "voltage of 'bus 7': 1 values, wanted 96",
        "voltage loading_max_pu: 0 values, wanted 96",
    ):
        assert words in message


def test_a_short_line_of_a_balance_is_named() -> None:
    day = example()
    mv = day.balances[0]
    short = replace(mv, use=(replace(mv.use[0], values=(1.0, 2.0)), *mv.use[1:]))
    with pytest.raises(ValueError, match="balance 'mv', 'offices': 2 values, wanted 96"):
        replace(day, balances=(short,))


@pytest.mark.parametrize(
    ("starts", "hours", "words"),
    [
        (("2025-06-14T00:00",), (1.0,), "no offset from UTC"),
        (("yesterday",), (1.0,), "'yesterday' is not an ISO 8601 time"),
        (("2025-06-14T00:00+08:00",), (0.0,), "every step needs a length above 0 h"),
        (("2025-06-14T00:00+08:00",), (float("nan"),), "every step needs a length above 0 h"),
        (("2025-06-14T00:00+08:00",), (1.0, 1.0), "step_start has 1 values, step_h has 2"),
        (("2025-06-14T00:00+08:00", "2025-06-14T02:00+08:00"), (1.0, 1.0), "step 0 starts"),
        # The clock jumps from 02:00 to 03:00: a start written with the old offset is an hour off.
        (("2025-03-30T01:45+01:00", "2025-03-30T03:00+01:00"), (0.25, 0.25), "step 0 starts"),
        ((), (), "at least one step"),
    ],
)
def test_steps_that_cannot_be_drawn_are_refused(starts: tuple[str, ...], hours: tuple[float, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        replace(example(), step_start=starts, step_h=hours)


def test_the_change_of_the_clock_is_no_mistake() -> None:
    assert len(example("2025-03-30", "Europe/Berlin").step_h) == 92
    assert len(example("2025-10-26", "Europe/Berlin").step_h) == 100


def test_importing_the_report_loads_nothing_heavy() -> None:
    heavy = ("jinja2", "numpy", "pandas", "cvxpy")
    code = f"import sys, dispatch.report; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
