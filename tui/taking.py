"""What operators take with them: to the clipboard, into files, into their pager."""

from __future__ import annotations

import os
import shlex
from collections import deque
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from importers.texts import _, ngettext
from importers.words import NOT_KEPT
from tui import present
from tui.exporting import write_log, write_rejects, write_sessions

if TYPE_CHECKING:
    from importers.sessions import LogLine, Order, SessionFilter
    from tui.leaving import LeavingApp
    from tui.room import Room

COPIED_LINES = 300


class Taking:
    """Each is a job of the room: it goes on when the screen that asked for it is closed."""

    def __init__(self, room: Room, app: LeavingApp) -> None:
        self._room = room
        self._app = app

    def copy(self, text: str) -> None:
        """To the clipboard of the operator's terminal (OSC 52), wherever this program runs."""
        self._app.copy_to_clipboard(text)
        first, _end, more = text.partition("\n")
        shown = present.fitted(first + (" …" if more else ""), 40)
        self._room.say(_("Copied, if the terminal allows it: {text}").format(text=shown))

    def copy_log(self, session_id: int) -> None:
        """The last lines of a log: terminals take no more than some kilobytes."""

        async def job() -> None:
            journal = self._room.require_journal()
            lines: deque[LogLine] = deque(maxlen=COPIED_LINES)
            while found := await journal.events(session_id, after=lines[-1].id if lines else 0):
                lines.extend(found)
            self.copy("\n".join(f"{present.clock(line.at)} {present.log_text(line)}" for line in lines))

        self._room.start(job(), "journal")

    def log(self, session_id: int) -> None:
        """The whole log to a file in the working directory."""

        async def job() -> None:
            path, count = await write_log(self._room.require_journal(), session_id, self._room.now())
            text = ngettext("{count} line written to {path}", "{count} lines written to {path}", count)
            self._room.say(text.format(count=present.number(count), path=path))

        self._room.start(job(), "journal")

    def pager(self, session_id: int) -> None:
        """The whole log in the operator's pager, on this terminal."""

        async def job() -> None:
            with TemporaryDirectory(prefix="obmen-") as folder:
                path, _count = await write_log(
                    self._room.require_journal(), session_id, self._room.now(), Path(folder)
                )
                await self._app.lend_terminal([*shlex.split(os.environ.get("PAGER") or "less"), str(path)])

        self._room.start(job(), "journal")

    def rejects(self, session_id: int) -> None:
        """All rejects that are kept, as CSV in the working directory."""

        async def job() -> None:
            journal = self._room.require_journal()
            if not await journal.reasons(session_id):
                session = await journal.session(session_id)
                self._room.say(_(NOT_KEPT) if session.counts.rejected else _("Nothing was rejected."))
                return
            path, count = await write_rejects(journal, session_id, self._room.now())
            text = ngettext("{count} reject written to {path}", "{count} rejects written to {path}", count)
            self._room.say(text.format(count=present.number(count), path=path))

        self._room.start(job(), "journal")

    def sessions(self, wanted: SessionFilter, order: Order, marked: frozenset[int]) -> None:
        """Write the marked sessions, or else all that match, to a file of CSV in the working directory."""

        async def job() -> None:
            path, count = await write_sessions(
                self._room.require_journal(), wanted, order, marked, self._room.now()
            )
            text = ngettext("{count} session written to {path}", "{count} sessions written to {path}", count)
            self._room.say(text.format(count=present.number(count), path=path))

        self._room.start(job(), "journal")
