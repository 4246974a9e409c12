"""What can be typed: each command with its arguments and options, read from the command line itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from dispatch.cli.commands import app
from parkwatt_docs.writing import Folder, code, contents, escaped, label, table, told

_STYLE = re.compile(r"\[/?[a-z ]+\]")


def write(folder: Folder) -> None:
    """A page of commands, and one for each group of them."""
    import typer.main

    root: Any = typer.main.get_command(app)
    groups = {name: one for name, one in root.commands.items() if hasattr(one, "commands")}
    folder.write("commands/index", _index(root.commands, groups))
    single = {name: one for name, one in root.commands.items() if name not in groups and not one.hidden}
    folder.write("commands/park", _page("parkwatt", "For a park, a server, a study", single))
    for name, group in groups.items():
        folder.write(f"commands/{name}", _page(f"parkwatt {name}", "", group.commands, group))


def _index(commands: dict[str, Any], groups: dict[str, Any]) -> Iterator[str]:
    yield from ("(commands)=", "# Commands", "", "`parkwatt COMMAND --help` says the same in the terminal.")
    rows = []
    for name, one in sorted(commands.items()):
        for path, each in (
            [(f"{name} {inner}", c) for inner, c in groups[name].commands.items()] if name in groups else [(name, one)]
        ):
            if not each.hidden:
                rows.append((f"[`parkwatt {path}`](#{label('command', 'parkwatt', path)})", told(_first(each.help))))
    yield from table(("Command", "What it does"), rows)
    yield from contents(["park", *groups])


def _page(path: str, title: str, commands: dict[str, Any], group: Any = None) -> Iterator[str]:
    yield from (f"# {title or code(path)}", "")
    if group is not None:
        yield from _text(group.help)
    for name, one in sorted(commands.items()):
        if not one.hidden:
            yield from _command(f"{path} {name}", one)


def _command(path: str, one: Any) -> Iterator[str]:
    arguments = [p for p in one.params if p.param_type_name == "argument" and not p.hidden]
    options = [p for p in one.params if p.param_type_name == "option" and not p.hidden and "--help" not in p.opts]
    typed = " ".join([path, *(_placed(p) for p in arguments), *(["[OPTIONS]"] if options else [])])
    yield from ("", f"({label('command', path)})=", f"## {code(path)}", "", "```text", typed, "```", "")
    yield from _text(one.help)
    yield from table(("Argument", "What it means"), [(code(_placed(p)), told(p.help or "")) for p in arguments])
    rows = [(_switches(p), told(p.help or ""), code(_default(p))) for p in options]
    yield from table(("Option", "What it means", "Default"), rows)


def _placed(parameter: Any) -> str:
    name = (parameter.metavar or parameter.name).upper()
    many = "..." if parameter.nargs == -1 or parameter.multiple else ""
    return f"{name}{many}" if parameter.required else f"[{name}]{many}"


def _switches(parameter: Any) -> str:
    names = ", ".join(code(name) for name in [*parameter.opts, *parameter.secondary_opts])
    return names + (" (must be given)" if parameter.required else "")


def _default(parameter: Any) -> str:
    value = parameter.default
    if value is None or value is False or value == () or callable(value):
        return ""
    return str(getattr(value, "value", value)).lower() if isinstance(value, bool) else str(value)


def _first(text: str | None) -> str:
    return _STYLE.sub("", (text or "").split("\n\n")[0])


def _text(text: str | None) -> Iterator[str]:
    for paragraph in _STYLE.sub("", text or "").split("\n\n"):
        yield from (escaped(paragraph), "")
