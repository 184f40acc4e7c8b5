"""An export that is read in pieces, each apart from those in front of it and in an order of its own, as if by another
process: what comes of it went through a pipe."""

from __future__ import annotations

import os
from collections.abc import Sequence
from io import BytesIO
from itertools import pairwise
from typing import cast

from importers import kinds
from importers.catalog.external_sort import Spool
from importers.commerceml import Export
from importers.commerceml.earlier import NeedsEarlier
from importers.errors import ObmenError
from importers.kinds.beside import Apart, ShareApart
from importers.kinds.staged import Reads, Share
from importers.worker.reader_process import _pickled, _unpickled


class Piece(ShareApart):
    def __init__(self, reads: Reads, export: Export, span: range) -> None:
        super().__init__(span)
        self.apart: Apart | None = Apart(reads, from_start=span.start == 0)
        try:
            for _batch in self.apart.read(export, self):
                pass
        except (NeedsEarlier, ObmenError):
            self.apart = None

    async def wait(self, seconds: float) -> bool:
        return True

    def taken(self) -> Apart | None:
        if self.apart is None:
            return None
        sent = BytesIO(_pickled(self.apart))
        return cast("Apart", _unpickled(sent, Spool(os.dup(self.apart.spool.fileno()))))


class Pieces:
    """See `Beside`. `cuts`: where pieces begin, as shares of all parts; the last piece is read first."""

    def __init__(self, export: Export, cuts: Sequence[float], *, first_too: bool = False) -> None:
        self._export = export
        self._cuts = cuts
        self._first_too = first_too
        self.pieces: list[Piece] = []
        """All that were read apart."""

    def shares(self, kind: str) -> list[Share]:
        number = len(self._export.parts)
        bounds = sorted({0, *(round(cut * number) for cut in self._cuts), number})
        spans = [range(start, stop) for start, stop in pairwise(bounds)]
        reads: Reads = kinds.load(kind).READS  # type: ignore[attr-defined]
        if not self._export.span_for(*reads.wanted):
            return []
        here = [] if self._first_too else spans[:1]
        apart = [Piece(reads, self._export, span) for span in reversed(spans[len(here) :])]
        self.pieces += apart
        return [*map(Share, here), *reversed(apart)]

    def read_ahead(self, kind: str) -> None:
        pass
