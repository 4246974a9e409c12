"""What the pages show, as plain values: texts are already worded, nothing here knows the store or HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from dispatch.report import wording

Look = Literal["ok", "warn", "bad", "info", ""]

# The ladder of plans (dispatch.ladder.climb), by how much an operator should look at it.
_QUALITIES: dict[str, Look] = {
    "optimal": "ok", "incumbent": "ok", "convex_recovery": "ok",
    "relaxed": "warn", "last_good": "warn", "rule_based": "warn", "safe_state": "bad",
}  # fmt: skip
_STATES: dict[str, Look] = {"done": "ok", "failed": "bad", "cancelled": "warn", "running": "info", "queued": ""}
_WORKERS: dict[str, tuple[str, Look]] = {
    "starting": ("starts", "info"), "idle": ("idle", "ok"), "busy": ("at work", "info"),
    "chores": ("tidies up", "info"), "stopping": ("stops", "warn"), "gone": ("gone", "bad"),
}  # fmt: skip


@dataclass(frozen=True)
class Word:
    """A word with its look."""

    text: str
    look: Look = ""


@dataclass(frozen=True)
class Link:
    """A text that leads somewhere."""

    text: str
    href: str


@dataclass(frozen=True)
class Lamp:
    """One field of the status bar."""

    label: str
    word: Word
    note: str = ""


@dataclass(frozen=True)
class PlanLine:
    """A plan, as a site's line shows it.

    Attributes:
        quality: of the ladder, worded.
        money, co2, made: with units; a dash where it is not known.
        day: which time it is of.
        report: where its report is; None without one.
    """

    quality: Word
    money: str
    co2: str
    day: str
    made: str
    report: str | None


@dataclass(frozen=True)
class JobLine:
    """A job in a list."""

    link: Link
    subject: str
    state: Word
    progress: str
    since: str
    reason: str
    report: str | None = None


@dataclass(frozen=True)
class Rows:
    """A table as it is shown: column names, rows of texts, words and links, and what stands under it."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str | Word | Link]]
    empty: str
    more: Link | None = None


@dataclass(frozen=True)
class Frame:
    """What every page has: who looks, when, and under which name the page stands."""

    tenant: str
    title: str
    now: datetime
    here: str = ""
    trail: Sequence[Link] = ()


@dataclass(frozen=True)
class Facts:
    """A definition list."""

    rows: Sequence[tuple[str, str | Word | Link]] = field(default_factory=tuple)


def quality(name: str) -> Word:
    """A rung of the ladder; one that this page does not know is shown as it is called."""
    return Word(name.replace("_", " "), _QUALITIES.get(name, "warn"))


def state(name: str) -> Word:
    """A job's state."""
    return Word(name, _STATES.get(name, "warn"))


def worker_state(name: str) -> Word:
    """What a worker does."""
    return Word(*_WORKERS[name])


def age(moment: datetime | None, now: datetime) -> str:
    """``5 min ago``, ``in 2 h``; a dash where it is not known."""
    if moment is None:
        return wording.MISSING
    passed = now - moment
    text = span(abs(passed))
    return f"in {text}" if passed < timedelta(0) else f"{text} ago"


def span(time: timedelta) -> str:
    """A length of time in the largest unit of which there are two."""
    seconds = time.total_seconds()
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def fresh(moment: datetime | None, now: datetime) -> Word:
    """How old the last measurement is: two hours are late, a day is too late."""
    if moment is None:
        return Word("never")
    passed = now - moment
    look: Look = "ok" if passed < timedelta(hours=2) else "warn" if passed < timedelta(days=1) else "bad"
    return Word(age(moment, now), look)


def clock(moment: datetime | None) -> str:
    """A time in UTC, to the second."""
    return wording.MISSING if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def size(count: int | None) -> str:
    """A count with thin spaces."""
    return wording.MISSING if count is None else wording.number(float(count))


def reason(problem: dict[str, Any] | None) -> str:
    """Why a job failed."""
    if not problem:
        return ""
    return str(problem.get("detail") or problem.get("title") or "")
