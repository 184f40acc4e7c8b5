"""Opening the control room, where there is a terminal for it, or a browser at the other end of its pipes."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

from importers import texts
from importers.errors import UsageError
from importers.texts import N_
from tui import LOCALE

if TYPE_CHECKING:
    from pathlib import Path

    from importers.settings import Settings

texts.add_domain("tui", LOCALE)


FRAMES = "200"
"""So many a second at most. Textual would have a key wait up to 17 ms behind a frame of the log; how many there are is
up to the terminal's answers and the pace of the log."""


def open_room(config: Settings, *, demo: bool = False, file: Path | None = None) -> NoReturn:
    """The control room on these settings; the process ends with it. `file`: what --config named. Raises UsageError
    without a terminal."""
    from tui.signs import is_browser

    if not (is_browser() or (sys.stdin.isatty() and sys.stdout.isatty())):
        raise UsageError(
            N_("the control room needs a terminal; without one use the commands, see obmen --help")
        )
    os.environ.setdefault("TEXTUAL_FPS", FRAMES)  # which Textual reads when it is imported
    from tui.app import run
    from tui.leaving import end

    end(run(config, demo=demo, file=file))
