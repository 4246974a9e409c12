"""``python -m benchmarks.baselines``: how far baselines are off where nothing was called; docs/markets.md shows it."""

from __future__ import annotations

from benchmarks.topics.fleet.market import feeders, utility
from dispatch.markets.baselines.placebo import Placebo

HEADS = ("Method", "Four feeders with solar power, 17 to 20 h in winter", "A utility, 15 to 19 h")
SHOWN = {
    "ten_of_ten_unadjusted": "mean of 10 days",
    "ten_of_ten": "the same with a same-day ratio",
    "high_five_of_ten_unadjusted": "5 highest of 10 days",
    "high_four_of_five": "4 highest of 5, same-day addition",
    "exponential": "exponential mean, same-day addition",
    "same_day_three_two": "hours before and after the event",
    "meter_before": "the hour before the event",
}


def lines() -> list[str]:
    """The table in Markdown; the feeders' bias and error in whole per cent, for their days are few."""
    said = [f"| {' | '.join(HEADS)} |", "|---|---|---|"]
    for name, label in SHOWN.items():
        said.append(f"| {label} | {_figures(feeders(), name, 0)} | {_figures(utility(), name, 1)} |")
    return said


def _figures(found: Placebo, name: str, digits: int) -> str:
    place = [one.name for one in found.methods].index(name)
    bias, error = (100 * float(values[place]) for values in (found.bias(), found.mae()))
    return f"{bias:+.{digits}f} %, {error:.{digits}f} %".replace("-", "−")


if __name__ == "__main__":
    print("\n".join(lines()))  # noqa: T201 - a command prints
