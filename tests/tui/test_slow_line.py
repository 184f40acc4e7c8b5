"""The next frame waits until the terminal has drawn the last one; an answer that is lost stops nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from support.terminal import ANSWER, ASK, Terminal


@pytest.fixture
def terminal(env: dict[str, str]) -> Iterator[Terminal]:
    """It has answered once, which the room asks for when it starts."""
    with Terminal([sys.executable, "-m", "tui"], env) as terminal:
        terminal.wait_for("No imports yet")
        terminal.press(ANSWER)
        terminal.press("?")
        terminal.wait_for("Mark or unmark")
        yield terminal


def test_one_frame_is_on_its_way_at_a_time(terminal: Terminal) -> None:
    terminal.wait_for(lambda _text: terminal.raw.endswith(ASK))
    terminal.press("\x1b[B")
    assert terminal.watch(0.5) == b""
    before = terminal.text
    terminal.press(ANSWER)
    terminal.wait_for(lambda text: text != before and terminal.raw.endswith(ASK))


def test_a_lost_answer_stops_nothing_and_is_not_waited_for_again(terminal: Terminal) -> None:
    for _ in range(2):  # the first may be one that is still awaited; after two none is
        terminal.press("\x1b[B")
        assert terminal.read(5)
    terminal.press("\x1b")
    terminal.wait_for("No imports yet")
    asked = terminal.raw.count(ASK)
    terminal.press("?")
    terminal.wait_for("Mark or unmark", seconds=1)
    assert terminal.raw.count(ASK) == asked
