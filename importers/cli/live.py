"""A line that tells how far something is: redrawn in place on a terminal, elsewhere printed anew now and then."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping

from importers import texts
from importers.output import print_line, write

IN_PLACE_SECONDS, PLAIN_SECONDS = 0.25, 10.0
"""How often the line changes at most."""
WIDTH = 80
"""Of a terminal that does not tell."""


class Live:
    """The last line of standard output or error. Where that is no terminal, `plain` says whether it is told at all."""

    def __init__(
        self,
        *,
        err: bool,
        plain: bool = True,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._err = err
        self._plain = plain
        self._clock = clock
        self._stream = sys.stderr if err else sys.stdout
        terminal = environ.get("TERM", "")
        self.in_place = self._stream.isatty() and terminal not in ("", "dumb")
        self.colours = self.in_place and not environ.get("NO_COLOR")
        self.signs = self._has_signs(environ)
        self._shown = ""
        self._shown_at = float("-inf") if self.in_place else clock()  # what ends soon needs no line

    @property
    def seconds(self) -> float:
        """How often there is something to show."""
        return IN_PLACE_SECONDS if self.in_place else PLAIN_SECONDS

    @property
    def width(self) -> int:
        """Cells that the line may take now. Behind it is room for ^C, and a last column, behind which some wrap."""
        try:
            columns = os.get_terminal_size(self._stream.fileno()).columns
        except OSError:
            columns = 0
        return max((columns or WIDTH) - 3, 1)

    def show(self, text: str, *, at_once: bool = False) -> None:
        """Make `text` the line: of one's own making, with nothing but colours that is not printable."""
        now = self._clock()
        if text == self._shown or not (at_once or now - self._shown_at >= self.seconds):
            return
        if self.in_place:
            write(f"\r{text}\x1b[K", err=self._err)
        elif self._plain:
            print_line(text, err=self._err)
        self._shown, self._shown_at = text, now

    def clear(self, *, typed: bool = False) -> None:
        """For what is printed next. `typed`: the terminal may have shown a key, as ^C."""
        if self.in_place and (self._shown or typed):
            write("\r\x1b[K", err=self._err)
            self._shown, self._shown_at = "", float("-inf")

    def _has_signs(self, environ: Mapping[str, str]) -> bool:
        """Whether what is no letter can be shown, too."""
        try:
            "█░".encode(self._stream.encoding)
        except UnicodeEncodeError:
            return False
        return texts.has_signs(environ)
