"""A program in a pseudo-terminal of its own, seen as a terminal sees it."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

import pyte

MODES = {
    "alternate screen": (b"\x1b[?1049h", b"\x1b[?1049l"),
    "mouse clicks": (b"\x1b[?1000h", b"\x1b[?1000l"),
    "mouse moves": (b"\x1b[?1003h", b"\x1b[?1003l"),
    "mouse coordinates": (b"\x1b[?1006h", b"\x1b[?1006l"),
    "bracketed paste": (b"\x1b[?2004h", b"\x1b[?2004l"),
    "focus events": (b"\x1b[?1004h", b"\x1b[?1004l"),
    "hidden cursor": (b"\x1b[?25l", b"\x1b[?25h"),
    "no line wrap": (b"\x1b[?7l", b"\x1b[?7h"),
    "keyboard protocol": (b"\x1b[>", b"\x1b[<u"),
}


ALTERNATE = 1049 << 5
"""As pyte numbers private modes."""


class Screen(pyte.Screen):
    """With an alternate screen, which pyte has not: what was there before is there again afterwards."""

    _main: tuple[dict[int, Any], tuple[int, int]] | None = None

    def set_mode(self, *modes: int, **options: Any) -> None:
        super().set_mode(*modes, **options)
        if ALTERNATE in self.mode and self._main is None:
            self._main = (deepcopy(dict(self.buffer)), (self.cursor.x, self.cursor.y))
            self.erase_in_display(2)

    def reset_mode(self, *modes: int, **options: Any) -> None:
        super().reset_mode(*modes, **options)
        if ALTERNATE not in self.mode and self._main is not None:
            rows, (self.cursor.x, self.cursor.y) = self._main
            self.buffer.clear()
            self.buffer.update(rows)
            self._main = None


class Terminal:
    """`command` on a pseudo-terminal of `size` columns and rows; `controlling`: hanging up sends it SIGHUP."""

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        *,
        size: tuple[int, int] = (80, 24),
        controlling: bool = True,
    ) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.attributes = termios.tcgetattr(slave)
        self.raw = b""
        self.screen = Screen(*size)
        self._stream = pyte.ByteStream(self.screen)

        def take_terminal() -> None:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=dict(env),
            start_new_session=True,
            preexec_fn=take_terminal if controlling else None,
        )
        self._slave = slave
        if controlling:
            return
        os.close(slave)
        self._slave = -1

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_error: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for descriptor in (self.master, self._slave):
            if descriptor >= 0:
                os.close(descriptor)
        self.master = self._slave = -1

    def read(self, seconds: float) -> bytes:
        """What the program writes within so many seconds; returns at once when it wrote something."""
        ready, _, _ = select.select([self.master], [], [], seconds)
        if not ready:
            return b""
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return b""
        self.raw += data
        self._stream.feed(data.replace(b"\x1b[>25u", b"").replace(b"\x1b[<u", b""))
        return data

    def watch(self, seconds: float) -> bytes:
        """All that the program writes within so many seconds."""
        end, data = time.monotonic() + seconds, b""
        while (left := end - time.monotonic()) > 0:
            data += self.read(left)
        return data

    @property
    def text(self) -> str:
        return "\n".join(self.screen.display)

    def wait_for(self, wanted: str | Callable[[str], Any], seconds: float = 15) -> str:
        """Until the screen holds `wanted`; the screen's text."""
        found = (lambda text: wanted in text) if isinstance(wanted, str) else wanted
        end = time.monotonic() + seconds
        while not found(self.text):
            assert time.monotonic() < end, f"{wanted!r} did not appear:\n{self.text}"
            assert self.process.poll() is None or self.read(0), f"it ended:\n{self.text}"
            self.read(0.1)
        return self.text

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def hang_up(self) -> None:
        """As a lost connection does."""
        for descriptor in (self._slave, self.master):
            if descriptor >= 0:
                os.close(descriptor)
        self.master = self._slave = -1

    def ended(self, seconds: float = 10) -> int:
        """Wait for the end, reading on; the exit status."""
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < end, f"it still runs:\n{self.text}"
            if self.master >= 0:
                self.read(0.05)
            else:
                time.sleep(0.02)
        while self.master >= 0 and self.read(0):
            pass
        return self.process.returncode

    def left_on(self) -> list[str]:
        """The terminal modes that were switched on and not off again."""
        found = [name for name, (on, off) in MODES.items() if self.raw.rfind(on) > self.raw.rfind(off)]
        if termios.tcgetattr(self._slave) != self.attributes:
            found.append("raw mode")
        return found

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)
