"""What screens may ask: the journal, the watch over it, and what operators do.

What must outlive a screen (a launch, a cancellation) runs as a worker of the app. A screen is given the room when it is
made, and subscribes to the signals that it shows; nothing here knows a screen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from textual.signal import Signal

from importers import words
from importers.clock import utc_text
from importers.errors import ObmenError, UnknownSession
from importers.sessions.finding import SessionFilter
from importers.sessions.models import ACTIVE, FINAL, Outcome, Session, Status
from importers.targets import target_of
from importers.texts import N_, _, ngettext
from tui import present
from tui.alerts import alert
from tui.filters import Names
from tui.taking import Taking
from tui.telling import Telling

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from importers.control import Control
    from importers.launch import LaunchRequest, LaunchResult
    from importers.launch.holdings import RecordCounts
    from importers.sessions import Attempt, Journal
    from importers.settings import Settings
    from tui.leaving import LeavingApp

PACE_SECONDS = 0.2
"""Between two looks at the journal while it changes all the time; also the pace of the log."""
WATCH_SECONDS = 30.0
"""So long a change is waited for before the journal is asked for one anew."""
REAP_SECONDS = 15.0
EXPORT_SECONDS = 60.0
RETRY_SECONDS = 2.0
"""How long to wait before another look at a journal that could not be read."""


class Room(Telling):
    """`app` runs the jobs and shows the notifications."""

    def __init__(
        self,
        app: LeavingApp,
        settings: Settings,
        journal: Journal | None,
        *,
        demo: bool,
        file: Path | None,
        now: Callable[[], datetime],
    ) -> None:
        super().__init__(app, settings, now)
        self._app = app
        self.demo = demo
        self.file = file
        """The settings file that was named, if one was."""
        self.journal = journal
        """None until it is open."""
        self.trouble = ""
        """What keeps the journal from being read, one line; empty when all is well."""
        self._lost = ""
        """That the server of the journal is lost, and since when."""
        self.shops = settings.shop_names
        """Those of the settings, and what else the journal was seen to know."""

        self.changed: Signal[None] = Signal(app, "changed")
        """The journal is to be looked at again."""
        self.troubled: Signal[str] = Signal(app, "troubled")
        """`trouble` is another one now."""
        self.deleted: Signal[list[int]] = Signal(app, "deleted")
        """These sessions are gone."""
        self.show_session: Signal[int] = Signal(app, "show session")
        """The operator is to be taken to this session."""
        self._awaited: set[int] = set()
        """Sessions whose end is to be told."""

        self.taking = Taking(self, app)
        self.export_at: datetime | None = None
        """When the newest file of the export was written; None while that is not known, and of several shops."""

    @cached_property
    def record_counts(self) -> RecordCounts:
        """What sources hold, as far as it was counted since the room was opened."""
        from importers.launch.holdings import RecordCounts

        return RecordCounts()

    # Shops

    @property
    def has_shops(self) -> bool:
        """Whether there are several, so that screens tell them apart."""
        return len(self.shops) > 1

    def note_shops(self, seen: Iterable[Session | Attempt]) -> None:
        self.shops += tuple(sorted({one.shop for one in seen}.difference(self.shops)))

    async def names(self, journal: Journal) -> Names:
        """What there is to filter by."""
        found = await journal.names()
        operators = {one.casefold(): one for one in found.operators}
        return Names(self.shops, operators, found.errors, self.now().astimezone().date())

    def what(self, session: Session) -> str:
        """What it imports, and into which shop."""
        kinds = present.kinds(session)
        return f"{kinds} ({session.shop})" if self.has_shops else kinds

    # The journal

    async def watch(self) -> None:
        """Open the journal, then say for ever when any process wrote to it."""
        was_given = self.journal is not None
        journal = await self._open()
        watch = journal.watch()
        self.changed.publish(None)
        await asyncio.sleep(PACE_SECONDS)  # rows first: what follows imports half of the engine
        from importers.launch import prepare

        if not (was_given or self.settings.read_only):
            self.start(self._reap(journal), "watch")
        await asyncio.to_thread(prepare, self.settings)
        if not self.settings.shops:
            self.start(self._date_export(), "watch")
        while True:
            await asyncio.sleep(PACE_SECONDS)
            try:
                changed = await watch.changed(WATCH_SECONDS)
            except Exception as error:  # noqa: BLE001 (said above the table, logged, and tried again)
                self.set_trouble(self.explain(error))
                await asyncio.sleep(RETRY_SECONDS)
                changed = True  # to load again tells whether the trouble is over
            if changed:
                self.changed.publish(None)
                with self.reporting():
                    await self._tell_ends(journal)

    async def _open(self) -> Journal:
        """Open the journal; while that fails, say why and try again."""
        if self.journal is not None:
            return self.journal
        from importers.sessions import open_journal

        while True:
            try:
                self.journal = await open_journal(
                    self.settings.journal.url, read_only=self.settings.read_only
                )
                break
            except ObmenError as error:
                self.set_trouble(self.explain(error))
                await asyncio.sleep(RETRY_SECONDS)
        self.set_trouble("")
        return self.journal

    async def _reap(self, journal: Journal) -> None:
        """Find sessions whose worker died, and dispatch what was lost; any control room does it, none leads."""
        from importers.worker.reaper import reap

        notified = set[str]()

        def notify_once(error: ObmenError) -> None:
            """What keeps a dead worker's session from its end."""
            if (text := self.explain(error)) not in notified:
                notified.add(text)
                self.say(text, "error")

        while True:
            with self.reporting():
                await reap(journal, self.settings, notify_once)
            await asyncio.sleep(REAP_SECONDS)

    async def _date_export(self) -> None:
        """Look now and then how old the export is."""
        from importers.launch.survey import newest

        source = target_of(self.settings).source
        while True:
            found = None
            with suppress(ObmenError):  # the launch dialog and the doctor say what is wrong with it
                found = await asyncio.to_thread(newest, source)
            at = present.parse(found) if found else None
            if at != self.export_at:
                self.export_at = at
                self.changed.publish(None)
            await asyncio.sleep(EXPORT_SECONDS)

    async def running(self, journal: Journal) -> list[Session]:
        """The sessions that have not ended, newest first: some of them, where there are many."""
        return (await journal.find(SessionFilter(statuses=ACTIVE), limit=20)).sessions

    async def close(self) -> None:
        if self.journal is not None:
            await self.journal.close()

    def require_journal(self) -> Journal:
        """Raises ObmenError while it is not open."""
        if self.journal is None:
            raise ObmenError(self.trouble or N_("The journal is still being opened; try again in a moment"))
        return self.journal

    def _control(self) -> Control:
        """Raises ObmenError as `require_journal`."""
        from importers.control import Control

        return Control(self.settings, self.require_journal())

    # What operators do. Each goes on when the screen that asked for it is closed.

    def start(self, job: Coroutine[None, None, None], group: str) -> None:
        """Run `job` as the app's own worker, beside others; what goes wrong becomes a notification."""
        self._app.run_worker(self._guarded(job), group=group, exit_on_error=False)

    async def _guarded(self, job: Coroutine[None, None, None]) -> None:
        with self.reporting():
            await job
        self.changed.publish(None)

    def launch(self, request: LaunchRequest, done: Callable[[LaunchResult | None], None]) -> None:
        """Launch once. `done` gets the result, or None when it failed before there was one."""

        async def job() -> None:
            result = None
            try:
                result = await self._control().launch(request)
            finally:
                done(result)
            self._tell_result(result, request)

        self.start(job(), "launch")

    def retry(self, session_id: int) -> None:
        async def job() -> None:
            wanted = await self.require_journal().session(session_id)
            self._tell_result(await self._control().retry(session_id), wanted)

        self.start(job(), "launch")

    def cancel(self, session_id: int) -> None:
        async def job() -> None:
            session = await self._control().cancel(session_id)
            self.say(_("Session {id}: {status}").format(id=session.id, status=present.status(session.status)))
            if session.status not in FINAL:
                self.await_end(session.id)  # what was said is true until then

        self.start(job(), "journal")

    def delete(self, session_ids: list[int]) -> None:
        async def job() -> None:
            gone = await self._control().delete(session_ids)
            self.deleted.publish(gone)
            self.say(
                ngettext("{count} session deleted", "{count} sessions deleted", len(gone)).format(
                    count=len(gone)
                )
            )

        self.start(job(), "journal")

    # What the room says

    def await_end(self, session_id: int) -> None:
        """Tell when this session has ended; it may have by now."""
        self._awaited.add(session_id)
        if self.journal is not None:
            self.start(self._tell_ends(self.journal), "journal")

    async def _tell_ends(self, journal: Journal) -> None:
        for session_id in sorted(self._awaited):
            try:
                session = await journal.session(session_id)
            except UnknownSession:
                self._awaited.discard(session_id)
                continue
            if session.status in FINAL:
                self._awaited.discard(session_id)
                self._announce(session)

    def _announce(self, session: Session) -> None:
        """The end of a session that somebody waits for: in the bar, and for those who look elsewhere."""
        text = _("Session {id}, {type}: {result}").format(
            id=session.id, type=self.what(session), result=present.ending(session)
        )
        bad = session.status is Status.FAILED
        self.say(text, "error" if bad else "warning" if session.counts.rejected else "information")
        alert(self._app, self.settings.screen, f"obmen: {text}")

    def _tell_result(self, result: LaunchResult, wanted: LaunchRequest | Session) -> None:
        """What came of a confirm of what is `wanted`; then to its session."""
        session, reason = result.session, present.message(result.reason)
        request = _("Request {id}").format(id=result.request_id)
        if session is None or result.outcome is Outcome.MISMATCH:
            title = _("Nothing was launched: {outcome}").format(outcome=words.outcome(result.outcome))
            self.say(". ".join(part.rstrip(".") for part in (reason, request) if part), "error", title)
        elif result.outcome is Outcome.CREATED:
            text = _("Session {id}, {type}: launched.").format(id=session.id, type=self.what(session))
            alone = result.lock == "unavailable"
            if alone:
                text += " " + _(words.NO_REDIS) + "."
            self.say(f"{text} {request}", "warning" if alone else "information", _("Import launched"))
        elif result.outcome is Outcome.JOINED:
            title = _("⚠️ An import was already launched recently")
            self.say(_who(session, self.what(session), wanted), "warning", title)
        else:
            text = _("This confirm was taken already: session {id}.").format(id=session.id)
            self.say(text, "warning", request)
        if session:
            self.await_end(session.id)
            self.show_session.publish(session.id)

    @property
    def told_trouble(self) -> str:
        """Why the journal cannot be read; "" while it can."""
        return self._lost or self.trouble

    def set_trouble(self, text: str) -> None:
        """What keeps the journal from being read; "" when it can be read again."""
        if text != self.trouble:
            self.trouble = text
            self.troubled.publish(self.told_trouble)

    def note_connection(self) -> None:
        """To be called now and then: says when the journal's server is lost, which is being tried for, and when it is
        back."""
        since = self.journal.database.lost_since if self.journal else None
        lost = ""
        if since:
            lost = _("no connection to the journal: reconnecting since {time}").format(
                time=present.clock(utc_text(since))
            )
        if lost != self._lost:
            self._lost = lost
            self.troubled.publish(self.told_trouble)


def _who(session: Session, what: str, wanted: LaunchRequest | Session) -> str:
    """Who runs what since when, and what that leaves out of what is `wanted`."""
    from importers.launch import left_out

    since = present.moment(session.started_at or session.created_at)
    text = _(
        "Session {id}: {type}, {status}, by {operator} on {host} since {since}. No second one was made."
    ).format(
        id=session.id,
        type=what,
        status=present.state(session),
        operator=present.plain(session.operator),
        host=present.plain(session.host),
        since=since,
    )
    if lacking := left_out(wanted, session):
        missing = (
            _("NOT imported from this source: {kinds}. Launch again when it has ended.")
            if session.source != wanted.source
            else _("NOT imported: {kinds}. Launch again when it has ended.")
        )
        text += " " + missing.format(kinds=", ".join(map(present.kind, lacking)))
    return text
