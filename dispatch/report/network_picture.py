"""A network as a single-line diagram: buses as dots in the colour of a value, branches as wide as they are loaded.

A network of hundreds of buses stays readable because only some buses are named: the extremes and the park's own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dispatch.report.wording import number, percent

WIDTH, HEIGHT, _MARGIN = 960.0, 500.0, 46.0
_GLYPH, _BOLD_GLYPH, _LINE = 6.6, 7.6, 14.0
_BESIDE = (
    (10, 4, "start"), (-10, 4, "end"), (0, -11, "middle"), (0, 20, "middle"),
    (10, -9, "start"), (10, 17, "start"), (-10, -9, "end"), (-10, 17, "end"),
)  # fmt: skip

# From low over the middle to high; they keep apart for colour-blind eyes and on paper and dark screens alike.
_DIVERGING = ("#1f6fb5", "#5e9ccb", "#8fa7b4", "#9a9f9c", "#c79a6b", "#d9772b", "#c2410c")
_RISING = ("#9a9f9c", "#8fb0a4", "#62b39a", "#2aa98b", "#1b8a78", "#0f6a66", "#0b4a55")
_Rectangle = tuple[float, float, float, float]
_CALM, _WARM, _HOT = "#8a948f", "#c98a12", "#b3261e"


@dataclass(frozen=True)
class NetworkPicture:
    """A network in one moment, or with one value per bus.

    Attributes:
        title, about: what it shows, and where and when.
        place: (x, y) of each bus in any unit, y upwards.
        bus, value: name and value [unit] of each bus; NaN: none.
        low, high: ends of the colour scale; beyond them its last colours.
        diverging: colours apart for low and high, else from little to much.
        branch, ends, loading: name, both buses and loading [p.u.] of each branch; loading NaN: not known.
        named: buses whose name and value stand beside them, in the order of their weight.
        own: the park's buses, ringed.
    """

    title: str
    about: str
    place: tuple[tuple[float, float], ...]
    bus: tuple[str, ...]
    value: tuple[float, ...]
    unit: str
    decimals: int
    low: float
    high: float
    branch: tuple[str, ...]
    ends: tuple[tuple[int, int], ...]
    loading: tuple[float, ...]
    named: tuple[int, ...] = ()
    own: tuple[int, ...] = ()
    diverging: bool = True


@dataclass(frozen=True)
class Stroke:
    """A drawn branch."""

    x1: float
    y1: float
    x2: float
    y2: float
    width: float
    colour: str
    title: str


@dataclass(frozen=True)
class Dot:
    """A drawn bus."""

    x: float
    y: float
    radius: float
    colour: str
    title: str
    own: bool


@dataclass(frozen=True)
class Label:
    """A drawn name."""

    x: float
    y: float
    anchor: str
    text: str
    own: bool


@dataclass(frozen=True)
class NetworkDrawing:
    """What the page draws."""

    title: str
    about: str
    strokes: tuple[Stroke, ...]
    dots: tuple[Dot, ...]
    labels: tuple[Label, ...]
    scale: tuple[tuple[str, str], ...]
    width: float = WIDTH
    height: float = HEIGHT


def draw_network(picture: NetworkPicture) -> NetworkDrawing:
    """Places, colours and labels of a picture."""
    at = _fitted(picture.place)
    named = ", ".join(_named(picture, k) for k in dict.fromkeys((*picture.own, *picture.named)))
    return NetworkDrawing(
        picture.title,
        f"{picture.about} Named: {named.rstrip('.')}." if named else picture.about,
        tuple(_stroke(picture, at, k) for k in _hot_last(picture.loading)),
        tuple(_dot(picture, at, k) for k in _drawn_order(picture)),
        tuple(_labels(picture, at)),
        _scale(picture),
    )


def _fitted(place: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Into the frame, each axis for itself: a long feeder would else be a line."""

    def spread(values: Sequence[float], size: float) -> list[float]:
        low, high = min(values), max(values)
        inside = size - 2 * _MARGIN
        return [_MARGIN + (inside * (v - low) / (high - low) if high > low else inside / 2) for v in values]

    across, up = spread([x for x, _ in place], WIDTH), spread([y for _, y in place], HEIGHT)
    return [(round(x, 1), round(HEIGHT - y, 1)) for x, y in zip(across, up, strict=True)]


def _hot_last(loading: Sequence[float]) -> list[int]:
    """What is loaded most is drawn over the rest."""
    return sorted(range(len(loading)), key=lambda k: loading[k] if math.isfinite(loading[k]) else -1.0)


def _stroke(picture: NetworkPicture, at: list[tuple[float, float]], k: int) -> Stroke:
    (x1, y1), (x2, y2) = (at[end] for end in picture.ends[k])
    loading = picture.loading[k]
    there = math.isfinite(loading)
    width = 1.2 + 4.0 * min(max(loading, 0.0), 1.2) if there else 1.2
    colour = _CALM if not there or loading < 0.8 else _WARM if loading <= 1.0 else _HOT
    return Stroke(
        x1, y1, x2, y2, round(width, 2), colour, f"{picture.branch[k]}: {percent(loading if there else None)}"
    )


def _drawn_order(picture: NetworkPicture) -> list[int]:
    special = {*picture.named, *picture.own}
    return sorted(range(len(picture.bus)), key=lambda k: (k in special, k))


def _dot(picture: NetworkPicture, at: list[tuple[float, float]], k: int) -> Dot:
    value, own = picture.value[k], k in picture.own
    radius = 6.5 if own else 5.5 if k in picture.named else 3.8
    return Dot(*at[k], radius, _colour(picture, value), f"{picture.bus[k]}: {_told(picture, value)}", own)


def _named(picture: NetworkPicture, k: int) -> str:
    return f"{picture.bus[k]} · {_told(picture, picture.value[k])}"


def _told(picture: NetworkPicture, value: float) -> str:
    return f"{number(value, picture.decimals)} {picture.unit}"


def _colour(picture: NetworkPicture, value: float) -> str:
    if not math.isfinite(value):
        return "#bfc4c1"
    colours = _DIVERGING if picture.diverging else _RISING
    share = (value - picture.low) / (picture.high - picture.low) if picture.high > picture.low else 0.5
    return colours[min(max(int(share * len(colours)), 0), len(colours) - 1)]


def _scale(picture: NetworkPicture) -> tuple[tuple[str, str], ...]:
    """(colour, from which value on) of the legend."""
    colours = _DIVERGING if picture.diverging else _RISING
    step = (picture.high - picture.low) / len(colours)
    return tuple((c, number(picture.low + k * step, picture.decimals)) for k, c in enumerate(colours))


def _labels(picture: NetworkPicture, at: list[tuple[float, float]]) -> list[Label]:
    """Each beside its dot, where it covers least of dots and earlier labels."""
    made: list[Label] = []
    boxes: list[_Rectangle] = []
    for k in dict.fromkeys((*picture.own, *picture.named)):
        text = _named(picture, k)
        wide = (_BOLD_GLYPH if k in picture.own else _GLYPH) * len(text)
        x, y = at[k]
        tried: list[tuple[float, int, _Rectangle, Label]] = []
        for dx, dy, anchor in _BESIDE:
            left = x + dx - {"start": 0.0, "middle": wide / 2, "end": wide}[anchor]
            box = (left, y + dy - _LINE * 0.8, left + wide, y + dy + _LINE * 0.2)
            tried.append(
                (_covered(box, at, boxes), len(tried), box, Label(x + dx, y + dy, anchor, text, k in picture.own))
            )
        _, _, box, label = min(tried, key=lambda one: one[:2])
        boxes.append(box)
        made.append(label)
    return made


def _covered(
    box: _Rectangle,
    at: list[tuple[float, float]],
    boxes: list[_Rectangle],
) -> float:
    """How much a label would hide; out of the frame is worst."""
    left, top, right, bottom = box
    dots = sum(left - 5 < x < right + 5 and top - 5 < y < bottom + 5 for x, y in at)
    over = sum(left < r and right > start and top < b and bottom > t for start, t, r, b in boxes)
    outside = left < 2 or right > WIDTH - 2 or top < 2 or bottom > HEIGHT - 2
    return dots + 20.0 * over + 100.0 * outside
