"""Reading beside: some parts of an export are read apart from those in front of them, by another process."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Protocol

import msgspec

from importers.catalog.aside import Aside
from importers.catalog.external_sort import Place, Spool
from importers.commerceml import Export
from importers.commerceml.records import Rejected
from importers.kinds.staged import Reads, Share, Staged

RUN_BYTES = 3_000_000
"""So much is sorted in memory at a time: less than where one process has the memory for itself."""


class Apart:
    """What is read of a share without what is in front of it: `staged`, and what was rejected. Nothing of it stays in
    memory: it lies in `spool`."""

    def __init__(self, reads: Reads, *, from_start: bool) -> None:
        self.spool = Spool()
        asides = {shape: Aside(shape, RUN_BYTES, self.spool) for shape in reads.shapes}
        self.staged = Staged(reads, asides, from_start=from_start)
        self._rejected: list[Place] = []

    def read(self, export: Export, share: Share) -> Iterator[None]:
        """A step for each batch. Raises as `Staged.read`, and DatabaseError when temporary files cannot be written."""
        for rejected in self.staged.read(export, share):
            if rejected:
                self._rejected.append(self.spool.write(msgspec.msgpack.encode(rejected)))
            yield
        for aside in self.staged.asides.values():
            aside.write()

    @property
    def rejects(self) -> Iterator[list[Rejected]]:
        for place in self._rejected:
            yield msgspec.msgpack.decode(self.spool.read(place), type=list[Rejected])


class ShareApart(Share, ABC):
    """A share that is read apart from what is in front of it, by another process or ahead of its turn."""

    @abstractmethod
    async def wait(self, seconds: float) -> bool:
        """Whether it is through, after so long at most."""

    @abstractmethod
    def taken(self) -> Apart | None:
        """What it read; None where it could not, for whatever reason: who reads it here is told that. Raises ObmenError
        when the process died."""


class Beside(Protocol):
    """Another process that reads parts of the export of a session."""

    def shares(self, kind: str) -> list[Share]:
        """All parts in order, as they are shared for an import type; none: all are to be read here."""
        ...

    def read_ahead(self, kind: str) -> None:
        """This import type is read: the next ones may be."""
        ...
