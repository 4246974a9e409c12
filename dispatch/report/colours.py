"""Colours by asset kind: the same kind has the same hue on every page and every day.

The hues keep apart for colour-blind eyes too: tests hold their distances in OKLab (Ottosson 2020) as seen
through the simulation of Machado, Oliveira & Fernandes 2009 (doi 10.1109/TVCG.2009.113). Members of one
kind share its hue and differ in lightness.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Colour:
    """One colour for paper and light screens, one for dark screens, both ``#rrggbb``."""

    light: str
    dark: str


HUES: dict[str, Colour] = {
    "wind": Colour("#297fcc", "#529aec"),
    "pv": Colour("#f3bb2a", "#eeb01f"),
    "storage": Colour("#2aa98b", "#4ebf9e"),
    "grid": Colour("#76828e", "#909090"),
    "load": Colour("#495564", "#626f7c"),
    "thermal unit": Colour("#ca4f32", "#d6643c"),
    "heat pump": Colour("#ec975c", "#e2936d"),
    "cooling": Colour("#74c6ed", "#83c3e5"),
    "hydrogen": Colour("#7552ab", "#8f6dc4"),
    "vehicles": Colour("#d385b7", "#cb7ec0"),
    "lost": Colour("#ccc9bb", "#484848"),
    "unserved": Colour("#ac0057", "#dc0f70"),
}

# The first group with a word in the name wins: a "battery load" is storage, a "hydrogen tank" is hydrogen.
_WORDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("unserved", ("unserved", "shed", "shedding", "interrupted", "unmet")),
    ("lost", ("curtailed", "curtailment", "spilled", "loss", "losses", "dumped")),
    ("hydrogen", ("hydrogen", "electrolyser", "electrolyzer", "h2", "fuelcell", "cell")),
    ("vehicles", ("ev", "vehicle", "vehicles", "charger", "chargers", "v2g")),
    (
        "storage",
        ("battery", "storage", "store", "tank", "flywheel", "caes", "air", "supercapacitor", "li", "ice"),
    ),
    ("wind", ("wind", "turbine", "turbines")),
    ("pv", ("pv", "solar", "photovoltaic", "roof", "carport")),
    ("heat pump", ("pump", "gshp", "ashp", "hp")),
    ("cooling", ("chiller", "cooling", "cold", "absorption")),
    (
        "thermal unit",
        ("chp", "boiler", "gas", "diesel", "genset", "engine", "unit", "thermal", "biomass", "microturbine", "firing"),
    ),
    ("grid", ("grid", "connection", "import", "export", "pcc", "purchase", "market", "district")),
    ("load", ("load", "loads", "demand", "office", "offices", "workshop", "workshops", "process", "cooker")),
)

# Names that fit no group take one of these quieter hues.
_OTHER: tuple[Colour, ...] = (
    Colour("#8a6d3b", "#a98a55"),
    Colour("#5b8c5a", "#74a873"),
    Colour("#6d7fae", "#8596c4"),
)

# Towards white (+) or black (−) for the second, third, … member of one hue.
_SHADES: tuple[float, ...] = (0.0, 0.38, -0.24, 0.58, -0.4, 0.2)


def hue_of(name: str, kind: str = "") -> Colour:
    """The hue of an asset: by its kind, else by the words in its name, else a stable choice."""
    for text in (kind, name):
        words = set(re.split(r"[^a-z0-9]+|(?<=[a-z0-9])(?<!h)(?=\d+$)", text.lower()))
        for group, known in _WORDS:
            if not words.isdisjoint((*known, group)):
                return HUES[group]
    return _OTHER[zlib.crc32((kind or name).encode()) % len(_OTHER)]


def assign(series: Iterable[tuple[str, str]]) -> dict[str, Colour]:
    """Colours for ``(name, kind)`` pairs: one per name, shades within one hue by order of appearance."""
    chosen: dict[str, Colour] = {}
    members: dict[Colour, int] = {}
    for name, kind in series:
        if name in chosen:
            continue
        hue = hue_of(name, kind)
        rank = members.get(hue, 0)
        members[hue] = rank + 1
        shift = _SHADES[rank % len(_SHADES)]
        chosen[name] = Colour(shade(hue.light, shift), shade(hue.dark, shift))
    return chosen


def shade(colour: str, shift: float) -> str:
    """``#rrggbb`` moved by ``|shift|`` (0…1) of the way to white (shift > 0) or black (shift < 0)."""
    end = 255 if shift > 0 else 0
    parts = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(part + (end - part) * abs(shift)):02x}" for part in parts)
