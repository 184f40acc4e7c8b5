"""How the control room ends, and how it rests meanwhile: in order, whoever asks for it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import NoReturn

from importers.errors import UsageError
from importers.texts import N_
from tui.painting import PaintingApp

EXIT_SECONDS = 3.0
"""How long a signal gives the screen to leave in order before the process ends all the same."""


class LeavingApp(PaintingApp, inherit_bindings=False):
    """Ends by `q`, by signals, and with its terminal; what was confirmed is sent first. Stops for the shell, too."""

    def handle_signals(self) -> None:
        """They leave in order, so that the terminal is as before (Textual handles none)."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._leave, number)
        for number in (signal.SIGINT, signal.SIGQUIT):
            loop.add_signal_handler(number, self._interrupt, number)
        # Textual's own handlers work in the middle of anything, and SIGCONT after SIGSTOP starts its driver twice.
        signal.signal(signal.SIGCONT, signal.SIG_DFL)
        loop.add_signal_handler(signal.SIGTSTP, self._rest)
        self.set_interval(1, self._check_terminal)

    def _check_terminal(self) -> None:
        """A terminal may go without a signal (nohup, a foreign session); Textual would read its end for ever. So may
        the server of a browser's room, if it is killed."""
        if not (is_connected(0) if self.is_web else os.isatty(0)):
            self._leave(signal.SIGHUP)

    def _interrupt(self, number: signal.Signals) -> None:
        """^C and ^\\ are keys here; while another program has the terminal they are that one's."""
        if not self.resting:
            self._leave(number)

    def _leave(self, number: signal.Signals) -> None:
        # A terminal that is gone can block its writer for ever; the process ends all the same.
        timer = threading.Timer(EXIT_SECONDS, os._exit, (128 + number,))
        timer.daemon = True
        timer.start()
        self.run_worker(self._finish(128 + number), exit_on_error=False)

    def action_suspend_process(self) -> None:
        """Ctrl+Z: all that the shell started together with this (`make`, a script) stops, as without a screen."""
        self._rest(os.getpgrp())

    def _rest(self, group: int | None = None) -> None:
        """Give the terminal back and stop, with all of `group`, until a shell has this in its foreground again; then
        paint anew."""
        driver = self._driver
        if driver is None or not driver.can_suspend:
            return
        loop = asyncio.get_running_loop()
        loop.remove_signal_handler(signal.SIGTSTP)
        if not self.resting:
            driver.suspend_application_mode()
        while True:
            # The default action stops all threads right here; where no shell could continue them it does nothing.
            if group is None:
                os.kill(os.getpid(), signal.SIGTSTP)
            else:
                os.killpg(group, signal.SIGTSTP)
            with contextlib.suppress(OSError):
                if os.tcgetpgrp(0) != os.getpgrp():
                    continue  # continued in the background
            break
        loop.add_signal_handler(signal.SIGTSTP, self._rest)
        if not self.resting:  # else the terminal is still the pager's
            driver.resume_application_mode()
            self.paint_anew()

    async def lend_terminal(self, command: Sequence[str]) -> None:
        """Run a program of the operator's on the terminal, and paint anew when it has ended. Raises UsageError."""
        driver = self._driver
        if self.is_web:
            raise UsageError(
                N_("a browser has no place for {program}; read the log here"), program=command[0]
            )
        if driver is None or not driver.can_suspend or self.is_headless:
            return
        self.resting = True
        driver.suspend_application_mode()
        try:
            with driver.no_automatic_restart():
                await asyncio.to_thread(subprocess.run, command, check=False)
        except OSError as error:
            text = N_("{program} cannot be started: {error}; name another one in $PAGER")
            raise UsageError(text, program=command[0], error=error.strerror) from None
        finally:
            # A ^C that came before its end may not be handled yet: the loop reads of it, and then it has its turn.
            for _turn in range(2):
                await asyncio.sleep(0)
            driver.resume_application_mode()
            self.resting = False
            self.paint_anew()

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


def end(code: int) -> NoReturn:
    """End the process. All is closed and written by now: taking the rest apart, module by module, would let who left
    wait for their shell once more as long."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # the terminal may be gone
            stream.flush()
    os._exit(code)


def is_connected(descriptor: int) -> bool:
    """Whether anybody holds the other end of this pipe or socket."""
    watch = select.poll()
    watch.register(descriptor, 0)
    return not watch.poll(0)  # without a wish, what comes is the end or an error
