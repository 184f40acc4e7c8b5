"""The control room: the app that owns the journal, the watch over it, and every launch.

Screens only show and ask. What must outlive a screen (a launch, a cancellation) runs as a worker of the app.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import SystemCommand
from textual.notifications import SeverityLevel
from textual.reactive import Reactive
from textual.screen import Screen
from textual.theme import ThemeProvider

from importers import texts
from importers.errors import ObmenError
from importers.logs import log_to
from importers.sessions.models import Outcome, Session
from importers.texts import N_, _, ngettext
from tui import LOCALE, colours, present
from tui.keys import TABLE, bindings, shown
from tui.leaving import LeavingApp
from tui.screens.live import RETRY_SECONDS, LiveScreen
from tui.screens.main import MainScreen
from tui.screens.palette import Palette

if TYPE_CHECKING:
    from importers.control import Control
    from importers.launch import LaunchRequest, LaunchResult
    from importers.sessions import Journal, LogLine
    from importers.settings import Settings

POLL_SECONDS = 0.3
"""How often the journal is asked whether anything changed; also the pace of the log."""
REAP_SECONDS = 15.0
COPIED_LINES = 300


class ObmenApp(LeavingApp, inherit_bindings=False):
    """`now` and `journal` are for tests: a frozen clock, and fixed sessions that nobody reaps."""

    TITLE = "obmen"
    CSS_PATH = "tui.tcss"
    BINDINGS = bindings("app")
    COMMAND_PALETTE_BINDING = "ctrl+p"
    NOTIFICATION_TIMEOUT = 6

    theme: Reactive[str] = Reactive(colours.default)
    ansi_theme_dark = Reactive(colours.ANSI, init=False)

    def __init__(
        self,
        settings: Settings,
        *,
        demo: bool = False,
        journal: Journal | None = None,
        now: Callable[[], datetime] = present.now,
    ) -> None:
        texts.add_domain("tui", LOCALE)
        texts.use(settings.language)
        super().__init__()
        self.settings = settings
        self.demo = demo
        self.now = now
        self.journal: Journal | None = journal
        self.trouble = ""
        """What keeps the journal from being read, one line; empty when all is well."""
        self._explained = ""
        self.animation_level = "none"

    def get_default_screen(self) -> MainScreen:
        return MainScreen()

    @property
    def main(self) -> MainScreen:
        """The screen of sessions, below whatever is open above it."""
        screen = self.screen_stack[0]
        if not isinstance(screen, MainScreen):
            raise TypeError(screen)
        return screen

    def on_mount(self) -> None:
        if not self.is_headless:
            self.handle_signals()

    def on_ready(self) -> None:
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """The first frame is on the screen: now the journal may be opened."""
        self.run_worker(self._guarded(self._watch()), group="watch", exit_on_error=False)

    async def on_unmount(self) -> None:
        if self.journal is not None:
            await self.journal.close()

    # Watching the journal

    async def _watch(self) -> None:
        """Wake the screens whenever any process wrote to the journal."""
        from importers.launch import prepare

        journal = await self._open()
        watch = journal.watch()
        self.wake()
        await asyncio.to_thread(prepare, self.settings)
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                changed = await watch.changed()
            except Exception as error:  # noqa: BLE001 (said above the table, logged, and tried again)
                await self.set_trouble(self.explain(error))
                await asyncio.sleep(RETRY_SECONDS)
                changed = True  # the look tells whether the trouble is over
            if changed:
                self.wake()

    async def _open(self) -> Journal:
        """Open the journal; while that fails, say why and try again."""
        if self.journal is not None:
            return self.journal
        from importers.sessions import open_journal

        while True:
            try:
                self.journal = await open_journal(self.settings.journal.url)
                break
            except ObmenError as error:
                await self.set_trouble(self.explain(error))
                await asyncio.sleep(RETRY_SECONDS)
        await self.set_trouble("")
        self.run_worker(self._guarded(self._reap(self.journal)), group="watch", exit_on_error=False)
        return self.journal

    def wake(self) -> None:
        """Have every screen look at the journal again."""
        for screen in self.screen_stack:
            if isinstance(screen, LiveScreen):
                screen.wake()

    async def _reap(self, journal: Journal) -> None:
        """Find sessions whose worker died, and dispatch what was lost; any control room does it, none leads."""
        from importers.worker.reaper import reap

        told = set[str]()

        def tell(error: ObmenError) -> None:
            """What keeps a dead worker's session from its end, once."""
            if (text := self.explain(error)) not in told:
                told.add(text)
                self.notify(text, severity="error", timeout=12, markup=False)

        while True:
            with self.reporting():
                await reap(journal, self.settings, tell)
            await asyncio.sleep(REAP_SECONDS)

    # What operators do. Each goes on when the screen that asked for it is closed.

    def start(self, job: Coroutine[None, None, None], group: str) -> None:
        """Run `job` as the app's own worker, beside others; what goes wrong becomes a notification."""
        self.run_worker(self._guarded(job), group=group, exit_on_error=False)

    async def _guarded(self, job: Coroutine[None, None, None]) -> None:
        with self.reporting():
            await job
        self.wake()

    def launch(self, request: LaunchRequest, done: Callable[[LaunchResult | None], None]) -> None:
        """Launch once. `done` gets the result, or None when it failed before there was one."""

        async def job() -> None:
            result = None
            try:
                result = await (await self.control()).launch(request)
            finally:
                done(result)
            self.tell(result)

        self.start(job(), "launch")

    def retry(self, session_id: int) -> None:
        async def job() -> None:
            self.tell(await (await self.control()).retry(session_id))

        self.start(job(), "launch")

    def cancel(self, session_id: int) -> None:
        async def job() -> None:
            session = await (await self.control()).cancel(session_id)
            self.notify(
                _("Session {id}: {status}").format(id=session.id, status=present.status(session.status)),
                markup=False,
            )

        self.start(job(), "journal")

    def delete(self, session_ids: list[int]) -> None:
        async def job() -> None:
            gone = await (await self.control()).delete(session_ids)
            self.main.forget(gone)
            self.notify(
                ngettext("{count} session deleted", "{count} sessions deleted", len(gone)).format(
                    count=len(gone)
                ),
                markup=False,
            )

        self.start(job(), "journal")

    async def control(self) -> Control:
        """Raises ObmenError while the journal is not open."""
        from importers.control import Control

        return Control(self.settings, await self.opened())

    async def opened(self) -> Journal:
        if self.journal is None:
            raise ObmenError(self.trouble or N_("The journal is still being opened; try again in a moment"))
        return self.journal

    def tell(self, result: LaunchResult) -> None:
        """Say what came of a confirm, and go to its session."""
        session, reason = result.session, present.message(result.reason)
        request = _("Request {id}").format(id=result.request_id)
        if session is None or result.outcome is Outcome.MISMATCH:
            title = _("Nothing was launched: {outcome}").format(
                outcome=_(present.OUTCOME_WORDS[result.outcome])
            )
            self.say(title, reason or request, "error")
        elif result.outcome is Outcome.CREATED:
            text = _("Session {id}, {type}: launched.").format(id=session.id, type=present.kinds(session))
            if result.lock == "unavailable":
                text += " " + _("Without Redis, which does not answer: the journal alone keeps it single.")
            self.say(_("Import launched"), f"{text} {request}", "information")
        elif result.outcome is Outcome.JOINED:
            self.say(_("⚠️ An import was already launched recently"), _who(session), "warning")
        else:
            text = _("This confirm was taken already: session {id}.").format(id=session.id)
            self.say(request, text, "warning")
        if session:
            self.show_session(session.id)

    def say(self, title: str, text: str, severity: SeverityLevel) -> None:
        """A notification with a bold title."""
        sign, title = present.sign_apart(title)
        title, text = (part.replace("[", "\\[") for part in (title, text))
        message = f"[not bold]{sign}[/][bold]{title}[/]\n{text}"
        self.notify(message, severity=severity, timeout=6 if severity == "information" else 12)

    def show_session(self, session_id: int) -> None:
        self.main.go_to(session_id)

    def copy(self, text: str) -> None:
        """To the clipboard of the operator's terminal (OSC 52), wherever this program runs."""
        self.copy_to_clipboard(text)
        first = text.partition("\n")[0][:40]
        self.notify(_("Copied, if the terminal allows it: {text}").format(text=first), markup=False)

    def copy_log(self, session_id: int) -> None:
        """The last lines of a log: terminals take no more than some kilobytes."""

        async def job() -> None:
            journal = await self.opened()
            lines: deque[LogLine] = deque(maxlen=COPIED_LINES)
            while found := await journal.events(session_id, after=lines[-1].id if lines else 0):
                lines.extend(found)
            self.copy("\n".join(f"{present.clock(line.at)} {present.log_text(line)}" for line in lines))

        self.start(job(), "journal")

    # Errors

    @contextlib.contextmanager
    def reporting(self) -> Iterator[None]:
        """Turn errors into a notification of one line."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 (the last line of defence: told and logged, never swallowed)
            self.notify(self.explain(error), severity="error", timeout=12, markup=False)

    def explain(self, error: Exception) -> str:
        """One line for the operator. What nobody foresaw also goes to the log file, once while it repeats."""
        if isinstance(error, ObmenError):
            return present.plain(str(error))
        text = _("Internal error: {error}. Details are in {path}").format(
            error=present.plain(f"{type(error).__name__}: {error}"), path=self.settings.log.path
        )
        if text != self._explained:
            self._explained = text
            with contextlib.suppress(OSError):
                log_to(self.settings.log.path).error("unexpected error in the control room", exc_info=error)
        return text

    def _fatal_error(self) -> None:
        """Textual's hook for an error in a handler. It prints a traceback with local values: to operators one line."""
        error = sys.exc_info()[1]
        self.panic(Text(self.explain(error if isinstance(error, Exception) else RuntimeError())))

    async def set_trouble(self, text: str) -> None:
        """Say above the table what keeps the journal from being read; "" when it can be read again."""
        if text != self.trouble:
            self.trouble = text
            await self.main.tell_trouble(text)

    # Keys and commands

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette's commands: the rows of the key table that can be used now."""
        usable = {active.binding.id: active for active in screen.active_bindings.values() if active.enabled}
        for key in TABLE:
            if key.palette and (active := usable.get(key.id)):
                run = self._runner(active.binding.action, active.node)
                yield SystemCommand(f"{_(key.hint)}  ({shown(key.keys.split(',')[0])})", "", run)
        yield SystemCommand(_("Change the colours"), "", self.action_change_theme)

    def _runner(self, action: str, node: object) -> Callable[[], Coroutine[None, None, bool]]:
        return lambda: self.run_action(action, default_namespace=node)  # type: ignore[arg-type]

    def action_command_palette(self) -> None:
        if not isinstance(self.screen, Palette):
            self.push_screen(Palette(placeholder=_("Search for a command…")))

    def search_themes(self) -> None:
        self.push_screen(Palette([ThemeProvider], placeholder=_("Search for colours…")))

    def action_help(self) -> None:
        from tui.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen())

    def action_interrupt(self) -> None:
        self.notify(_("To quit press q or ^q. Imports go on without the screen."), markup=False)

    # Signals


def _who(session: Session) -> str:
    """Who runs what since when."""
    since = present.when(session.started_at or session.created_at, long=True)
    return _(
        "Session {id}: {type}, {status}, by {operator} on {host} since {since}. No second one was made."
    ).format(
        id=session.id,
        type=present.kinds(session),
        status=present.status(session.status),
        operator=present.plain(session.operator),
        host=present.plain(session.host),
        since=since,
    )


def run(settings: Settings, *, demo: bool = False) -> int:
    """Open the control room; the exit code when it is left."""
    app = ObmenApp(settings, demo=demo)
    app.run()
    return app.return_code or 0
