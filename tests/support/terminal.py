"""A program in a pseudo-terminal of its own, seen as a terminal sees it: its screen, its bytes, and when they came."""

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
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple, Self

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
ASK, ANSWER = b"\x1b[?2026$p", "\x1b[?2026;2$y"
"""Whether it can hold back writes until a frame is whole; it answers when it has drawn all that came before."""
FRAME_END = b"\x1b[?2026l"
NOT_KNOWN = (b"\x1b[>25u", b"\x1b[<u")
"""What pyte would show as text."""
PIECE = 0.01
"""Seconds of a slow line that are read at once."""


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


class Piece(NamedTuple):
    """What came at once, in seconds since the program was started."""

    at: float
    data: bytes


class Terminal:
    """`command` on a pseudo-terminal of `size` columns and rows.

    `controlling`: hanging up sends it SIGHUP. `answers`: as modern terminals do, each ASK. `bits_per_second`: of the
    line in between. Nothing but `screen`, `text` and `wait_for` takes the time to draw.
    """

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        *,
        size: tuple[int, int] = (80, 24),
        controlling: bool = True,
        answers: bool = False,
        bits_per_second: int = 0,
    ) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.attributes = termios.tcgetattr(slave)
        self.pieces: list[Piece] = []
        """All that came."""
        self.bits_per_second = bits_per_second
        self._answers = answers
        self._line_free = 0.0
        self._size = size
        self._screen = Screen(*size)
        self._stream = pyte.ByteStream(self._screen)
        self._drawn = 0

        def take_terminal() -> None:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.started = time.perf_counter()
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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for descriptor in (self.master, self._slave):
            if descriptor >= 0:
                os.close(descriptor)
        self.master = self._slave = -1

    def now(self) -> float:
        """Seconds since the program was started."""
        return time.perf_counter() - self.started

    def read(self, seconds: float) -> bytes:
        """What the program writes within so many seconds; returns at once when it wrote something."""
        size = 65536
        if self.bits_per_second:
            size = max(1, int(self.bits_per_second / 8 * PIECE))
            wait = self._line_free - self.now()
            if wait > 0:
                time.sleep(min(wait, seconds))
            if wait > seconds:
                return b""
            seconds -= max(0.0, wait)
        ready, _, _ = select.select([self.master], [], [], seconds)
        if not ready:
            return b""
        try:
            data = os.read(self.master, size)
        except OSError:
            return b""
        if self.bits_per_second:
            self._line_free = max(self._line_free, self.now() - PIECE) + len(data) * 8 / self.bits_per_second
        before = self.pieces[-1].data[1 - len(ASK) :] if self.pieces else b""
        self.pieces.append(Piece(self.now(), data))
        if self._answers:
            for _question in range((before + data).count(ASK)):
                self.press(ANSWER)
        return data

    def watch(self, seconds: float) -> bytes:
        """All that the program writes within so many seconds."""
        end, data = self.now() + seconds, b""
        while (left := end - self.now()) > 0:
            data += self.read(left)
        return data

    def rest(self, quiet: float, limit: float = 30) -> bytes:
        """All that the program writes until it wrote nothing for `quiet` seconds."""
        end, data = self.now() + limit, b""
        while more := self.read(quiet):
            data += more
            assert self.now() < end, f"it still writes:\n{self.text}"
        return data

    @property
    def raw(self) -> bytes:
        return b"".join(piece.data for piece in self.pieces)

    @property
    def screen(self) -> pyte.Screen:
        for piece in self.pieces[self._drawn :]:
            _draw(self._stream, piece.data)
        self._drawn = len(self.pieces)
        return self._screen

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

    def replayed(self) -> Iterator[tuple[float, pyte.Screen]]:
        """All that was read, drawn once more: when a piece came, and the screen with it."""
        screen = pyte.Screen(*self._size)
        stream = pyte.ByteStream(screen)
        for at, data in self.pieces:
            _draw(stream, data)
            yield at, screen

    def shown_at(self, wanted: str) -> float | None:
        """When the screen first held `wanted`, of what was read."""
        return next((at for at, screen in self.replayed() if wanted in "\n".join(screen.display)), None)

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def resize(self, columns: int, rows: int) -> None:
        """As dragging the window does: the program is told by SIGWINCH."""
        self.screen.resize(rows, columns)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.signal(signal.SIGWINCH)

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
                self.read(0.01)
            else:
                time.sleep(0.02)
        while self.master >= 0 and self.read(0):
            pass
        return self.process.returncode

    def left_on(self) -> list[str]:
        """The terminal modes that were switched on and not off again."""
        raw = self.raw
        found = [name for name, (on, off) in MODES.items() if raw.rfind(on) > raw.rfind(off)]
        if termios.tcgetattr(self._slave) != self.attributes:
            found.append("raw mode")
        return found

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def memory_mb(self) -> float:
        """What of the program is in memory (RSS), shared pages and all."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("\nVmRSS:")[2].split()[0]) / 1024


def _draw(stream: pyte.ByteStream, data: bytes) -> None:
    for sequence in NOT_KNOWN:
        data = data.replace(sequence, b"")
    stream.feed(data)
