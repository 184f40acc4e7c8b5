"""The console script `obmen`. Without arguments it opens the control room at once; the rest is in `commands.py`."""

from __future__ import annotations

import sys

from importers import settings, texts
from importers.errors import ObmenError
from importers.texts import _
from tui.opening import open_room


def main() -> None:
    if len(sys.argv) > 1:
        from tui.commands import main as command_line  # click and the engine's commands: 60 ms

        sys.exit(command_line())
    texts.use("auto")  # for what the settings may have to complain about
    try:
        config = settings.load()
        texts.use(config.language)
        open_room(config)
    except ObmenError as error:
        from importers.output import guard, print_line

        guard()
        print_line(_("Error: {message}").format(message=error), err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
