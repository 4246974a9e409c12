"""What happened between the state a row was measured in and the present one, for a reader to judge a stale value by."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from benchmarks.manifests import Key, git

SHOWN = 2


@dataclass(frozen=True)
class Changed:
    """In words, and whether what the row declares as its inputs and the locked packages are the same bytes."""

    text: str
    same_inputs: bool


def since(kept: Key, now: Key, inputs: tuple[str, ...]) -> Changed:
    """Compare the keys and ask git what lies between."""
    said = [_commits(kept.commit, now.commit)] if kept.commit != now.commit else []
    if kept.changes and kept.changes != now.changes:
        said.append("measured with uncommitted changes")
    elif kept.changes != now.changes:
        said.append("uncommitted changes now")
    if kept.lock != now.lock:
        said.append("other packages in locks/run.txt")
    same = kept.inputs == now.inputs
    said.append(_inputs(kept.commit, now.commit, inputs, same=same))
    return Changed("; ".join(filter(None, said)), same and kept.lock == now.lock and bool(inputs))


@cache
def _commits(before: str, after: str) -> str:
    counted = git("rev-list", "--count", f"{before}..{after}").decode().strip() if before else ""
    if not counted:
        return f"measured on {before[:8] or 'no commit'}, which this repository does not have"
    if counted == "0":
        return f"measured on {before[:8]}, which is not before this commit"
    return f"{counted} commit{'' if counted == '1' else 's'} since"


@cache
def _inputs(before: str, after: str, inputs: tuple[str, ...], *, same: bool) -> str:
    if not inputs:
        return "declares no inputs"
    if same:
        return "none of its inputs differs"
    listed = git("diff", "--name-only", before, after, "--", *inputs).decode().split() if before else []
    if not listed:
        return "its inputs differ"
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return f"of its inputs {', '.join(listed[:SHOWN])}{more} changed"
