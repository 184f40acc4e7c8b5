"""A process that reads beside the worker, so that an import uses two cores: the second half of an import type's files
while the worker reads the first, then those of the next types while the worker writes.

It is forked at the very start, when there is neither a thread nor an open database, and shares the pages of all
modules. Tasks come through a pipe; what it read lies in a temporary file without a name, of which it hands over the
descriptor. What it cannot do (a bad file, a full disk) it leaves to the worker, which then reads the same parts: so
errors are told as without it. It dies with the worker.
"""

from __future__ import annotations

import gc
import math
import mmap
import os
import pickle
import signal
import socket
import struct
import threading
import traceback
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple, NoReturn, cast

from importers.catalog.external_sort import Spool
from importers.catalog.tables import SHAPES, Shape
from importers.commerceml import reader as _reader  # noqa: F401 (for its pages to be shared)
from importers.commerceml.earlier import NeedsEarlier
from importers.errors import ObmenError
from importers.kinds import intake as _intake  # noqa: F401
from importers.kinds.beside import Apart
from importers.kinds.staged import At, Reads, Share
from importers.processes import die_with, leave_signals_to_parent

if TYPE_CHECKING:
    from importers.catalog.external_sort import Place
    from importers.commerceml import Export
    from importers.commerceml.records import Record

CONTROL_GROUP, CONTROL_GROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
LONGEST_REPLY = 64_000
_PROGRESS = struct.Struct("QQQQ")
"""(number of the task, *At): in memory that both processes share."""
_REPLY = struct.Struct("QQ")
"""(offset, length): where the result lies in the file that comes with it; without a file, why is told behind."""


class Task(NamedTuple):
    number: int
    export: Export | None
    """None: that of the task before."""
    searched: dict[tuple[str, type[Record]], bool]
    """See `Export.searched`; the process answers with what it found."""
    reads: Reads
    span: range


class Result(NamedTuple):
    apart: Apart | None
    searched: dict[tuple[str, type[Record]], bool]
    bug: str = ""
    """The traceback."""


class ReaderProcess:
    """The worker's end of it. One task at a time."""

    def __init__(self, pid: int, tasks: int, replies: socket.socket, progress: mmap.mmap) -> None:
        self.pid: int | None = pid
        """None after its end."""
        self._tasks = os.fdopen(tasks, "wb", buffering=0)
        self._replies = replies
        self._progress = progress

    def fileno(self) -> int:
        """Can be read from when there is a result, or the process has died."""
        return self._replies.fileno()

    def send(self, task: Task) -> None:
        """Raises nothing when it has died: the other end tells."""
        with suppress(BrokenPipeError):
            self._tasks.write(_pickled(task))

    def receive(self) -> Result | None:
        """What became of the task; None: the process has died."""
        message, fds, _flags, _address = socket.recv_fds(self._replies, LONGEST_REPLY, 1)
        if not message:
            return None
        if not fds:
            return Result(None, {}, message[_REPLY.size :].decode(errors="replace"))
        spool = Spool(fds[0])
        place = cast("Place", _REPLY.unpack_from(message))
        return cast("Result", _unpickled(BytesIO(spool.read(place)), spool))

    def at(self, number: int) -> At | None:
        """How far the task of this number is read, while it is."""
        of, *at = _PROGRESS.unpack_from(self._progress)
        return At(*at) if of == number else None

    def close(self) -> int:
        """End it for good; how it ended, as subprocess tells that. May be said again."""
        pid, self.pid = self.pid, None
        if pid is None:
            return 0
        os.kill(pid, signal.SIGKILL)  # it is ours until it was waited for
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        self._tasks.close()
        self._replies.close()
        return status


def fork_reader() -> ReaderProcess | None:
    """None where it would not help, as on one core, or cannot be, as beside other threads, which a fork would lose."""
    if min(len(os.sched_getaffinity(0)), _allowed_cores()) < 2 or threading.active_count() > 1:
        return None
    gc.freeze()  # a collection would write to the pages of all that is there, which both share
    progress = mmap.mmap(-1, _PROGRESS.size)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    tasks, pipe = os.pipe()
    worker = os.getpid()
    try:
        pid = os.fork()
    except OSError:  # too many processes
        pid = -1
    if pid == 0:
        os.close(pipe)
        ours.close()
        _serve(os.fdopen(tasks, "rb"), theirs, progress, worker)
    os.close(tasks)
    theirs.close()
    if pid < 0:
        os.close(pipe)
        ours.close()
        return None
    return ReaderProcess(pid, pipe, ours, progress)


def _allowed_cores() -> float:
    """What the control group lets us have, as of a container or of a unit of systemd."""
    with suppress(OSError, ValueError):
        group = CONTROL_GROUP.read_text(encoding="utf-8").splitlines()[-1].removeprefix("0::/")
        quota, period = (CONTROL_GROUPS / group / "cpu.max").read_text(encoding="ascii").split()
        return int(quota) / int(period)
    return math.inf


def _serve(tasks: IO[bytes], replies: socket.socket, progress: mmap.mmap, worker: int) -> NoReturn:
    """All that the process does: read what it is told to, until the worker is gone."""
    code = 1
    try:
        leave_signals_to_parent()
        _read_all(tasks, replies, progress, worker)
        code = 0
    except BaseException:  # noqa: BLE001 (it must never go on as a second worker)
        traceback.print_exc()  # into the log file
    finally:
        os._exit(code)


def _read_all(tasks: IO[bytes], replies: socket.socket, progress: mmap.mmap, worker: int) -> None:
    export: Export | None = None
    while True:
        try:
            task = cast("Task", _unpickled(tasks))
        except EOFError:  # the worker needs it no more, or is gone
            return
        if task.export:
            export = task.export
            die_with(worker)  # while it reads, it does not see the pipe close
        if export:
            message, spool = _reply_to(task, export, progress)
            socket.send_fds(replies, [message], [spool.fileno()] if spool else [])


def _reply_to(task: Task, export: Export, progress: mmap.mmap) -> tuple[bytes, Spool | None]:
    export.searched.update(task.searched)
    share = Share(task.span)
    apart = Apart(task.reads, from_start=task.span.start == 0)
    _PROGRESS.pack_into(
        progress, 0, 0, task.span.start, 0, 0
    )  # nothing of the task before is taken for this one's
    try:
        for _batch in apart.read(export, share):
            at = share.at()
            _PROGRESS.pack_into(progress, 0, task.number, at.part, at.position, apart.staged.count)
        place = apart.spool.write(_pickled(Result(apart, export.searched)))
    except (ObmenError, NeedsEarlier):
        return _REPLY.pack(0, 0), None
    except Exception:  # noqa: BLE001 (the worker meets the bug itself, if it is not one of this way alone)
        text = traceback.format_exc().encode()
        return _REPLY.pack(0, 0) + text[_REPLY.size - LONGEST_REPLY :], None
    return _REPLY.pack(*place), apart.spool


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


def _unpickled(file: IO[bytes], spool: Spool | None = None) -> object:
    return _Unpickler(file, spool).load()
