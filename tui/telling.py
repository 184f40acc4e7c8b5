"""What the room says: notices above the keys, of which a history is kept, and errors in one line."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text
from textual.signal import Signal

from importers.errors import ObmenError
from importers.logs import log_to
from importers.texts import N_, _
from tui import present

if TYPE_CHECKING:
    from datetime import datetime

    from textual.app import App
    from textual.notifications import SeverityLevel

    from importers.settings import Settings

NOTICES_KEPT = 500
STYLES: dict[SeverityLevel, str] = {"information": "", "warning": "yellow", "error": "red"}
WORDS: dict[SeverityLevel, str] = {"information": "", "warning": N_("WARNING"), "error": N_("ERROR")}


@dataclass(frozen=True)
class Notice:
    at: datetime
    severity: SeverityLevel
    title: str
    """Stands in a line of its own; may be empty."""
    text: str
    screen: object = None
    """The only one that it stands on; None: it concerns all."""

    @property
    def page(self) -> Text:
        """The title, then the text; a word for what is not good news, as colours may not be seen."""
        style = STYLES[self.severity]
        sign, title = present.sign_apart(self.title)
        page = Text.assemble(sign, (title, "bold"), "\n" if self.title else "", style=style)
        word = "" if sign or not WORDS[self.severity] else _(WORDS[self.severity]) + ": "
        return Text.assemble(word if not self.title else "", page, self.text, style=style)


class Telling:
    def __init__(self, app: App[int], settings: Settings, now: Callable[[], datetime]) -> None:
        self.settings = settings
        self.now = now
        self._explained = ""
        self.notices: deque[Notice] = deque(maxlen=NOTICES_KEPT)
        """All that was said, the newest last."""
        self.standing: tuple[Notice, ...] = ()
        """What is being said: the newest, below a warning that nobody has dismissed."""
        self.noticed: Signal[None] = Signal(app, "noticed")
        """`standing` is another one now."""

    def say(
        self, text: str, severity: SeverityLevel = "information", title: str = "", *, on: object = None
    ) -> None:
        """One notice, above the keys and in the history. `on`: the only screen that it means something to."""
        notice = Notice(self.now(), severity, title, present.plain(text), on)
        self.notices.append(notice)
        warnings = [one for one in self.standing if one.severity != "information"]
        self._stand(*warnings[-1:], notice)

    def dismiss(self, *notices: Notice) -> None:
        """Take these notices away, or all that stand."""
        self._stand(*(one for one in self.standing if notices and one not in notices))

    def _stand(self, *notices: Notice) -> None:
        self.standing = notices
        self.noticed.publish(None)

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """Turn errors into a notification of one line."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 (the last line of defence: told and logged, never swallowed)
            self.say(self.explain(error), "error")

    def explain(self, error: Exception) -> str:
        """One line for the operator. What nobody foresaw also goes to the log file, once while it repeats."""
        if isinstance(error, ObmenError):
            return present.plain(str(error))
        text = _("Internal error: {error}. Details are in {path}").format(
            error=present.plain(f"{type(error).__name__}: {error}"), path=self.settings.log.path
        )
        if text != self._explained:
            self._explained = text
            with suppress(OSError):
                log_to(self.settings.log.path).error("unexpected error in the control room", exc_info=error)
        return text
