"""The console script `obmen`. Without arguments it opens the control room at once; the rest is in `commands.py`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from importers import settings, texts
from importers.errors import ObmenError, UsageError
from importers.texts import N_, _

if TYPE_CHECKING:
    from importers.settings import Settings


def main() -> None:
    if len(sys.argv) > 1:
        from tui.commands import main as command_line  # click and the engine's commands: 60 ms

        sys.exit(command_line())
    texts.use("auto")  # for what the settings may have to complain about
    try:
        config = settings.load()
        texts.use(config.language)
        sys.exit(open_room(config))
    except ObmenError as error:
        from importers.output import guard, say

        guard()
        say(_("Error: {message}").format(message=error), err=True)
        sys.exit(error.exit_code)


def open_room(config: Settings, *, demo: bool = False) -> int:
    """The control room on these settings; the exit code. Raises UsageError without a terminal."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            N_("the control room needs a terminal; without one use the commands, see obmen --help")
        )
    from tui.app import run

    return run(config, demo=demo)


if __name__ == "__main__":
    main()
