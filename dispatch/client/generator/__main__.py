"""``python -m dispatch.client.generator DOCUMENT [FOLDER]``: writes models, methods and the document's hash."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from itertools import groupby
from pathlib import Path

from dispatch.client.generator.document import Schema, class_name, digest, load
from dispatch.client.generator.methods import Method, methods

_GENERATED = Path(__file__).resolve().parent.parent / "generated"
_SETTINGS = _GENERATED.parents[2] / "pyproject.toml"
_MADE = "Made by `make client`: what is changed here is lost."
_MODELS = (
    "--input-file-type", "openapi", "--output-model-type", "pydantic_v2.BaseModel",
    "--base-class", "dispatch.client.model.Model", "--target-python-version", "3.11",
    "--enum-field-as-literal", "all", "--use-annotated", "--use-union-operator", "--use-standard-collections",
    "--use-schema-description", "--disable-timestamp", "--use-double-quotes", "--snake-case-field",
    "--collapse-root-models", "--no-formatters", "--strict-nullable",
    "--custom-file-header", f'"""The bodies. {_MADE}"""\n\nfrom __future__ import annotations',
)  # fmt: skip
_START = '''"""What the service's OpenAPI document says. Made by `make client`: what is changed here is lost."""

from __future__ import annotations

from dispatch.client.sending import AsyncSender, Sender
{imports}

#: SHA-256 of the document and of the generator that these files were made from.
MADE_FROM = "{digest}"


class Operations:
    """All operations, blocking."""

    def __init__(self, sender: Sender) -> None:
{blocking}


class AsyncOperations:
    """All operations, for asyncio."""

    def __init__(self, sender: AsyncSender) -> None:
{waiting}
'''


def write(document: Path, folder: Path) -> None:
    """Write all files of the package ``generated``; those of operations that are gone are removed.

    The old files stay until all new ones are there: this generator is part of the package that imports them.
    """
    with tempfile.TemporaryDirectory() as made:
        _write(document, Path(made))
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.py"):
            old.unlink()
        for new in Path(made).glob("*.py"):
            shutil.copyfile(new, folder / new.name)


def _write(document: Path, folder: Path) -> None:
    read = load(document)
    _models(read, folder / "models.py")
    tags = _by_tag(list(methods(read)))
    for tag, found in tags.items():
        (folder / f"{tag}.py").write_text(_operations(tag, found), encoding="utf-8")
    (folder / "__init__.py").write_text(_start(list(tags), digest(document)), encoding="utf-8")
    for command in (["check", "--fix", "--exit-zero", "--quiet", "--unsafe-fixes"], ["format", "--quiet"]):
        subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--config", str(_SETTINGS), str(folder)],
            check=True,
            stdout=subprocess.DEVNULL,
        )


def _models(document: Schema, path: Path) -> None:
    with tempfile.TemporaryDirectory() as made:
        source = Path(made) / "openapi.json"
        source.write_text(json.dumps(document), encoding="utf-8")
        command = [sys.executable, "-m", "datamodel_code_generator", *_MODELS, "--input", str(source)]
        subprocess.run([*command, "--output", str(path)], check=True)


def _by_tag(found: list[Method]) -> dict[str, list[Method]]:
    by_tag = sorted(found, key=lambda method: method.tag)
    return {tag: list(each) for tag, each in groupby(by_tag, key=lambda method: method.tag)}


def _operations(tag: str, found: list[Method]) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, autoescape=False,
    )  # fmt: skip
    title = f"Operations on {tag.replace('_', ' ')}"
    tables = any("pa.Table" in (method.returns, *(method.body or ())) for method in found)
    page = environment.get_template("operations.py.j2")
    return page.render(name=class_name(tag), title=title, methods=found, tables=tables)


def _start(tags: list[str], made_from: str) -> str:
    names = [(tag, class_name(tag)) for tag in tags]
    imports = "\n".join(f"from dispatch.client.generated.{tag} import Async{name}, {name}" for tag, name in names)
    blocking, waiting = (
        "\n".join(f"        self.{tag} = {kind}{name}(sender)" for tag, name in names) for kind in ("", "Async")
    )
    return _START.format(imports=imports, digest=made_from, blocking=blocking, waiting=waiting)


def main() -> None:
    """As the command says."""
    document = Path(sys.argv[1])
    write(document, Path(sys.argv[2]) if len(sys.argv) > 2 else _GENERATED)


if __name__ == "__main__":
    main()
