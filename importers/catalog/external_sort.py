"""An external merge sort: what is put in by key in any order comes out in the order of keys, at constant memory.

Small imports never touch the disk.
"""

from __future__ import annotations

import heapq
import marshal
import os
import tempfile
from array import array
from collections.abc import Iterator
from operator import itemgetter
from typing import BinaryIO, NamedTuple

from importers.errors import DatabaseError, cure_of
from importers.texts import N_

RUN_BYTES = 6_000_000
"""So much is sorted in memory at a time."""
BLOCK_BYTES = 64_000
"""So much of each sorted run is in memory while the runs are merged. A payload that is larger lies by itself."""
BLOCKS_BYTES = 1_000_000
"""Blocks of many runs are smaller, the more the further behind: those of a hundred runs have three times as many."""
LEAST_BLOCK_BYTES = 8_000
OVERHEAD_BYTES = 150
"""What Python adds to the bytes of an item."""

Item = tuple[str, bytes]
Place = tuple[int, int]
"""(offset, length) in the file."""
_key = itemgetter(0)


class Spool:
    """A file of blocks of bytes. It has no name, so nobody else sees it, and it goes with the last who holds it."""

    def __init__(self, fd: int | None = None) -> None:
        """`fd`: of the file that another process has written."""
        self._file: BinaryIO | None = None if fd is None else open(fd, "rb", buffering=0)  # noqa: PTH123, SIM115

    def __del__(self) -> None:
        if self._file:
            self._file.close()

    def fileno(self) -> int:
        if self._file is None:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 (it lives as long as this)
        return self._file.fileno()

    def write(self, data: bytes) -> Place:
        """Raises DatabaseError when the folder of temporary files is full or read-only."""
        try:
            fd = self.fileno()
            offset = os.lseek(fd, 0, os.SEEK_END)
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(fd, rest) :]
        except OSError as error:
            raise DatabaseError(
                N_("{folder}: cannot hold temporary files: {error}; {cure}"),
                folder=tempfile.tempdir or "$TMPDIR",
                error=error.strerror,
                cure=cure_of(error, "$TMPDIR"),
            ) from error
        return offset, len(data)

    def read(self, place: Place) -> bytes:
        offset, length = place
        return os.pread(self.fileno(), length, offset)


class _Large(NamedTuple):
    """A payload that is read when its turn comes."""

    spool: Spool
    place: Place


class _Run(NamedTuple):
    """A sorted run on disk, as the places of its blocks: a large import has hundreds of thousands."""

    spool: Spool
    offsets: array[int]
    lengths: array[int]

    def items(self) -> Iterator[tuple[str, bytes | _Large]]:
        for place in zip(self.offsets, self.lengths, strict=True):
            block, has_large = marshal.loads(self.spool.read(place))  # noqa: S302 (written below)
            if has_large:
                block = [(k, p if isinstance(p, bytes) else _Large(self.spool, p)) for k, p in block]
            yield from block


class ExternalSort:
    """Pairs of key and payload; those of one key keep the order in which they came.

    Writing raises DatabaseError when the folder of temporary files is full or read-only.
    """

    def __init__(self, run_bytes: int = RUN_BYTES, spool: Spool | None = None) -> None:
        """`spool`: one for several sorts."""
        self._run_bytes = run_bytes
        self._run: list[Item] = []
        self._size = 0
        self._spool = spool or Spool()
        self._sorted: list[_Run | list[Item]] = []
        """The runs before, in the order in which they came."""

    def add(self, key: str, payload: bytes) -> None:
        self._run.append((key, payload))
        self._size += len(key) + len(payload) + OVERHEAD_BYTES
        if self._size >= self._run_bytes:
            self.write_run()

    def extend(self, other: ExternalSort) -> None:
        """Put all behind that came into another one, which is used up."""
        if self._run:
            self._run.sort(key=_key)
            self._sorted.append(self._run)
        self._sorted += other._sorted
        self._run, self._size = other._run, other._size

    def __iter__(self) -> Iterator[Item]:
        self._run.sort(key=_key)
        return self._merged() if self._sorted else iter(self._run)

    def _merged(self) -> Iterator[Item]:
        runs = [run.items() if isinstance(run, _Run) else run for run in self._sorted]
        for key, payload in heapq.merge(*runs, self._run, key=_key):
            yield key, payload if isinstance(payload, bytes) else payload.spool.read(payload.place)

    def close(self) -> None:
        self._run, self._sorted, self._spool = [], [], Spool()

    def write_run(self) -> None:
        """Put on disk what is in memory."""
        if self._run:
            self._run.sort(key=_key)
            run = _Run(self._spool, array("Q"), array("Q"))
            for block in self._blocks(max(LEAST_BLOCK_BYTES, BLOCKS_BYTES // (len(self._sorted) + 1))):
                offset, length = self._spool.write(marshal.dumps(block))
                run.offsets.append(offset)
                run.lengths.append(length)
            self._sorted.append(run)
        self._run, self._size = [], 0

    def _blocks(self, block_bytes: int) -> Iterator[tuple[list[tuple[str, bytes | Place]], bool]]:
        """The run, in pieces of about so many bytes, and whether there are places in them."""
        block: list[tuple[str, bytes | Place]] = []
        size = 0
        has_large = False
        for key, payload in self._run:
            if len(payload) > BLOCK_BYTES:
                block.append((key, self._spool.write(payload)))
                has_large = True
            else:
                block.append((key, payload))
                size += len(payload)
            size += len(key)
            if size >= min(block_bytes, BLOCK_BYTES):
                yield block, has_large
                block, size, has_large = [], 0, False
        if block:
            yield block, has_large
