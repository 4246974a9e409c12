"""Small pictures without a script: curves over a quantity, and stacked bars, as plain values for the template."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dispatch.report.wording import decimals_for, number

WIDTH, HEIGHT = 640.0, 260.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 62.0, 16.0, 26.0, 40.0
_HALF_LETTER = 3.9  # of text below the axis, so that its last word is in the picture
_MOST_POINTS = 400


@dataclass(frozen=True)
class Curve:
    """One line of a picture: x and y of its points."""

    name: str
    colour: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    dashed: bool = False


@dataclass(frozen=True)
class Stack:
    """One layer of stacked bars, a value ≥ 0 for each bar."""

    name: str
    colour: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class Area:
    """What lies between two courses over the same x, drawn as a veil: of several the inner ones come out darker."""

    colour: str
    x: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    opacity: float = 0.22


@dataclass(frozen=True)
class Spot:
    """One point of a picture, with words beside it where it has a name."""

    x: float
    y: float
    colour: str
    title: str
    name: str = ""
    radius: float = 4.5


@dataclass(frozen=True)
class Dot:
    """A drawn spot; ``anchor`` is the side of it on which its name ends."""

    x: float
    y: float
    radius: float
    colour: str
    title: str
    name: str
    anchor: str


@dataclass(frozen=True)
class Mark:
    """Where on an axis what stands."""

    at: float
    text: str


@dataclass(frozen=True)
class Box:
    """One drawn piece of a bar."""

    x: float
    y: float
    width: float
    height: float
    colour: str
    title: str


@dataclass(frozen=True)
class Drawing:
    """What the page draws of curves or bars: paths and boxes in the frame, marks on both axes, a legend."""

    title: str
    about: str
    x_name: str
    y_name: str
    paths: tuple[tuple[str, str, bool], ...]
    boxes: tuple[Box, ...]
    x_marks: tuple[Mark, ...]
    y_marks: tuple[Mark, ...]
    limits: tuple[Mark, ...]
    legend: tuple[tuple[str, str], ...]
    width: float = WIDTH
    height: float = HEIGHT
    left: float = _LEFT
    right: float = WIDTH - _RIGHT
    top: float = _TOP
    bottom: float = HEIGHT - _BOTTOM
    areas: tuple[tuple[str, str, float], ...] = ()
    dots: tuple[Dot, ...] = ()


def duration(values: Sequence[float], hours: Sequence[float]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """A duration curve: for how many hours a value is reached; x [h] and y from the highest down, thinned."""
    order = sorted(range(len(values)), key=lambda k: -values[k])
    x, y, passed = [0.0], [values[order[0]]] if order else [0.0], 0.0
    every = max(len(order) // _MOST_POINTS, 1)
    for place, k in enumerate(order):
        passed += hours[k]
        if (place + 1) % every == 0 or place + 1 == len(order):
            x.append(round(passed, 4))
            y.append(round(values[k], 5))
    return tuple(x), tuple(y)


def curves(
    title: str,
    about: str,
    axes: tuple[str, str],
    lines: Sequence[Curve],
    limits: Sequence[tuple[str, float]] = (),
    areas: Sequence[Area] = (),
    x_names: Sequence[tuple[float, str]] | None = None,
) -> Drawing:
    """Lines over a quantity; ``axes`` name both, ``limits`` are level lines, ``areas`` lie under the lines.

    Args:
        x_names: what stands where below; round numbers by default.
    """
    xs = [x for line in lines for x in line.x] + [x for area in areas for x in area.x] or [0.0, 1.0]
    ys = [y for line in lines for y in line.y if math.isfinite(y)] + [level for _, level in limits]
    ys += [y for area in areas for y in (*area.low, *area.high) if math.isfinite(y)]
    low, high = min(0.0, *ys, 0.0), max([*ys, 1e-9])
    x_marks, y_marks = _marks(min(xs), max(xs)), _marks(low, high)
    to_x = _ruler(min(xs), max(xs), _LEFT, WIDTH - _RIGHT)
    to_y = _ruler(min(low, y_marks[0]), y_marks[-1], HEIGHT - _BOTTOM, _TOP)  # the lowest mark, too, is in the frame
    paths = tuple((_path(line, to_x, to_y), line.colour, line.dashed) for line in lines)
    names = x_names or [(v, _text(v, x_marks)) for v in x_marks if v <= max(xs) * 1.0001]
    return Drawing(
        title, about, *axes, paths, (),
        tuple(Mark(round(min(to_x(v), WIDTH - _HALF_LETTER * len(text)), 1), text) for v, text in names),
        tuple(Mark(round(to_y(v), 1), _text(v, y_marks)) for v in y_marks),
        tuple(Mark(round(to_y(level), 1), name) for name, level in limits),
        tuple((line.name, line.colour) for line in lines if line.name),
        areas=tuple((_ring(area, to_x, to_y), area.colour, area.opacity) for area in areas),
    )  # fmt: skip


def places(
    title: str,
    about: str,
    axes: tuple[str, str],
    lines: Sequence[Curve],
    spots: Sequence[Spot],
    *,
    decades: bool = False,
) -> Drawing:
    """Spots with lines between them, in a frame that is as large as they are and need not hold zero.

    Args:
        decades: the ordinate is logarithmic; every y is above 0.
    """
    there = [(x, y) for line in lines for x, y in zip(line.x, line.y, strict=True)] + [(s.x, s.y) for s in spots]
    xs, ys = [x for x, _ in there], [math.log10(y) if decades else y for _, y in there]
    x_marks = _marks(min(xs), max(xs))
    y_marks = _decades(min(ys), max(ys)) if decades else _marks(min(ys), max(ys))
    left, right = _LEFT + 24, WIDTH - _RIGHT - 14  # room for long numbers, and for half of the last one below
    to_x = _ruler(x_marks[0], x_marks[-1], left, right)
    height = _ruler(y_marks[0], y_marks[-1], HEIGHT - _BOTTOM, _TOP)

    def to_y(value: float) -> float:
        return height(math.log10(value) if decades else value)

    names = [number(10**v, max(0, -round(v))) if decades else _text(v, y_marks) for v in y_marks]
    return Drawing(
        title, about, *axes,
        tuple((_path(line, to_x, to_y), line.colour, line.dashed) for line in lines), (),
        tuple(Mark(round(to_x(v), 1), _text(v, x_marks)) for v in x_marks),
        tuple(Mark(round(height(v), 1), name) for v, name in zip(y_marks, names, strict=True)),
        (), tuple((line.name, line.colour) for line in lines if line.name),
        left=left,
        right=right,
        dots=tuple(_dot(spot, to_x(spot.x), to_y(spot.y)) for spot in spots),
    )  # fmt: skip


def _dot(spot: Spot, x: float, y: float) -> Dot:
    anchor = "end" if x > 0.8 * WIDTH else "start"
    return Dot(round(x, 1), round(y, 1), spot.radius, spot.colour, spot.title, spot.name, anchor)


def _decades(low: float, high: float) -> list[float]:
    """Powers of ten that hold both ends, in logarithms, about five of them."""
    first, last = math.floor(low + 1e-9), math.ceil(high - 1e-9)
    last = max(last, first + 1)
    every = max(1, math.ceil((last - first) / 5))
    return [float(k) for k in range(first, last + every, every)]


def bars(title: str, about: str, axes: tuple[str, str], names: Sequence[str], stacks: Sequence[Stack]) -> Drawing:
    """A bar for each name, stacked from the layers in order."""
    tops = [sum(stack.values[k] for stack in stacks) for k in range(len(names))]
    y_marks = _marks(0.0, max([*tops, 1e-9]))
    to_y = _ruler(0.0, y_marks[-1], HEIGHT - _BOTTOM, _TOP)
    pitch = (WIDTH - _LEFT - _RIGHT) / max(len(names), 1)
    boxes = []
    for k, name in enumerate(names):
        base = 0.0
        for stack in stacks:
            value = stack.values[k]
            if value > 0:
                y, end = to_y(base + value), to_y(base)
                what = f"{name}, {stack.name}: {number(value, decimals_for(value))}"
                x, wide = round(_LEFT + pitch * (k + 0.14), 1), round(pitch * 0.72, 1)
                boxes.append(Box(x, round(y, 1), wide, round(end - y, 1), stack.colour, what))
            base += value
    every = max(1, math.ceil(len(names) / 16))
    shown = [Mark(round(_LEFT + pitch * (k + 0.5), 1), name) for k, name in enumerate(names) if k % every == 0]
    heights = tuple(Mark(round(to_y(v), 1), _text(v, y_marks)) for v in y_marks)
    legend = tuple((stack.name, stack.colour) for stack in stacks)
    return Drawing(title, about, *axes, (), tuple(boxes), tuple(shown), heights, (), legend)


class _ruler:  # noqa: N801 - a function with its numbers kept
    """From a value to its place on an axis."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self.low, self.start = low, start
        self.scale = (end - start) / ((high - low) or 1.0)

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) * self.scale


def _path(line: Curve, to_x: Callable[[float], float], to_y: Callable[[float], float]) -> str:
    parts, pen = [], "M"
    for x, y in zip(line.x, line.y, strict=True):
        if math.isfinite(y):
            parts.append(f"{pen}{to_x(x):.1f} {to_y(y):.1f}")
            pen = "L"
        else:
            pen = "M"
    return "".join(parts)


def _ring(area: Area, to_x: _ruler, to_y: _ruler) -> str:
    """Along the top and back along the bottom, one ring for each stretch without a gap."""
    rings: list[str] = []
    stretch: list[tuple[float, float, float]] = []
    for x, low, high in (*zip(area.x, area.low, area.high, strict=True), (0.0, math.nan, math.nan)):
        if math.isfinite(low) and math.isfinite(high):
            stretch.append((to_x(x), to_y(low), to_y(high)))
        elif stretch:
            there = [f"{x:.1f} {top:.1f}" for x, _, top in stretch]
            back = [f"{x:.1f} {bottom:.1f}" for x, bottom, _ in reversed(stretch)]
            rings.append("M" + "L".join((*there, *back)) + "Z")
            stretch = []
    return "".join(rings)


def _marks(low: float, high: float) -> list[float]:
    """About five round numbers that hold both ends."""
    span = (high - low) or 1.0
    size = 10 ** math.floor(math.log10(span / 4))
    step = next(size * f for f in (1, 2, 2.5, 5, 10) if span / (size * f) <= 5)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    return [k * step for k in range(first, last + 1)]


def _text(value: float, marks: Sequence[float]) -> str:
    step = marks[1] - marks[0] if len(marks) > 1 else 1.0
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    return number(value, places + (abs(step * 10**places - round(step * 10**places)) > 1e-6))
