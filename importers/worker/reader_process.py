"""A process that reads beside the worker, so that an import uses two cores: the second half of an import type's files
while the worker reads the first, then those of the next types while the worker writes.

It is forked at the very start, when there is neither a thread nor an open database, and shares the pages of all
modules. Orders come through a pipe; what it read lies in a temporary file without a name, of which it hands over the
descriptor. What it cannot do (a bad file, a full disk) it leaves to the worker, which then reads the same parts: so
errors are told as without it. It dies with the worker.
"""

from __future__ import annotations

import asyncio
import gc
import mmap
import os
import pickle
import signal
import socket
import struct
import traceback
from collections import deque
from contextlib import suppress
from io import BytesIO
from itertools import accumulate, count
from typing import IO, TYPE_CHECKING, Any, NamedTuple, NoReturn

import msgspec

from importers.catalog.external_sort import Spool
from importers.catalog.tables import SHAPES, Shape
from importers.commerceml import reader as _reader  # noqa: F401 (for its pages to be shared)
from importers.commerceml.earlier import NeedsEarlier
from importers.errors import ObmenError
from importers.kinds import intake as _intake  # noqa: F401
from importers.kinds.beside import Apart, Order
from importers.kinds.staged import Reads, Share
from importers.logs import log_to
from importers.texts import N_

if TYPE_CHECKING:
    from collections.abc import Mapping

    from importers.commerceml import Export
    from importers.kinds.protocol import Kind

LEAST_BYTES = 2_000_000
"""Less XML than this is not worth an order."""
PR_SET_PDEATHSIG = 1
_PROGRESS = struct.Struct("QQQ")
"""(number of the order, bytes, records): in memory that both processes share."""
_REPLY = struct.Struct("QQQ")
"""(number of the order, offset, length): where its result lies in the file that comes with it; else a text follows."""
LONGEST_REPLY = 64_000


class _Task(NamedTuple):
    """An order as it is sent."""

    number: int
    export: Export | None
    """None: that of the one before."""
    searched: dict[Any, bool]
    reads: Reads
    span: range


class _Order(Order):
    def __init__(self, number: int, reads: Reads, span: range, progress: mmap.mmap) -> None:
        super().__init__(span)
        self.number = number
        self.reads = reads
        self._progress = progress
        self._ended = asyncio.Event()
        self._apart: Apart | None = None
        self._error: ObmenError | None = None

    def at(self) -> tuple[int, int]:
        number, done, records = _PROGRESS.unpack_from(self._progress)
        if number == self.number and not self._ended.is_set():
            return done, records
        return self._done, 0

    async def wait(self, seconds: float) -> bool:
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
        self._ended.set()


class ReaderProcess:
    """The worker's side of it, see `Beside`."""

    def __init__(self, pid: int, orders: int, replies: socket.socket, progress: mmap.mmap) -> None:
        self._pid: int | None = pid
        self._pipe = os.fdopen(orders, "wb", buffering=0)
        self._replies = replies
        self._progress = progress
        self._loop: asyncio.AbstractEventLoop | None = None
        self._export: Export | None = None
        self._is_sent = False
        self._reads: dict[str, Reads] = {}
        """What import types want that were not shared yet, in the order of running."""
        self._shares: dict[str, list[Share]] = {}
        """Of those that are read ahead."""
        self._queue: deque[_Order] = deque()
        self._sent: _Order | None = None
        self._numbers = count(1)
        self._log = ""

    def begin(self, export: Export, kinds: Mapping[str, Kind], log: str) -> None:
        """What a session is going to read, in that order. `log`: the path of the log."""
        self._export, self._log = export, log
        self._reads = {kind: module.READS for kind, module in kinds.items() if hasattr(module, "READS")}
        nested = any(len(part.members) > 1 for part in export.parts)  # both would unpack the whole archive
        if nested or sum(part.size for part in export.parts) < 2 * LEAST_BYTES or not self._reads:
            self.close()
        else:
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._replies, self._received)

    def shares(self, kind: str) -> list[Share]:
        reads, shares = self._reads.pop(kind, None), self._shares.pop(kind, [])
        if reads and len(spans := self._spans(reads)) > 1:
            order = self._order(kind, reads, spans[1])
            shares = [Share(spans[0]), order]
        elif shares and shares[0] in self._queue:  # it has not come to that yet, and nobody else is busy
            self._queue.remove(shares[0])
            shares[0] = Share(shares[0].span)
        return shares

    def read_ahead(self, kind: str) -> None:
        for later, reads in self._reads.items():
            # The second half first: where it does not come to the first one in time, that is read here meanwhile.
            orders = [self._order(later, reads, span) for span in reversed(self._spans(reads))]
            self._shares[later] = [*reversed(orders)]
        self._reads.clear()
        self._go_on()

    def close(self) -> None:
        """End the process, and wait until it is gone. May be said again."""
        self._end(signal.SIGKILL)

    def _spans(self, reads: Reads) -> list[range]:
        """The parts, in halves of about as many bytes; in one piece where a half would not be worth it, in none where
        nothing is."""
        assert self._export
        if self._pid is None:
            return []
        sizes = self._export.sizes_for(*reads.wanted)
        total = sum(sizes)
        all_parts = range(len(sizes))
        larger, middle = min(
            ((max(done, total - done), at) for at, done in enumerate(accumulate(sizes), 1)),
            default=(total, 0),
        )
        if total - larger < LEAST_BYTES:
            return [all_parts] if total >= LEAST_BYTES else []
        return [all_parts[:middle], all_parts[middle:]]

    def _order(self, kind: str, reads: Reads, span: range) -> _Order:
        order = _Order(next(self._numbers), reads, span, self._progress)
        self._queue.append(order)
        self._go_on()
        return order

    def _go_on(self) -> None:
        """Send the next order if it waits for one; end it if there will be none."""
        if self._sent or not self._pid:
            return
        if not self._queue:
            if not self._reads:
                self.close()
            return
        order = self._sent = self._queue.popleft()
        assert self._export
        export = None if self._is_sent else _to_send(self._export)
        self._is_sent = True
        task = _Task(order.number, export, self._export.searched, order.reads, order.span)
        with suppress(BrokenPipeError):  # its end is told by the other way
            self._pipe.write(_pickled(task))

    def _received(self) -> None:
        message, fds, _flags, _address = socket.recv_fds(self._replies, LONGEST_REPLY, 1)
        if not message:
            self._died()
            return
        _number, offset, length = _REPLY.unpack_from(message)
        order, self._sent = self._sent, None
        assert order and self._export
        if fds:
            spool = Spool(fds[0])
            apart, searched = _unpickled(BytesIO(spool.read((offset, length))), spool)
            self._export.searched.update(searched)
            order.end(apart)
        else:
            if len(message) > _REPLY.size:
                text = message[_REPLY.size :].decode(errors="replace")
                log_to(self._log).error("the reading process: %s", text)
            order.end(None)
        self._go_on()

    def _died(self) -> None:
        status = self._end()
        why = signal.Signals(-status).name if status < 0 else f"exit {status}"
        error = ObmenError(DIED, why=why)
        for order in [*([self._sent] if self._sent else []), *self._queue]:
            order.end(None, error)
        self._sent = None
        self._queue.clear()

    def _end(self, number: int = 0) -> int:
        """With a signal, or of its own; how it ended, as subprocess tells it."""
        pid, self._pid = self._pid, None
        if pid is None:
            return 0
        if self._loop:
            self._loop.remove_reader(self._replies)
        if number:
            os.kill(pid, number)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        self._pipe.close()
        self._replies.close()
        return status


DIED = N_(
    "The process that reads beside the worker died ({why}): the memory may have been short; nothing is changed. "
    "Start the import again"
)


def fork_reader() -> ReaderProcess | None:
    """None where it would not help, as on one core, or cannot be. To be called before any thread is started."""
    if len(os.sched_getaffinity(0)) < 2:
        return None
    gc.freeze()  # a collection would write to the pages of all that is there, which both share
    progress = mmap.mmap(-1, _PROGRESS.size)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    orders, pipe = os.pipe()
    worker = os.getpid()
    try:
        pid = os.fork()
    except OSError:  # too many processes
        pid = -1
    if pid == 0:
        os.close(pipe)
        ours.close()
        _serve(os.fdopen(orders, "rb"), theirs, progress, worker)
    os.close(orders)
    theirs.close()
    if pid < 0:
        os.close(pipe)
        ours.close()
        return None
    return ReaderProcess(pid, pipe, ours, progress)


def _serve(orders: IO[bytes], replies: socket.socket, progress: mmap.mmap, worker: int) -> NoReturn:
    """All that the process does: read what it is told to, until the worker is gone."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        _read_all(orders, replies, progress, worker)
        code = 0
    except BaseException:  # noqa: BLE001 (it must never go on as a second worker)
        traceback.print_exc()  # into the log file
    finally:
        os._exit(code)


def _read_all(orders: IO[bytes], replies: socket.socket, progress: mmap.mmap, worker: int) -> None:
    export: Export | None = None
    while True:
        try:
            task: _Task = _unpickled(orders)
        except EOFError:
            return
        if export is None:
            _die_with(worker)
        export = task.export or export
        assert export
        export.searched.update(task.searched)
        apart = Apart(task.reads, from_start=task.span.start == 0)
        try:
            share = Share(task.span)
            for _batch in apart.read(export, share):
                _PROGRESS.pack_into(progress, 0, task.number, share.at()[0], apart.staged.count)
            place = apart.spool.write(_pickled((apart, export.searched)))
        except (ObmenError, NeedsEarlier):  # the worker will see for itself
            replies.send(_REPLY.pack(task.number, 0, 0))
        except Exception:  # noqa: BLE001 (the same for a bug)
            text = traceback.format_exc().encode()[-LONGEST_REPLY + _REPLY.size :]
            replies.send(_REPLY.pack(task.number, 0, 0) + text)
        else:
            socket.send_fds(replies, [_REPLY.pack(task.number, *place)], [apart.spool.fileno()])


def _die_with(worker: int) -> None:
    """From now on be killed when the worker is: while it reads, it does not see the pipe close."""
    import ctypes  # here: a small session gives no order

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != worker:
        os._exit(1)


def _to_send(export: Export) -> Export:
    """What reading parts needs of it: there are tens of thousands of pictures."""
    return msgspec.structs.replace(export, gaps=(), pictures=(), others=(), holders=(), identities={})


class _Pickler(pickle.Pickler):
    """Shapes are the same in both processes; a spool is the one that comes along."""

    def persistent_id(self, obj: object) -> int | None:
        if isinstance(obj, Shape):
            return SHAPES.index(obj)
        return SPOOL if isinstance(obj, Spool) else None


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: IO[bytes], spool: Spool | None) -> None:
        super().__init__(file)
        self._spool = spool

    def persistent_load(self, pid: int) -> Shape | Spool | None:
        return self._spool if pid == SPOOL else SHAPES[pid]


SPOOL = -1


def _pickled(it: object) -> bytes:
    file = BytesIO()
    _Pickler(file, pickle.HIGHEST_PROTOCOL).dump(it)
    return file.getvalue()


def _unpickled(file: IO[bytes], spool: Spool | None = None) -> Any:
    return _Unpickler(file, spool).load()
