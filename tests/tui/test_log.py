"""The log widget: any length in bounded memory, in order, without a line lost, painted when something is new."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from importers.sessions.models import LogLine
from tui.widgets.log import LogView
from tui.widgets.log_lines import BLOCK, BLOCKS_KEPT, Lines, wrap


class Source:
    """A growing log whose ids have gaps, as when other sessions write between."""

    def __init__(self, count: int = 0) -> None:
        self.lines: list[LogLine] = []
        self.asked = self.loaded = 0
        """How often, and how many lines came of it."""
        self.add(count)

    def add(self, count: int, level: str = "info") -> None:
        for _ in range(count):
            number = len(self.lines)
            self.lines.append(
                LogLine(number * 3 + 1, 1, "2026-03-14T09:00:00Z", "log", level, "line {n}", {"n": number})
            )

    async def load(self, after: int, limit: int) -> Sequence[LogLine]:
        self.asked += 1
        found = self._behind(after, limit)
        self.loaded += len(found)
        return found

    async def skip(self, after: int, count: int) -> int | None:
        found = self._behind(after, count)
        return found[-1].id if len(found) == count else None

    def _behind(self, after: int, limit: int) -> Sequence[LogLine]:
        first = max(0, (after + 1) // 3 if after else 0)
        while first < len(self.lines) and self.lines[first].id <= after:
            first += 1
        return self.lines[first : first + limit]


async def grown(source: Source) -> Lines:
    lines = Lines(source)
    while await lines.grow():
        pass
    return lines


@pytest.mark.parametrize("count", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 20 * BLOCK + 7])
async def test_every_line_once_in_order(count: int) -> None:
    lines = await grown(Source(count))
    assert len(lines) == count
    for number in range(count):
        if lines.line(number) is None:
            await lines.fetch(number)
        line = lines.line(number)
        assert line is not None
        assert line.args["n"] == number


async def test_memory_is_bounded() -> None:
    lines = await grown(Source(40 * BLOCK))
    assert sum(lines.line(number) is not None for number in range(len(lines))) <= BLOCKS_KEPT * BLOCK


async def test_growing_in_small_steps_equals_growing_at_once() -> None:
    source, steps = Source(), (1, 3, BLOCK - 4, 1, BLOCK, 2 * BLOCK + 1)
    lines = Lines(source)
    for step in steps:
        source.add(step)
        while await lines.grow():
            pass
    assert len(lines) == sum(steps)
    await lines.fetch(BLOCK)
    line = lines.line(BLOCK)
    assert line is not None
    assert line.args["n"] == BLOCK


class LogApp(App[None]):
    def compose(self) -> ComposeResult:
        yield LogView()

    @property
    def view(self) -> LogView:
        return self.query_one(LogView)


def shown(view: LogView) -> list[str]:
    return [view.render_line(y).text.strip() for y in range(view.size.height)]


async def opened(pilot: Pilot[None], source: Source, *, follow: bool) -> LogView:
    view = pilot.app.query_one(LogView)
    view.open(source, follow=follow, empty="nothing")
    view.focus()
    await view.update()
    await pilot.pause()
    return view


async def test_follows_the_end_until_told_otherwise() -> None:
    source = Source(100)
    async with LogApp().run_test(size=(60, 10)) as pilot:
        view = await opened(pilot, source, follow=True)
        assert shown(view)[-1] == "09:00:00+00 line 99"
        source.add(1)
        await view.update()
        assert shown(view)[-1] == "09:00:00+00 line 100"
        await pilot.press("pageup")
        assert not view.follow
        top = shown(view)[0]
        source.add(50)
        await view.update()
        assert shown(view)[0] == top
        await pilot.press("end")
        assert shown(view)[-1] == "09:00:00+00 line 150"
        assert view.position == "142-151 of 151"


@pytest.mark.parametrize("left", [0, 3, 300])
async def test_of_many_lines_at_once_those_in_view_are_loaded_and_painted_at_once(left: int) -> None:
    source, count = Source(100), 50 * BLOCK + left
    async with LogApp().run_test(size=(60, 10)) as pilot:
        view = await opened(pilot, source, follow=True)
        source.add(count - 100)
        before = source.loaded
        await view.update()
        assert shown(view) == [f"09:00:00+00 line {number}" for number in range(count - 10, count)]
        assert source.loaded - before <= 3 * BLOCK


async def test_from_the_beginning() -> None:
    async with LogApp().run_test(size=(60, 10)) as pilot:
        view = await opened(pilot, Source(100), follow=False)
        assert shown(view) == [f"09:00:00+00 line {number}" for number in range(10)]
        await pilot.press("down", "down")
        assert shown(view)[0] == "09:00:00+00 line 2"
        await pilot.press("pagedown", "pageup")
        assert shown(view)[0] == "09:00:00+00 line 2"


async def test_scrolls_through_blocks_that_left_memory() -> None:
    count = (BLOCKS_KEPT + 20) * BLOCK
    async with LogApp().run_test(size=(60, 10)) as pilot:
        view = await opened(pilot, Source(count), follow=True)
        await pilot.press("home")
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
        assert shown(view)[0] == "09:00:00+00 line 0"
        view._top = 7 * BLOCK - 5
        view.action_scroll(1)
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
        assert shown(view) == [f"09:00:00+00 line {number}" for number in range(7 * BLOCK - 4, 7 * BLOCK + 6)]


async def test_levels_are_words_and_long_lines_wrap() -> None:
    source = Source()
    source.add(1, "warning")
    source.lines.append(LogLine(99, 1, "2026-03-14T09:00:00Z", "log", "error", "word " * 20))
    async with LogApp().run_test(size=(40, 10)) as pilot:
        view = await opened(pilot, source, follow=False)
        rows = shown(view)
        assert rows[0] == "09:00:00+00 WARNING: line 0"
        assert rows[1] == "09:00:00+00 ERROR: word word word word"
        assert rows[2] == "word word word word word"


async def test_the_word_for_a_level_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source()
    source.add(30)
    source.add(1, "warning")
    async with LogApp().run_test(size=(40, 10)) as pilot:
        view = await opened(pilot, source, follow=False)
        view.search("warn")
        await pilot.app.workers.wait_for_complete()
        assert shown(view)[-1].endswith("WARNING: line 30")
        assert view._match == 30


async def test_escape_sequences_are_not_painted() -> None:
    source = Source()
    text = "bad \x1b]0;owned\x07 \u202egnp"
    source.lines.append(LogLine(1, 1, "2026-03-14T09:00:00Z", "log", "info", text))
    async with LogApp().run_test(size=(60, 5)) as pilot:
        view = await opened(pilot, source, follow=False)
        assert shown(view)[0] == "09:00:00+00 bad ?]0;owned? ?gnp".replace("?", "\N{REPLACEMENT CHARACTER}")


async def test_nothing_new_asks_once_and_paints_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source(30)
    async with LogApp().run_test(size=(60, 10)) as pilot:
        view = await opened(pilot, source, follow=True)
        source.asked = 0
        painted: list[object] = []
        monkeypatch.setattr(view, "refresh", lambda *args, **_named: painted.append(args))
        await view.update()
        assert source.asked == 1
        assert painted == []


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("", [""]),
        ("short", ["short"]),
        ("aaaa bbbb cccc", ["aaaa bbbb", "cccc"]),
        ("x" * 25, ["x" * 10, "x" * 10, "x" * 5]),
        ("日本語日本語", ["日本語日本", "語"]),
    ],
)
def test_wrap(text: str, rows: list[str]) -> None:
    assert wrap(text, 10) == rows
