"""What signals do to a worker of Celery. Terminals and systemd send them to all processes at once: the worker decides,
and those beside it leave them to it (see `leave_signals_to_parent`).
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn, cast

from importers.texts import _

if TYPE_CHECKING:
    from collections.abc import Callable

HANGUP_IGNORED = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
"""As by nohup. Celery sets a handler of its own later."""
ENDED_AT_ONCE = 1
"""The exit code."""


def drain_on_signals() -> None:
    """To be called when Celery has set its handlers. SIGTERM, Ctrl+C and the end of the terminal let sessions that run
    come to their end; a second Ctrl+C, or SIGQUIT, ends them."""
    stop_taking = cast("Callable[[int, Any], None]", signal.getsignal(signal.SIGTERM))

    def drain(number: int, frame: Any) -> None:
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, _end_at_once)
            _say(_("Ctrl+C again ends the sessions that run"))
        stop_taking(number, frame)

    signal.signal(signal.SIGINT, drain)
    signal.signal(signal.SIGHUP, signal.SIG_IGN if HANGUP_IGNORED else drain)
    signal.signal(signal.SIGQUIT, _end_at_once)


def _end_at_once(_number: int, _frame: Any) -> NoReturn:
    """With this process those of its sessions are killed, and whoever looks after sessions ends these as failed."""
    _say(_("The sessions that run are ended"))
    os._exit(ENDED_AT_ONCE)


def _say(text: str) -> None:
    with suppress(OSError):  # a terminal that is gone
        os.write(2, f"\n{text}\n".encode())
