"""The control room as a Textual app: from the first frame to the last, its colours, its palette of commands.

What screens show and ask for is the room's (`room.py`).
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import SystemCommand
from textual.reactive import Reactive
from textual.screen import Screen
from textual.theme import ThemeProvider

from importers import texts
from importers.texts import _
from tui import LOCALE, colours, keys, present, signs
from tui.keys import TABLE, bindings, shown, shown_of
from tui.leaving import LeavingApp
from tui.room import Room
from tui.screens.main import MainScreen
from tui.screens.palette import Palette
from tui.widgets.notices import NoticeBar

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from textual.theme import Theme

    from importers.sessions import Journal
    from importers.settings import Settings

MOUSE_OFF = "\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l"


class ObmenApp(LeavingApp, inherit_bindings=False):
    """`now` and `journal` are for tests: a frozen clock, and fixed sessions that nobody reaps."""

    TITLE = "obmen"
    CSS_PATH = "tui.tcss"
    BINDINGS = bindings("app")
    COMMAND_PALETTE_BINDING = "ctrl+p"
    NOTIFICATION_TIMEOUT = 6

    theme: Reactive[str] = Reactive(colours.default)
    ansi_theme_dark = Reactive(colours.NAMED_DARK, init=False)
    ansi_theme_light = Reactive(colours.NAMED_LIGHT, init=False)

    def __init__(
        self,
        settings: Settings,
        *,
        demo: bool = False,
        file: Path | None = None,
        journal: Journal | None = None,
        now: Callable[[], datetime] = present.now,
    ) -> None:
        texts.add_domain("tui", LOCALE)
        texts.use(settings.language)
        keys.use(settings.keys)
        colours.use(settings.screen.colours)
        super().__init__()
        self.set_keymap(keys.keymap())
        self.room = Room(self, settings, journal, demo=demo, file=file, now=now)
        self.animation_level = "none"
        self.ascii_only = signs.is_plain()

    def get_default_screen(self) -> MainScreen:
        return MainScreen(self.room)

    def on_mount(self) -> None:
        if not self.is_headless:
            self.handle_signals()
        if self.is_web and self._driver and not self.room.settings.screen.mouse:
            self._driver.write(MOUSE_OFF)  # Textual's driver of the web asks for it, whatever it was told

        self.theme_changed_signal.subscribe(self, self._tell_colours)

    def _tell_colours(self, theme: Theme) -> None:
        """They were changed for now; settings are changed in their file."""
        text = _('To keep these colours, set colours = "{name}" in [screen] of the settings')
        self.room.say(text.format(name=theme.name))

    def on_ready(self) -> None:
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """The first frame is on the screen: now the journal may be opened."""
        if not self.is_headless:
            gc.freeze()  # to look through all that a start makes, again and again, would halt the screen for 40 ms
        self.room.start(self.room.watch(), "watch")

    async def on_unmount(self) -> None:
        await self.room.close()

    def _fatal_error(self) -> None:
        """Textual's hook for an error in a handler. It prints a traceback with local values: to operators one line."""
        error = sys.exc_info()[1]
        told = self.room.explain(error if isinstance(error, Exception) else RuntimeError())
        if not self._exit_renderables:  # of several Textual tells the number, in English
            self.panic(Text(told))

    # Keys and commands

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette's commands: the rows of the key table that can be used now."""
        usable = {active.binding.id: active for active in screen.active_bindings.values() if active.enabled}
        for key in TABLE:
            if key.palette and (active := usable.get(key.id)):
                run = self._runner(active.binding.action, active.node)
                pressed = shown(key.keys.split(",")[0])
                yield SystemCommand(f"{_(key.title)}: {_(key.hint)}  ({pressed})", "", run)
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
            self.push_screen(HelpScreen(shops=self.room.has_shops))

    def action_repaint(self) -> None:
        self.paint_anew()

    def action_messages(self) -> None:
        from tui.screens.messages import MessagesScreen

        if not isinstance(self.screen, MessagesScreen):
            self.push_screen(MessagesScreen(self.room))

    def action_settings(self) -> None:
        from tui.screens.settings import SettingsScreen

        if not isinstance(self.screen, SettingsScreen):
            self.push_screen(SettingsScreen(self.room))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where nothing is said, Escape is the screen's."""
        return action != "dismiss" or bool(self._notices())

    def action_dismiss(self) -> None:
        for bar in self._notices():
            bar.dismiss()

    def _notices(self) -> list[NoticeBar]:
        """Where something is said on the screen in front."""
        return [bar for bar in self.screen.query(NoticeBar) if bar.display] if self.screen_stack else []

    def action_interrupt(self) -> None:
        text, both = _("To quit press {key}. Imports go on without the screen."), _("{key} or {other}")
        key = shown_of("leave")
        if isinstance(self.screen, MainScreen):  # elsewhere the other key goes back
            key = both.format(key=shown_of("quit"), other=key)
        self.room.say(text.format(key=key))


def run(settings: Settings, *, demo: bool = False, file: Path | None = None) -> int:
    """Open the control room; the exit code when it is left. `file`: what --config named."""
    if "TEXTUAL_DRIVER" not in os.environ:  # a browser's page has its size from these
        for size in ("COLUMNS", "LINES"):
            os.environ.pop(size, None)  # exported, they would hide what the terminal says of its size later
    app = ObmenApp(settings, demo=demo, file=file)
    app.run(mouse=settings.screen.mouse)
    return app.return_code or 0
