"""A screen on which there is a session to act on, with its panes: the list, and the session's own."""

from __future__ import annotations

from functools import partial
from typing import TypeVar

from importers.sessions import FINAL, Session, Status
from importers.texts import _
from tui.screens.live import LiveScreen
from tui.screens.panes import Panes
from tui.widgets.log import LogView
from tui.widgets.rejects import RejectsPane

Result = TypeVar("Result")


class ActingScreen(LiveScreen[Result]):
    @property
    def session(self) -> Session | None:
        """The one that keys act on."""
        raise NotImplementedError

    @property
    def panes(self) -> Panes:
        return self.query_one(Panes)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in CHANGING and self.room.settings.read_only:
            return False
        session = self.session if self.is_mounted else None
        if action == "cancel":
            return session is not None and session.status in {Status.STARTED, Status.IN_PROGRESS}
        if action == "retry":
            return session is not None and session.status in FINAL
        if action == "watch":
            return session is not None and session.status not in FINAL
        if action in {"copy_id", "copy_log"}:
            return session is not None
        return True

    def action_cancel(self) -> None:
        if session := self.session:
            self.ask(
                _("Cancel session {id}, {type}? The catalog stays as it was before.").format(
                    id=session.id, type=self.room.what(session)
                ),
                partial(self.room.cancel, session.id),
            )

    def action_retry(self) -> None:
        if session := self.session:
            question = _("Run session {id}, {type}, again?").format(
                id=session.id, type=self.room.what(session)
            )
            if session.options.dry_run:
                question += " ({})".format(_("dry run: nothing is written"))
            self.ask(question, partial(self.room.retry, session.id))

    def ask(self, question: str, act: partial[None]) -> None:
        from tui.screens.confirm import ConfirmScreen

        self.app.push_screen(ConfirmScreen(question), lambda yes: act() if yes else None)

    def action_copy_id(self) -> None:
        if session := self.session:
            self.room.taking.copy(session.request_id)

    def action_copy_log(self) -> None:
        if session := self.session:
            self.room.taking.copy_log(session.id)

    # The log, of whichever screen it is on

    def action_search(self) -> None:
        from tui.screens.ask import AskScreen

        view = self.panes.log_view

        def search(text: str | None) -> None:
            if old := [notice for notice in self.room.standing if notice.screen is self]:
                self.room.dismiss(*old)  # that the last words were not found
            view.search(text or "")

        self.app.push_screen(AskScreen(_("Search for"), value=view.sought), search)

    def on_log_view_not_found(self, event: LogView.NotFound) -> None:
        text = _("No other line has: {text}") if event.other else _("No line has: {text}")
        self.room.say(text.format(text=event.text), on=self)

    def action_to_time(self) -> None:
        from tui.screens.ask import AskScreen

        async def go(text: str | None) -> None:
            if text and not await self.panes.log_view.go_to_time(text):
                self.room.say(
                    _("{text} is no time of day; type it as 14:05 or 14:05:30").format(text=text),
                    "warning",
                    on=self,
                )

        self.app.push_screen(AskScreen(_("Go to the time (HH:MM)")), go)

    def action_errors(self) -> None:
        self.panes.toggle_errors()

    def action_level(self) -> None:
        self.panes.next_level()

    def action_save_log(self) -> None:
        if session := self.session:
            self.room.taking.log(session.id)

    def action_pager(self) -> None:
        if session := self.session:
            self.room.taking.pager(session.id)

    async def action_tab(self, tab: str) -> None:
        await self.panes.open_tab(tab)

    async def action_next_tab(self, step: int) -> None:
        await self.panes.next_tab(step)

    def on_rejects_pane_opened(self, event: RejectsPane.Opened) -> None:
        from tui.screens.page import PageScreen

        self.app.push_screen(PageScreen(_("Reject"), event.page))

    def on_panes_wanted(self) -> None:
        self.wake()


CHANGING = frozenset({"launch", "cancel", "retry", "delete"})
"""What watchers may not do."""
