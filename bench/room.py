"""The control room in a pseudo-terminal, by the keys and words that a person uses."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from bench.measure import COMPILED
from tests.support.terminal import Terminal

ROOM = (sys.executable, "-m", "tui")
READY = "Status"
"""The heading of the list: the first frame is there."""
KEPT_OUT = ("OBMEN_", "COLORTERM", "NO_COLOR", "SSH_", "LC_", "LANG")
"""Of the environment: the same frames are measured everywhere."""


def start(command: Sequence[str], env: Mapping[str, str], **options: Any) -> Terminal:
    """A command on a terminal as most are: 256 colours, and an answer to each question."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(KEPT_OUT)}
    plain = {"TERM": "xterm-256color", "LANG": "C.UTF-8", "TZ": "UTC", **COMPILED}
    return Terminal(command, kept | plain | env, answers=True, **options)


def confirm(terminal: Terminal) -> float:
    """Launch the product catalog; when the key that confirms was pressed."""
    terminal.press("n")
    terminal.wait_for("[ ] Product catalog")
    terminal.press(" ")
    terminal.wait_for("[1] Product catalog")
    terminal.rest(0.05)
    pressed = time.time()
    terminal.press("\r")
    return pressed
