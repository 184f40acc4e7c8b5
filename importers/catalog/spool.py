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

from importers.errors import DatabaseError
from importers.texts import _

RUN_BYTES = 4_000_000
"""So much is sorted in memory at a time."""
BLOCK_BYTES = 64_000
"""So much of each sorted run is in memory while the runs are merged."""
OVERHEAD_BYTES = 150
"""What Python adds to the bytes of an item."""

Item = tuple[str, bytes]
_key = itemgetter(0)


class Spool:
    """Pairs of key and payload; those of one key keep the order in which they came.

    Writing raises DatabaseError when the folder of temporary files is full or read-only.
    """

    def __init__(self, run_bytes: int = RUN_BYTES) -> None:
        self._run_bytes = run_bytes
        self._run: list[Item] = []
        self._size = 0
        self._file: BinaryIO | None = None
        self._sorted: list[list[tuple[int, int]]] = []
        """The runs on disk, each as its blocks: (offset, length)."""

    def add(self, key: str, payload: bytes) -> None:
        self._run.append((key, payload))
        self._size += len(key) + len(payload) + OVERHEAD_BYTES
        if self._size >= self._run_bytes:
            self._write_run()

    def __iter__(self) -> Iterator[Item]:
        self._run.sort(key=_key)
        if self._file is None:
            return iter(self._run)
        on_disk = [self._read_run(self._file, blocks) for blocks in self._sorted]
        return heapq.merge(*on_disk, self._run, key=_key)

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
            self._sorted.append([self._write_block(self._file, block) for block in _blocks(self._run)])
        except OSError as error:
            raise DatabaseError(
                _("{folder}: cannot hold temporary files: {error}; free some space or set $TMPDIR").format(
                    folder=tempfile.gettempdir(), error=error.strerror
                )
            ) from error
        self._run, self._size = [], 0

    @staticmethod
    def _write_block(file: BinaryIO, block: list[Item]) -> tuple[int, int]:
        offset = file.seek(0, os.SEEK_END)
        data = memoryview(marshal.dumps(block))
        written = 0
        while written < len(data):
            written += file.write(data[written:])
        return offset, len(data)

    @staticmethod
    def _read_run(file: BinaryIO, blocks: list[tuple[int, int]]) -> Iterator[Item]:
        for offset, length in blocks:
            yield from marshal.loads(os.pread(file.fileno(), length, offset))  # noqa: S302 (written above)


def _blocks(items: list[Item]) -> Iterator[list[Item]]:
    block: list[Item] = []
    size = 0
    for item in items:
        block.append(item)
        size += len(item[0]) + len(item[1])
        if size >= BLOCK_BYTES:
            yield block
            block, size = [], 0
    if block:
        yield block
