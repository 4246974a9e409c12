"""The files of a run, each whole or not there.

::

    FOLDER/run.json                          what was asked
           sites/chunk=00012/part.parquet    a row for each site
           series/chunk=00012/part.parquet   a row for each series of an asset
           done/00012.json                   hashes of the two; with it the chunk is done

A file is written beside its place, forced to the disk and moved there; the mark in ``done`` comes last. So a run that
ends anywhere leaves chunks that are done and chunks that are not. Bytes follow from what was asked alone.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dispatch.errors import DataError
from dispatch.fleet.run.planned import TABLES

if TYPE_CHECKING:
    import pyarrow as pa


class DamagedError(DataError):
    """A file of a run is not what was written."""


class UnwrittenError(DataError):
    """A file of a run could not be written."""


@dataclass(frozen=True)
class Done:
    """The mark of a chunk that is done.

    Attributes:
        run, inputs: hashes of what was asked of the run and of the chunk.
        files: by table, SHA-256 and length in bytes of its file.
        rungs: how many sites stand on which rung.
        failed: how many had to be set apart.
    """

    chunk: str
    run: str
    inputs: str
    files: Mapping[str, tuple[str, int]]
    rungs: Mapping[str, int]
    failed: int

    def text(self) -> str:
        """As it is kept, with a hash of itself."""
        told = _json(
            {
                "chunk": self.chunk,
                "run": self.run,
                "inputs": self.inputs,
                "files": {name: list(file) for name, file in self.files.items()},
                "rungs": dict(sorted(self.rungs.items())),
                "failed": self.failed,
            }
        )
        return told + _sha256(told.encode()) + "\n"

    @classmethod
    def of_text(cls, text: str) -> Done:
        """The mark that was kept.

        Raises:
            ValueError: it is not whole.
        """
        told, _, own = text.rstrip("\n").rpartition("\n")
        if own != _sha256((told + "\n").encode()):
            raise ValueError("its hash differs")
        read = json.loads(told)
        files = {name: (str(file[0]), int(file[1])) for name, file in read["files"].items()}
        return cls(read["chunk"], read["run"], read["inputs"], files, read["rungs"], read["failed"])


@dataclass(frozen=True)
class Store:
    """A run's folder. It travels to the workers, which write what they have planned themselves.

    Attributes:
        run: hash of what was asked.
    """

    folder: Path
    run: str

    def write(self, chunk: str, inputs: str, content: Mapping[str, pa.Table]) -> Done:
        """Keep a chunk's tables; writing the same again changes nothing.

        Raises:
            UnwrittenError: the file system refuses; what is finished stays.
        """
        files: dict[str, tuple[str, int]] = {}
        for name in TABLES:
            data = _parquet(content[name], {"chunk": chunk, "inputs": inputs})
            _put(self.file(name, chunk), data)
            files[name] = _sha256(data), len(data)
        sites = content["sites"]
        rungs = {str(r["values"]): int(r["counts"]) for r in sites["quality"].value_counts().to_pylist()}
        failed = sum(bool(text) for text in sites["failed"].to_pylist())
        done = Done(chunk, self.run, inputs, files, rungs, failed)
        _put(self.mark(chunk), done.text().encode())
        return done

    def done(self, chunk: str, inputs: str) -> Done | None:
        """The mark of a chunk whose files are whole; None where it is not done.

        Raises:
            DamagedError: a file is not what was written; the message names it.
        """
        path = self.mark(chunk)
        if not path.exists():
            return None
        try:
            done = Done.of_text(path.read_text(encoding="utf-8"))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise DamagedError(f"{path} is damaged ({error})") from error
        if (done.chunk, done.run, done.inputs) != (chunk, self.run, inputs):
            raise DamagedError(f"{path} belongs to another run")
        for name in TABLES:
            self._whole(name, done)
        return done

    def read(self, name: str, done: Done) -> pa.Table:
        """A chunk's table.

        Raises:
            DamagedError: its file is not what was written.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        return pq.read_table(pa.BufferReader(self._whole(name, done))).replace_schema_metadata(None)

    def _whole(self, name: str, done: Done) -> bytes:
        path, (digest, size) = self.file(name, done.chunk), done.files[name]
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise DamagedError(f"{path} is missing") from None
        if len(data) != size:
            raise DamagedError(f"{path} is damaged: {len(data)} bytes, {size} were written")
        if _sha256(data) != digest:
            raise DamagedError(f"{path} is damaged: its content is not what was written (SHA-256 differs)")
        return data

    def file(self, name: str, chunk: str) -> Path:
        """Where a chunk's table is."""
        return self.folder / name / f"chunk={chunk}" / "part.parquet"

    def mark(self, chunk: str) -> Path:
        """Where it says that a chunk is done."""
        return self.folder / "done" / f"{chunk}.json"

    def discard(self, chunk: str) -> None:
        """Forget a chunk, its mark first."""
        for path in (self.mark(chunk), *(self.file(name, chunk) for name in TABLES)):
            path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Likewise a file of the run as a whole.

    Raises:
        UnwrittenError: the file system refuses.
    """
    _put(path, text.encode())


def write_table(path: Path, table: pa.Table) -> None:
    """Likewise a table of all sites.

    Raises:
        UnwrittenError: the file system refuses.
    """
    _put(path, _parquet(table, {}))


def _parquet(table: pa.Table, told: Mapping[str, str]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    named = table.replace_schema_metadata({f"parkwatt.{key}": value for key, value in told.items()})
    # Numbers hardly ever repeat: a dictionary of them made files a fifth larger, and took longer.
    words = [field.name for field in table.schema if not pa.types.is_floating(field.type)]
    pq.write_table(named, sink, compression="zstd", use_dictionary=words)
    return bytes(sink.getvalue())


def _put(path: Path, data: bytes) -> None:
    """Beside, to the disk, into its place; the process's id keeps two that write the same apart."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with beside.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
        _sync(path.parent)
    except OSError as error:
        raise UnwrittenError(f"cannot write {path}: {error.strerror}") from error


def _sync(folder: Path) -> None:
    """Also the name must outlive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _json(told: Any) -> str:
    return json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
