"""The Chinese README says what the English one says: the same parts, commands, names and links."""

from __future__ import annotations

import re
from collections import Counter

from benchmarks.processes import ROOT

ENGLISH, CHINESE = ((ROOT / name).read_text("utf-8") for name in ("README.md", "README.zh-CN.md"))
BOTH = (ENGLISH, CHINESE)
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(text: str) -> list[tuple[str, str]]:
    """Blocks of code without their comments, which are in the page's language."""
    return [(kind, re.sub(r" *# .*", "", body)) for kind, body in _BLOCK.findall(text)]


def prose(text: str) -> str:
    """What is read: no blocks, and no marks behind figures."""
    return re.sub(r"<!--.*?-->", "", _BLOCK.sub("", text), flags=re.DOTALL)


def named(text: str) -> Counter[str]:
    """What stands as code in the text: commands, files, fields."""
    return Counter(" ".join(one.split()) for one in re.findall(r"`([^`]+)`", prose(text)))


def links(text: str) -> Counter[str]:
    found = re.findall(r"\]\(([^)]+)\)", prose(text))
    return Counter(one for one in found if not one.startswith("README"))


def shape(text: str) -> list[tuple[str, int]]:
    """Headings and tables, as how deep and how many rows."""
    out = []
    for line in prose(text).splitlines():
        if line.startswith("#"):
            out.append(("heading", len(line.split()[0])))
        elif line.startswith("|"):
            out.append(("row", line.count("|")))
        elif line.startswith("- "):
            out.append(("entry", 0))
    return out


def test_they_point_to_each_other_at_the_top() -> None:
    assert "(README.zh-CN.md)" in ENGLISH.splitlines()[0]
    assert "(README.md)" in CHINESE.splitlines()[0]


def test_they_have_the_same_commands_and_files() -> None:
    english, chinese = map(blocks, BOTH)
    assert chinese == english


def test_they_name_the_same_things() -> None:
    assert named(CHINESE) == named(ENGLISH)


def test_they_lead_to_the_same_places() -> None:
    assert links(CHINESE) == links(ENGLISH)
    for target in links(ENGLISH):
        assert (ROOT / target).exists(), target


def test_they_have_the_same_parts() -> None:
    assert shape(CHINESE) == shape(ENGLISH)


def test_their_links_and_commands_are_seen_by_these_tests() -> None:
    assert len(links(ENGLISH)) >= 15
    assert len(named(ENGLISH)) >= 40
    assert len(blocks(ENGLISH)) == 12
