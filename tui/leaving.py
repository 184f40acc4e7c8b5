"""How the control room ends: in order, whoever ends it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading

from tui.painting import PaintingApp

EXIT_SECONDS = 3.0
"""How long a signal gives the screen to leave in order before the process ends all the same."""


class LeavingApp(PaintingApp, inherit_bindings=False):
    """Ends by `q`, by signals, and with its terminal; what was confirmed is sent first."""

    def handle_signals(self) -> None:
        """TERM and HUP leave in order, so that the terminal is as before (Textual handles neither)."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._leave, number)
        self.set_interval(1, self._check_terminal)

    def _check_terminal(self) -> None:
        """A terminal may go without a signal (nohup, a foreign session); Textual would read its end for ever."""
        if not os.isatty(0):
            self._leave(signal.SIGHUP)

    def _leave(self, number: signal.Signals) -> None:
        # A terminal that is gone can block its writer for ever; the process ends all the same.
        timer = threading.Timer(EXIT_SECONDS, os._exit, (128 + number,))
        timer.daemon = True
        timer.start()
        self.run_worker(self._finish(128 + number), exit_on_error=False)

    async def action_quit(self) -> None:
        await self._finish(0)

    async def _finish(self, code: int) -> None:
        """Leave, but not in the middle of a launch: what was confirmed is sent first."""
        launches = [
            worker.wait() for worker in self.workers if worker.group == "launch" and worker.is_running
        ]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(EXIT_SECONDS / 2):
                await asyncio.gather(*launches, return_exceptions=True)
        self.exit(return_code=code)
