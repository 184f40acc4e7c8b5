"""An external merge sort: what is put in by key in any order comes out in the order of keys, at constant memory.

Small imports never touch the disk. A temporary table of the database instead costs three times the CPU.
"""

from __future__ import annotations

import heapq
import marshal
import os
import tempfile
from collections.abc import Iterator
from operator import itemgetter
from typing import BinaryIO

from importers.errors import DatabaseError, cure_of
from importers.texts import N_

RUN_BYTES = 6_000_000
"""So much is sorted in memory at a time."""
BLOCK_BYTES = 64_000
"""So much of each sorted run is in memory while the runs are merged. A payload that is larger lies by itself."""
OVERHEAD_BYTES = 150
"""What Python adds to the bytes of an item."""

Item = tuple[str, bytes]
Place = tuple[int, int]
"""(offset, length) in the file."""
_key = itemgetter(0)


class ExternalSort:
    """Pairs of key and payload; those of one key keep the order in which they came.

    Writing raises DatabaseError when the folder of temporary files is full or read-only.
    """

    def __init__(self, run_bytes: int = RUN_BYTES) -> None:
        self._run_bytes = run_bytes
        self._run: list[Item] = []
        self._size = 0
        self._file: BinaryIO | None = None
        self._sorted: list[list[Place]] = []
        """The runs on disk, each as its blocks."""

    def add(self, key: str, payload: bytes) -> None:
        self._run.append((key, payload))
        self._size += len(key) + len(payload) + OVERHEAD_BYTES
        if self._size >= self._run_bytes:
            self._write_run()

    def __iter__(self) -> Iterator[Item]:
        self._run.sort(key=_key)
        return self._merged(self._file) if self._file else iter(self._run)

    def _merged(self, file: BinaryIO) -> Iterator[Item]:
        on_disk = [self._read_run(file, blocks) for blocks in self._sorted]
        for key, payload in heapq.merge(*on_disk, self._run, key=_key):
            yield key, payload if isinstance(payload, bytes) else _read(file, payload)

    def close(self) -> None:
        self._run, self._sorted = [], []
        if self._file:
            self._file.close()

    def _write_run(self) -> None:
        self._run.sort(key=_key)
        try:
            if self._file is None:
                # Not a `with`: it lives until close(), and nobody else sees it, as it has no name.
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 (see above)
            self._sorted.append(
                [_write(self._file, marshal.dumps(block)) for block in self._blocks(self._file)]
            )
        except OSError as error:
            raise DatabaseError(
                N_("{folder}: cannot hold temporary files: {error}; {cure}"),
                folder=tempfile.tempdir or "$TMPDIR",
                error=error.strerror,
                cure=cure_of(error, "$TMPDIR"),
            ) from error
        self._run, self._size = [], 0

    def _blocks(self, file: BinaryIO) -> Iterator[list[tuple[str, bytes | Place]]]:
        """The run, in pieces of about BLOCK_BYTES."""
        block: list[tuple[str, bytes | Place]] = []
        size = 0
        for key, payload in self._run:
            item = payload if len(payload) <= BLOCK_BYTES else _write(file, payload)
            block.append((key, item))
            size += len(key) + (len(item) if isinstance(item, bytes) else 0)
            if size >= BLOCK_BYTES:
                yield block
                block, size = [], 0
        if block:
            yield block

    @staticmethod
    def _read_run(file: BinaryIO, blocks: list[Place]) -> Iterator[tuple[str, bytes | Place]]:
        for place in blocks:
            yield from marshal.loads(_read(file, place))  # noqa: S302 (written above)


def _write(file: BinaryIO, data: bytes) -> Place:
    offset = file.seek(0, os.SEEK_END)
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
    return offset, len(data)


def _read(file: BinaryIO, place: Place) -> bytes:
    offset, length = place
    return os.pread(file.fileno(), length, offset)
