"""Is that worker alive? A pid alone can be given again, so it counts together with its start time and the boot id.

What the system does not tell (of other accounts: mount option hidepid of /proc) never counts as death: the lease ends
such a worker's session, and the catalog's lock keeps it from a commit meanwhile.
"""

from __future__ import annotations

import os
import pwd
import signal
import socket
import time
from pathlib import Path

import msgspec

from importers.clock import boot_id, is_another_boot
from importers.errors import ObmenError
from importers.texts import N_

PROC = Path("/proc")
PR_SET_PDEATHSIG = 1
KILL_SECONDS = 5.0
UNKNOWN = "?"


def leave_signals_to_parent() -> None:
    """What a terminal or systemd sends to all processes is for the one that started this."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)


class WorkerProcess(msgspec.Struct, frozen=True):
    """The process that holds a session: its worker, or whoever is about to start that."""

    host: str
    pid: int
    start: str
    boot: str

    @property
    def name(self) -> str:
        return f"{self.host}:{self.pid}"

    @property
    def is_here(self) -> bool:
        return self.host == socket.gethostname()

    def is_dead(self) -> bool:
        """Known to be gone. False also where it cannot be known: on another host, or hidden."""
        if not self.is_here:
            return False
        now = start_of(self.pid)
        return (
            not now
            or is_another_boot(self.boot, boot_id())
            or (self._is_comparable(now) and now != self.start)
        )

    def _is_comparable(self, now: str) -> bool:
        """Whether start times can be compared, which alone tells the process from a later one of its pid."""
        return UNKNOWN not in (now, self.start)

    def kill(self) -> None:
        """End a frozen process of this machine for good, and wait until it is gone. Raises ObmenError.

        One that may be another process by now is left alone."""
        if not self.is_here or self.is_dead() or not self._is_comparable(start_of(self.pid)):
            return
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        end = time.monotonic() + KILL_SECONDS
        try:
            if not self.is_dead():  # the handle is of the process that was meant
                signal.pidfd_send_signal(handle, signal.SIGKILL)
            while not self.is_dead():
                if time.monotonic() > end:
                    raise ObmenError(
                        N_("process {pid} hangs in the system and cannot be ended"), pid=self.pid
                    )
                time.sleep(0.005)
        except PermissionError as error:
            raise ObmenError(
                N_("process {pid} is frozen and another account's; ask for: kill -9 {pid}"), pid=self.pid
            ) from error
        finally:
            os.close(handle)


def account() -> str:
    """The name of the account that runs this, whatever the environment says."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def process_of(pid: int) -> WorkerProcess:
    """The process of this machine that has this pid now, or had it a moment ago."""
    return WorkerProcess(socket.gethostname(), pid, start_of(pid), boot_id())


def this_process() -> WorkerProcess:
    return process_of(os.getpid())


def die_with(parent: int, how: signal.Signals = signal.SIGKILL) -> None:
    """From now on this process gets `how` when the thread of `parent` that started it ends, whatever ends it."""
    import ctypes  # here: few need it

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, how, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def start_of(pid: int) -> str:
    """The start time of a running process in clock ticks, UNKNOWN where the system does not tell; "" when it is gone or
    a zombie."""
    state, *fields = _stat(pid)
    if len(fields) < 19:
        return UNKNOWN if _is_there(pid) else ""
    return "" if state in "ZX" else fields[18]


def is_stopped(pid: int) -> bool:
    """By SIGSTOP, or ^Z in its terminal. False where the system does not tell."""
    return _stat(pid)[0] == "T"


def _stat(pid: int) -> list[str]:
    """/proc/PID/stat from the state on; [""] when it cannot be read."""
    try:
        stat = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return [""]
    return stat.rpartition(")")[2].split() or [""]


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another account's
    return True
