"""Pages that run: blocks are carried out in order, and what they print is held to the page."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.processes import ROOT
from benchmarks.tutorial import PageError, blocks, held, session, variables_for


def page(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "page.md"
    path.write_text(text.replace("'''", "```"), "utf-8")
    return path


def carried_out(tmp_path: Path, text: str, **more: bool) -> list[str]:
    with session(tmp_path, **more) as made:
        return [block.language for block, _ in made.run(page(tmp_path, text))]


def test_blocks_have_their_words_and_lines(tmp_path: Path) -> None:
    found = blocks(page(tmp_path, "# A\n\n'''yaml file=a/b.yaml\nx: 1\n'''\n\n'''sh no-run\nfalse\n'''\n"))
    assert [(b.language, b.words, b.file, b.line) for b in found] == [
        ("yaml", ("file=a/b.yaml",), "a/b.yaml", 3),
        ("sh", ("no-run",), None, 7),
    ]


def test_shells_go_on_where_the_one_before_left(tmp_path: Path) -> None:
    text = (
        "'''txt file=a/b.txt\nhere\n'''\n'''sh\ncd a\nexport NAME=x\n'''\n"
        "'''sh\ncat b.txt; echo $NAME\n'''\n'''text\nhere\nx\n'''\n"
    )
    assert carried_out(tmp_path, text) == ["txt", "sh", "sh", "text"]


def test_python_keeps_its_names(tmp_path: Path) -> None:
    assert carried_out(tmp_path, "'''python\na = 2\n'''\n'''python\nprint(a)\n'''\n'''text\n2\n'''\n")[-1] == "text"


def test_a_block_that_fails_stops_the_page_and_is_named(tmp_path: Path) -> None:
    with pytest.raises(PageError, match=r"page.md:3: ended with 1\n.*no such thing"):
        carried_out(tmp_path, "# A\n\n'''sh\necho no such thing >&2\nfalse\n'''\n")


def test_another_output_than_the_page_says_is_named(tmp_path: Path) -> None:
    with pytest.raises(PageError, match=r"(?s)page\.md:4: the page says\n2\n.*printed\n1"):
        carried_out(tmp_path, "'''sh\necho 1\n'''\n'''text\n2\n'''\n")


def test_installation_is_left_to_who_asks_for_it(tmp_path: Path) -> None:
    text = "'''sh install\ntouch made\n'''\n'''sh no-run\nfalse\n'''\n"
    assert carried_out(tmp_path, text) == []
    assert carried_out(tmp_path, text, install=True) == ["sh"]
    assert (tmp_path / "made").exists()


def test_a_server_runs_until_the_page_ends(tmp_path: Path) -> None:
    program = "import time; print('ready', flush=True); time.sleep(600)"
    text = f"'''sh background\npython3 -c \"{program}\"\n'''\n'''text\nready\n'''\n"
    with session(tmp_path) as made:
        assert len(list(made.run(page(tmp_path, text)))) == 2
        (server,) = made._servers
        assert server.poll() is None
    assert server.poll() is not None


def test_a_server_that_ends_at_once_is_named(tmp_path: Path) -> None:
    with pytest.raises(PageError, match="the server does not run"):
        carried_out(tmp_path, "'''sh background\ntrue\n'''\n")


@pytest.mark.parametrize(
    ("said", "printed"),
    [("a … c\n", "a bb c\n"), ("a\n…\nd\n", "a\nb\nc\nd\n"), ("a\n…\nd\n", "a\nd\n"), ("a.b\n", "a.b   \n\n")],
)
def test_dots_stand_for_anything(said: str, printed: str) -> None:
    held(said, printed, "here")


@pytest.mark.parametrize(
    ("said", "printed"), [("a … c\n", "a\nc\n"), ("a.b\n", "axb\n"), ("a\n", "a\nb\n"), ("", "a\n")]
)
def test_and_for_nothing_else(said: str, printed: str) -> None:
    with pytest.raises(PageError):
        held(said, printed, "here")


def test_the_command_in_a_shell_is_this_checkouts(tmp_path: Path) -> None:
    with session(tmp_path, **variables_for(ROOT, sys.executable, tmp_path / "bin")) as made:
        text = "'''sh\npython -c 'import dispatch; print(dispatch.__file__)'\n'''\n"
        list(made.run(page(tmp_path, text)))
        assert made.printed.strip() == str(ROOT / "dispatch" / "__init__.py")
