"""A real terminal without a window: a shell in a tmux server of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from walk.cells import Row, rows_of

SECONDS = 20.0
"""So long a screen may take to come, on a machine that is busy."""
QUIET = 0.1
"""What does not change for so long is painted."""
PROMPT = "shop$ "
CONFIG = """\
set -g status off
set -g default-terminal tmux-256color
"""
WRITTEN = "-u TMUX TERM=screen-256color"
"""A terminal that does not erase in colour."""
MODES = "#{alternate_on} #{cursor_flag} #{mouse_any_flag} #{keypad_flag} #{keypad_cursor_flag} #{wrap_flag}"


class Missed(Exception):
    """What should be on the screen is not."""


def require_tmux() -> None:
    if shutil.which("tmux") is None:
        sys.exit("tmux is missing: apt-get install tmux")


class Terminal:
    """`folder`: the home of who sits there. `photographed`: every cell is written, as tmux does not tell of the colours
    in which cells were erased."""

    def __init__(
        self, folder: Path, size: tuple[int, int], language: str, *, photographed: bool = False
    ) -> None:
        self.folder, self.size = folder, size
        own = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(folder),
            "XDG_DATA_HOME": str(folder),
            "OBMEN_LANGUAGE": language,
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "COLORTERM": "truecolor",
        }
        self._env = own
        (folder / "tmux.conf").write_text(CONFIG)
        shell = f"env {WRITTEN if photographed else ''} PS1='{PROMPT}' bash --norc --noprofile -i"
        self._shell = self._tmux(
            "new-session", "-d", "-P", "-F", "#{pane_pid}", "-c", str(folder), *_sized(size), f"exec {shell}"
        )
        self.resize(size)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_error: object) -> None:
        """The shell writes into its home until it has ended."""
        shell = Path("/proc") / self._shell.strip()
        self._tmux("kill-server")
        end = time.monotonic() + SECONDS
        while shell.exists() and time.monotonic() < end:
            time.sleep(0.02)

    def _tmux(self, *arguments: str) -> str:
        command = ["tmux", "-f", str(self.folder / "tmux.conf"), "-S", str(self.folder / "tmux"), *arguments]
        done = subprocess.run(command, env=self._env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Missed(f"tmux: {done.stderr.strip()}")
        return done.stdout

    def press(self, *keys: str) -> None:
        """Keys by their names in tmux: n, Enter, Escape, C-z."""
        self._tmux("send-keys", "--", *keys)

    def type(self, text: str) -> None:
        self._tmux("send-keys", "-l", "--", text)

    def resize(self, size: tuple[int, int]) -> None:
        self.size = size
        self._tmux("resize-window", *_sized(size))

    @property
    def text(self) -> str:
        return self._tmux("capture-pane", "-p")

    def settled(self) -> list[Row]:
        """The cells, when nothing is painted any more."""
        before, now = "", self._captured()
        while before != now:
            time.sleep(QUIET)
            before, now = now, self._captured()
        return rows_of(now, self.size[0])

    def _captured(self) -> str:
        return self._tmux("capture-pane", "-p", "-e", "-N").removesuffix("\n")

    @property
    def modes(self) -> str:
        """The modes that a program may leave on."""
        return self._tmux("display-message", "-p", MODES).strip()

    def wait(self, found: Callable[[str], bool], what: str) -> str:
        """Until the screen is as wanted. Raises Missed."""
        end = time.monotonic() + SECONDS
        while not found(text := self.text):
            if time.monotonic() > end:
                raise Missed(f"{what}, after {SECONDS:.0f} s")
            time.sleep(0.02)  # tmux tells nobody that a pane was written to
        return text


def _sized(size: tuple[int, int]) -> tuple[str, str, str, str]:
    return "-x", str(size[0]), "-y", str(size[1])
