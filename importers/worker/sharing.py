"""Who reads what: the parts of an export are shared by the worker and the process that reads beside it.

Of the first import type each reads one half. While the worker writes, the process goes on with the next types, the
second half of each at first: where it has not come to the first half in time, the worker reads that. Files are not cut
in two, so where halves of few files would differ much, the process has those in the middle.
"""

from __future__ import annotations

import asyncio
import signal
from bisect import bisect_left
from collections import deque
from contextlib import suppress
from itertools import accumulate, count
from typing import TYPE_CHECKING

import msgspec

from importers.commerceml.earlier import NeedsEarlier
from importers.errors import ObmenError
from importers.kinds.beside import Apart, ShareApart
from importers.kinds.registry import reads_of
from importers.kinds.staged import At, Share
from importers.logs import log_to
from importers.texts import N_
from importers.worker.reader_process import Task

if TYPE_CHECKING:
    from collections.abc import Mapping

    from importers.commerceml import Export, Work
    from importers.kinds.protocol import Kind
    from importers.kinds.staged import Reads
    from importers.worker.reader_process import ReaderProcess

LEAST_BYTES = 2_000_000
"""Less XML than this is read sooner than told to be."""
UNEVEN = 0.1
"""Halves that differ by more than this share of all are not taken, see above."""
DIED = N_(
    "The process that reads beside the worker died ({why}), perhaps for lack of memory; nothing is changed. "
    "Start the import again"
)


class ShareBeside(ShareApart):
    """What the process reads."""

    def __init__(self, process: ReaderProcess, number: int, reads: Reads, span: range) -> None:
        super().__init__(span)
        self.number = number
        self.reads = reads
        self.meanwhile: ShareAhead | None = None
        """What is to be done while one waits for it."""
        self._process = process
        self._ended = asyncio.Event()
        self._apart: Apart | None = None
        self._error: ObmenError | None = None

    def at(self) -> At:
        records = self._apart.staged.count if self._apart else 0
        if not self._ended.is_set() and (at := self._process.at(self.number)):
            self.progressed(at.part, at.position)
            records = at.records
        return super().at()._replace(records=records)

    async def wait(self, seconds: float) -> bool:
        if self.meanwhile and not await self.meanwhile.wait(seconds):
            return False
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), seconds)
        return self._ended.is_set()

    def taken(self) -> Apart | None:
        if self._error:
            raise self._error
        apart, self._apart = self._apart, None
        return apart

    def end(self, apart: Apart | None, error: ObmenError | None = None) -> None:
        self._apart, self._error = apart, error
        if apart:  # else it is read here
            self.progressed(self.span.stop, 0)
        self._ended.set()


class ShareAhead(ShareApart):
    """What the worker reads itself, though what is in front of it is not there yet."""

    def __init__(self, export: Export, reads: Reads, span: range) -> None:
        super().__init__(span)
        self._apart: Apart | None = Apart(reads, from_start=False)
        self._reading = self._apart.read(export, self)

    def at(self) -> At:
        return super().at()._replace(records=self._apart.staged.count if self._apart else 0)

    async def wait(self, seconds: float) -> bool:
        """Reads so long."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end:
            try:
                next(self._reading)
            except StopIteration:
                return True
            except (ObmenError, NeedsEarlier):  # it is told when its turn has come
                self._apart = None
                return True
            await asyncio.sleep(0)
        return False

    def taken(self) -> Apart | None:
        apart, self._apart = self._apart, None
        return apart


class Sharing:
    """Of one session, see `Beside`. Ends the process as soon as there is nothing left for it."""

    def __init__(self, process: ReaderProcess, export: Export, kinds: Mapping[str, Kind], log: str) -> None:
        """`kinds`: in the order of running. `log`: the path of the log."""
        self._process = process
        self._export = export
        self._log = log
        self._reads: dict[str, Reads] = {
            kind: reads for kind, module in kinds.items() if (reads := reads_of(kind, module))
        }
        """What those want that nothing was ordered for yet."""
        self._ahead: dict[str, list[Share]] = {}
        self._work: dict[str, Work] = {}
        """Of these."""
        self._queue: deque[ShareBeside] = deque()
        self._sent: ShareBeside | None = None
        self._numbers = count(1)
        self._export_to_send: Export | None = (
            msgspec.structs.replace(  # there may be tens of thousands of pictures
                export, gaps=(), pictures=(), others=(), holders=(), identities={}
            )
        )
        nested = any(
            len(part.members) > 1 for part in export.parts
        )  # both would unpack what lies in an archive
        if nested or sum(part.size for part in export.parts) < 2 * LEAST_BYTES:
            self._reads.clear()
        asyncio.get_running_loop().add_reader(process, self._received)
        self._go_on()

    def shares(self, kind: str) -> list[Share]:
        reads, shares = self._reads.pop(kind, None), self._ahead.pop(kind, [])
        if reads and len(spans := self._spans(reads, uneven=UNEVEN)) > 1:
            order = self._order(reads, spans[1])
            last = [ShareAhead(self._export, reads, span) for span in spans[2:]]
            order.meanwhile = last[0] if last else None
            return [Share(spans[0]), order, *last]
        if shares and isinstance(first := shares[0], ShareBeside) and first in self._queue:
            self._queue.remove(first)
            shares[0] = Share(first.span)
        return shares

    def read_ahead(self, kind: str) -> None:
        for later, reads in self._reads.items():
            orders = [self._order(reads, span) for span in reversed(self._spans(reads))]
            self._ahead[later] = [*reversed(orders)]
            self._work[later] = self._export.work_for(*reads.wanted)
        self._reads.clear()
        self._go_on()

    def ahead(self) -> dict[str, tuple[float, int]]:
        """Of the import types that are read before their turn: which share of them is, and the records of it."""
        read = {}
        for kind, shares in self._ahead.items():
            work = self._work[kind]
            done = sum(share.done(work) for share in shares)
            read[kind] = done / max(work.total, 1), sum(share.at().records for share in shares)
        return read

    def close(self) -> None:
        if self._process.pid:
            asyncio.get_running_loop().remove_reader(self._process)
            self._process.close()

    def _spans(self, reads: Reads, uneven: float = 1) -> list[range]:
        """The parts in halves of about as many bytes; in one piece where a half is too little, in none where all is. In
        three where halves would differ by more than this share of all: the first and the last are one half."""
        if not self._process.pid:
            return []
        sizes = self._export.sizes_for(*reads.wanted)
        total, all_parts = sum(sizes), range(len(sizes))
        if total < LEAST_BYTES:
            return []
        ends = [0, *accumulate(sizes)]
        cuts = [(at, len(sizes)) for at in range(1, len(sizes))]

        def unevenness(cut: tuple[int, int]) -> int:
            return abs(total - 2 * (ends[cut[1]] - ends[cut[0]]))

        start, stop = min(cuts, key=unevenness, default=(0, 0))
        if cuts and unevenness((start, stop)) > uneven * total:
            start, stop = min((_from(at, ends) for at, _stop in cuts), key=unevenness)
        if total - unevenness((start, stop)) < 2 * LEAST_BYTES:
            return [all_parts]
        return [span for span in (all_parts[:start], all_parts[start:stop], all_parts[stop:]) if span]

    def _order(self, reads: Reads, span: range) -> ShareBeside:
        order = ShareBeside(self._process, next(self._numbers), reads, span)
        self._queue.append(order)
        self._go_on()
        return order

    def _go_on(self) -> None:
        """Send the next order when there is one; let the process go when there will be none."""
        if self._sent:
            return
        if self._queue:
            order = self._sent = self._queue.popleft()
            export, self._export_to_send = self._export_to_send, None
            task = Task(order.number, export, self._export.searched, order.reads, order.span)
            self._process.send(task)
        elif not self._reads:
            self.close()

    def _received(self) -> None:
        result = self._process.receive()
        order, self._sent = self._sent, None
        if result is None:
            self._died(order)
        elif order:
            self._export.searched.update(result.searched)
            if result.bug:
                log_to(self._log).error("the process that reads beside: %s", result.bug)
            order.end(result.apart)
            self._go_on()

    def _died(self, order: ShareBeside | None) -> None:
        asyncio.get_running_loop().remove_reader(self._process)
        status = self._process.close()
        why = signal.Signals(-status).name if status < 0 else f"exit {status}"
        for lost in (order, *self._queue):
            if lost:
                lost.end(None, ObmenError(DIED, why=why))
        self._queue.clear()


def _from(start: int, ends: list[int]) -> tuple[int, int]:
    """The cut from a part on that holds about a half of all."""
    wanted = ends[start] + ends[-1] / 2
    stop = bisect_left(ends, wanted, lo=start + 1, hi=len(ends) - 1)
    return start, stop - 1 if wanted - ends[stop - 1] < ends[stop] - wanted else stop
