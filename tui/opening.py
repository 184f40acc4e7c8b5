"""Opening the control room, where there is a terminal for it, or a browser at the other end of its pipes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from importers.errors import UsageError
from importers.texts import N_

if TYPE_CHECKING:
    from pathlib import Path

    from importers.settings import Settings


def open_room(config: Settings, *, demo: bool = False, file: Path | None = None) -> int:
    """The control room on these settings; the exit code. `file`: what --config named. Raises UsageError without a
    terminal."""
    from tui.signs import is_browser

    if not (is_browser() or (sys.stdin.isatty() and sys.stdout.isatty())):
        raise UsageError(
            N_("the control room needs a terminal; without one use the commands, see obmen --help")
        )
    from tui.app import run

    return run(config, demo=demo, file=file)
