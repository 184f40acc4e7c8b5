"""The walk of `make walk`: its short form is walked, a step that fails is told, and the pages have its pictures."""

from __future__ import annotations

import json
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pyte
import pytest

from tui.keys import PLACES, TABLE, shown
from walk import steps, terminal
from walk.__main__ import walk
from walk.cells import Look, Row, rows_of
from walk.film import Frame, cast, svg
from walk.steady import Steady

TOP = Path(__file__).parents[2]
PICTURES = sorted((TOP / "docs" / "pictures").iterdir())
needs_tmux = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is missing: apt-get install tmux")


@needs_tmux
def test_a_person_walks_from_the_empty_list_to_the_exit() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "walk", "--short"], cwd=TOP, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "walked at 80x24 in en" in done.stdout


@needs_tmux
def test_a_step_that_fails_is_told_with_the_screen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def lost(walker: steps.Walker) -> None:
        walker.see("shop$")
        walker.type("echo $((40 + 2))")
        walker.see("42")

    monkeypatch.setattr(terminal, "SECONDS", 0.3)
    monkeypatch.setattr("walk.__main__.STEPS", [steps.Step("counts", lost, short=True)])
    assert walk((80, 24), "en") is None
    told = capsys.readouterr().out
    assert "shop$ echo $((40 + 2))\n" in told
    assert "step 1 failed: counts\nmissed: '42'" in told


def test_without_tmux_one_line_names_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SystemExit, match=r"^tmux is missing: apt-get install tmux$"):
        terminal.require_tmux()


CAPTURED = "\x1b[1;38;2;255;0;16m! bad\x1b[0m <&> \x1b[44m\N{ROCKET}\x1b[39m x\x1b[m\nplain"


def test_cells_have_the_colours_of_the_terminal() -> None:
    first, second = rows_of(CAPTURED, 16)
    assert first[0].look == Look(fore="#ff0010", bold=True)
    assert [cell.text for cell in first[10:14]] == ["\N{ROCKET}", "", " ", "x"]
    assert first[10].look == Look(back="#5f8fc6")
    assert "".join(cell.text for cell in second) == "plain".ljust(16)


def film() -> list[Frame]:
    def frame(text: str) -> tuple[Row, ...]:
        return tuple(rows_of(f"{text}\n{CAPTURED}", 20))

    return [Frame("one", "n", frame("first"), 1.5), Frame("two", "q", frame("second"), 0.5)]


def test_a_film_moves_without_a_script_and_draws_a_row_once() -> None:
    picture = svg(film(), caption=True)
    ElementTree.fromstring(picture)
    assert "<script" not in picture
    assert picture.count("<g id=") == 4  # the two rows below are in both frames
    assert "75.000%{transform:translateY(-78px)}" in picture
    assert "animation:film 2s step-end infinite" in picture


def test_a_cast_shows_each_frame_at_its_time() -> None:
    head, *events = map(json.loads, cast(film(), "obmen").splitlines())
    assert (head["version"], head["width"], head["height"]) == (2, 20, 3)
    screen = pyte.Screen(20, 3)
    stream = pyte.Stream(screen)
    seen = []
    for at, _kind, written in events:
        stream.feed(written)
        seen.append((at, screen.display[0].rstrip(), screen.display[2].rstrip()))
    assert seen == [(0.0, "first", "plain"), (1.5, "second", "plain"), (2.0, "second", "plain")]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (" 23:59:58 [Request 0badcafe] Import launched", " 09:30:00 [Request 9e3779b1] Import launched"),
        (" /tmp/1c-ab_9xyzw/obmen  1 of 2", " /srv/1c-exchange/obmen  1 of 2"),
        (" done in 12.7 s   7 of 9", " done in 0.8 s    7 of 9"),
        ("  7  Каталог   28.11 01:24     2,4 с", "  7  Каталог   14.03 09:30     0,8 с"),
        (" 6 033 records, 7 records/s  █         ", " 6 033 records, 20 000 records/s  ▃▅▇█"),
        (" goods_1_1_872a8dd1-f81c-4771.xml:12", " goods_1_1_872a8dd1-f81c-4771.xml:12"),
    ],
)
def test_what_differs_from_day_to_day_is_replaced(line: str, shown: str) -> None:
    (row,) = Steady("somebody").rows(rows_of(line, len(line)))
    assert "".join(cell.text for cell in row).rstrip() == shown[: len(line)].rstrip()


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_pictures_are_small_and_tell_nothing_of_the_machine_that_made_them(picture: Path) -> None:
    text = picture.read_text(encoding="utf-8")
    assert len(text.encode()) < 300_000
    assert "/tmp/" not in text
    assert "/srv/1c-exchange" in text or picture.name.startswith(("rejects", "summary"))


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_guide_names_every_key_of_every_screen(language: str) -> None:
    page = runpy.run_path(str(TOP / "docs" / "keys.py"))
    guide = page["GUIDES"][language].read_text(encoding="utf-8")
    assert guide == page["rewritten"](guide, language), "run: make walk"
    assert set(PLACES) == {place for key in TABLE for place in key.places}
    for key in TABLE:
        for one in key.keys.split(","):
            assert f"`{shown(one)}`" in guide.replace("`пробел`", "`space`"), key.id
