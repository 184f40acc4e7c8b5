"""What a terminal shows after frames that were written as differences is what they should show."""

from __future__ import annotations

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style

from tui.painting import Frame
from tui.signs import is_plain, spelled

WIDTH, HEIGHT = 30, 6
STYLES = [
    Style.null(),
    Style(bold=True),
    Style(bgcolor="blue"),
    Style(color="red", reverse=True),
    Style(underline=True),
    Style(italic=True, color="bright_green", bgcolor="color(200)"),
    Style(bold=True, color="color(100)", bgcolor="color(200)"),
    Style(bold=True, dim=True, color="color(100)", bgcolor="color(200)"),
    Style(bold=True, color="default", bgcolor="bright_blue"),
]
TEXTS = st.text("ab ж✓…█", max_size=WIDTH)
PIECES = st.lists(
    st.tuples(
        st.integers(0, WIDTH - 1),
        st.integers(0, HEIGHT - 1),
        st.lists(st.tuples(TEXTS, st.sampled_from(STYLES)), max_size=4),
    ),
    max_size=6,
)


class Terminal:
    def __init__(self) -> None:
        self.screen = pyte.Screen(WIDTH, HEIGHT)
        self.stream = pyte.Stream(self.screen)

    def cells(self) -> list[list[tuple[object, ...]]]:
        """Of each cell what is seen: a blank one has no colour of letters."""
        return [[self._seen(self.screen.buffer[y][x]) for x in range(WIDTH)] for y in range(HEIGHT)]

    def _seen(self, cell: pyte.screens.Char) -> tuple[object, ...]:
        blank = cell.data == " " and not (cell.reverse or cell.underscore)
        return (cell.data, cell.bg, cell.reverse, cell.underscore) + (() if blank else (cell.fg, cell.bold))


def put(frame: Frame, pieces: list[tuple[int, int, list[tuple[str, Style]]]]) -> None:
    for x, y, segments in pieces:
        frame.put(x, y, [Segment(text, style) for text, style in segments])


@given(st.lists(PIECES, max_size=5))
def test_differences_add_up_to_the_whole(
    frames: list[list[tuple[int, int, list[tuple[str, Style]]]]],
) -> None:
    shown, frame = Terminal(), Frame(WIDTH, HEIGHT, ColorSystem.STANDARD, ascii_only=False)
    whole = Frame(WIDTH, HEIGHT, ColorSystem.STANDARD, ascii_only=False)
    for pieces in frames:
        put(frame, pieces)
        put(whole, pieces)
        shown.stream.feed(frame.changes())
        anew = Terminal()
        whole.forget()
        anew.stream.feed(whole.changes())
        assert shown.cells() == anew.cells()
        assert frame.changes() == ""


def test_a_row_is_as_it_was_put() -> None:
    shown, frame = Terminal(), Frame(WIDTH, HEIGHT, ColorSystem.STANDARD, ascii_only=False)
    put(frame, [(2, 1, [("сессия ", Style(bold=True)), ("12", Style(color="red"))])])
    shown.stream.feed(frame.changes())
    assert shown.screen.display[1].rstrip() == "  сессия 12"
    assert (shown.screen.buffer[1][2].bold, shown.screen.buffer[1][9].fg) == (True, "red")


def test_a_changed_number_costs_its_cells_alone() -> None:
    frame = Frame(WIDTH, HEIGHT, ColorSystem.STANDARD, ascii_only=False)
    put(frame, [(0, 2, [("progress 41% of the import", Style.null())])])
    frame.changes()
    put(frame, [(0, 2, [("progress 42% of the import", Style.null())])])
    assert frame.changes() == "\x1b[3;11H2"


def test_of_a_look_what_is_another_is_written() -> None:
    frame = Frame(WIDTH, HEIGHT, ColorSystem.EIGHT_BIT, ascii_only=False)
    dim, red = Style(color="color(188)", bgcolor="color(16)"), Style(color="color(73)", bgcolor="color(16)")
    put(
        frame,
        [(0, 0, [("1", dim), ("2", dim + Style(bold=True)), ("3", red), ("4", red + Style(underline=True))])],
    )
    painted = frame.changes()
    assert "38;5;188;48;5;16m1\x1b[1m2\x1b[22;38;5;73m3\x1b[4m4" in painted
    put(frame, [(0, 0, [("5", red + Style(underline=True)), ("6", red)])])
    assert frame.changes() == "\x1b[1;1H\x1b[4;38;5;73;48;5;16m5\x1b[0;38;5;73;48;5;16m6\x1b[m"


def test_a_row_with_a_sign_of_doubtful_width_is_written_whole() -> None:
    frame = Frame(WIDTH, HEIGHT, ColorSystem.STANDARD, ascii_only=False)
    put(frame, [(0, 0, [("🚀 Run 1", Style.null())])])
    frame.changes()
    put(frame, [(0, 0, [("🚀 Run 2", Style.null())])])
    assert frame.changes().startswith("\x1b[1;1H🚀 Run 2")


def test_what_follows_a_sign_of_doubtful_width_keeps_its_place() -> None:
    """This terminal takes ▶️ for one cell where two were meant."""
    shown, frame = Terminal(), Frame(WIDTH, HEIGHT, ColorSystem.STANDARD, ascii_only=False)
    put(frame, [(0, 0, [("xxxxxxxxx", Style.null())])])
    shown.stream.feed(frame.changes())
    put(frame, [(0, 0, [("│▶️ go│й|", Style(bgcolor="blue"))])])
    shown.stream.feed(frame.changes())
    assert shown.screen.display[0].rstrip() == "│▶  go│й|"
    assert [cell.bg for cell in map(shown.screen.buffer[0].__getitem__, range(9))] == ["blue"] * 9


def test_without_its_own_background_nothing_is_erased(monkeypatch: pytest.MonkeyPatch) -> None:
    """GNU screen erases in the terminal's background, whatever is set."""
    monkeypatch.setenv("TERM", "screen")
    monkeypatch.delenv("TMUX", raising=False)
    frame = Frame(WIDTH, HEIGHT, ColorSystem.STANDARD, ascii_only=False)
    put(frame, [(0, y, [(" " * WIDTH, Style(bgcolor="blue"))]) for y in range(HEIGHT)])
    assert "\x1b[K" not in frame.changes()
    put(frame, [(0, y, [(" " * WIDTH, Style.null())]) for y in range(HEIGHT)])
    assert frame.changes().count("\x1b[K") == HEIGHT


@pytest.mark.parametrize(
    ("env", "plain"),
    [
        ({"TERM": "xterm-256color", "LANG": "ru_RU.UTF-8"}, False),
        ({"TERM": "tmux", "LANG": "C.utf8"}, False),
        ({"TERM": "linux", "LANG": "ru_RU.UTF-8"}, True),
        ({"TERM": "vt220", "LANG": "ru_RU.UTF-8"}, True),
        ({"TERM": "xterm", "LANG": "C"}, True),
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "LANG": "en_US.UTF-8", "LC_ALL": "C"}, True),
        ({"TERM": "xterm", "LC_CTYPE": "en_US.UTF-8", "LANG": "C"}, False),
        ({"TERM": "xterm", "LC_CTYPE": "C.UTF-8", "LANG": "C"}, True),
        ({"TERM": "xterm", "LC_CTYPE": "C.UTF-8", "LANG": "ru_RU.UTF-8"}, False),
        ({"TEXTUAL_DRIVER": "textual.drivers.web_driver:WebDriver", "LANG": "C"}, False),
    ],
)
def test_which_terminals_have_letters_only(env: dict[str, str], plain: bool) -> None:
    assert is_plain(env) is plain


def test_signs_are_spelled_in_as_many_cells() -> None:
    assert spelled("✓ готово ▸ 42% █▌…") == "+ готово > 42% #|~"
    assert spelled("🚀 Run │▶️ go⚠️") == ">> Run |>  go! "
    assert spelled("е́ ж ⌛") == "е́ ж ??"
