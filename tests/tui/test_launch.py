"""One confirm, one session: the dialog by its keys, over the real engine and real worker processes."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from launch_stage import CATALOG, CUSTOMERS, PRICES, STOCKS, Gate, Room
from textual.widgets import Button
from tui_stage import settled

from importers import control
from importers.launch import LaunchResult
from importers.sessions import Outcome, Status
from tui.app import ObmenApp
from tui.widgets.choices import Choices


async def test_a_launch_by_keys_runs_to_its_end_and_its_log_streams(room: Any) -> None:
    async with room() as stage:
        session = await stage.launched(CATALOG)
        assert session.status is Status.COMPLETED, session.error
        assert session.kinds == ("catalog",)
        assert session.counts.created > 0
        assert stage.main.session.id == session.id
        stage.main.log_view.action_top()
        log = stage.log()
        assert f"[Request {session.request_id}] Import launch attempt: ['catalog']" in " ".join(log)
        assert f"Session ID: {session.id}, Task ID: {session.task_id}" in " ".join(log)
        (attempt,) = await stage.attempts()
        assert (attempt.outcome, attempt.session_id) == (Outcome.CREATED, session.id)
        assert "Import launched" in stage.said()


async def test_the_first_chosen_type_is_the_sessions_type(room: Any) -> None:
    async with room() as stage:
        await stage.open_dialog(CATALOG, PRICES, CUSTOMERS)
        await stage.press("home", "space")  # without the catalog, prices cannot stay
        assert stage.dialog.query_one(Choices).chosen == ("customers",)
        await stage.press("space", "down", "down", "down", "down", "space")
        assert stage.dialog.query_one(Choices).chosen == ("customers", "catalog", "prices")
        assert "Customers" in stage.status
        await stage.press("enter")
        session = await stage.ended()
        assert session.type == "customers"
        assert session.kinds == ("customers", "catalog", "prices")
        assert session.status is Status.COMPLETED, session.error


@pytest.mark.parametrize(
    "presses",
    [
        pytest.param(lambda stage: stage.press("enter", "enter"), id="double Enter"),
        pytest.param(lambda stage: stage.press(*["enter"] * 40), id="Enter held down"),
        pytest.param(lambda stage: click_and_enter(stage), id="click and Enter"),
        pytest.param(lambda stage: double_click(stage), id="double click"),
    ],
)
async def test_more_presses_are_ignored_and_said_so(room: Any, gate: Gate, presses: Any) -> None:
    async with room() as stage:
        await stage.open_dialog(CATALOG)
        await presses(stage)
        await stage.pilot.pause()
        assert stage.dialog.query_one("#confirm", Button).disabled
        assert len(gate.calls) == 1
        if "ignored" not in stage.status:
            assert stage.status == "Launching…"  # a disabled button takes no second click at all
        gate.open.set()
        await settled(stage.pilot)
        await stage.ended()
        assert len(await stage.sessions()) == 1
        assert len(await stage.attempts()) == 1


async def click_and_enter(stage: Room) -> None:
    await stage.pilot.click("#confirm")
    await stage.press("enter")


async def double_click(stage: Room) -> None:
    await stage.pilot.click("#confirm", times=2)


async def test_the_confirm_is_disabled_before_anything_is_awaited(room: Any, gate: Gate) -> None:
    async with room() as stage:
        await stage.open_dialog(CATALOG)
        dialog = stage.dialog
        for _ in range(3):  # as in one burst of keys, without the event loop between
            dialog.action_confirm()
        assert dialog.query_one("#confirm", Button).disabled
        assert "2 more presses were ignored" in str(dialog.query_one("#status").render())
        gate.open.set()
        await settled(stage.pilot)
        assert len(gate.calls) == 1
        assert len(await stage.sessions()) == 1


@pytest.mark.parametrize(("at_once", "painted"), [(60.0, False), (0.1, True)])
async def test_nothing_is_painted_until_an_answer_that_comes_at_once(
    room: Any, gate: Gate, monkeypatch: pytest.MonkeyPatch, at_once: float, *, painted: bool
) -> None:
    monkeypatch.setattr("tui.screens.launch.AT_ONCE_SECONDS", at_once)
    async with room() as stage:
        await stage.open_dialog(CATALOG)
        frame = next_frame(monkeypatch)
        await stage.press("enter")
        assert await comes(frame, 5 if painted else 0.2) is painted
        assert stage.status == "Launching…"
        frame.clear()
        gate.open.set()
        assert await comes(frame, 5)
        await stage.ended()
        assert not stage.is_open


async def test_what_is_on_the_screen_is_painted_when_the_dialog_is_left_before_the_answer(
    room: Any, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.screens.launch.AT_ONCE_SECONDS", 60.0)
    async with room() as stage:
        await stage.open_dialog(CATALOG)
        await stage.press("enter")
        frame = next_frame(monkeypatch)
        await stage.press("escape")
        assert await comes(frame, 5)
        assert not stage.is_open
        gate.open.set()
        await stage.ended()


def next_frame(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set by each frame that is painted from now on."""
    frame = asyncio.Event()
    display = ObmenApp._display

    def noted(app: ObmenApp, screen: Any, update: Any) -> None:
        if update is not None and not app._batch_count:
            frame.set()
        display(app, screen, update)

    monkeypatch.setattr(ObmenApp, "_display", noted)
    return frame


async def comes(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False


async def test_escape_during_the_launch_does_not_stop_it(room: Any, gate: Gate) -> None:
    async with room() as stage:
        await stage.open_dialog(CATALOG)
        await stage.press("enter", "escape")
        await stage.pilot.pause()
        assert not stage.is_open
        assert await stage.sessions() == []
        gate.open.set()
        await settled(stage.pilot)
        session = await stage.ended()
        assert session.status is Status.COMPLETED, session.error
        assert stage.main.session.id == session.id
        assert len(await stage.attempts()) == 1


async def test_reopening_within_five_seconds_joins_and_warns(room: Any) -> None:
    async with room() as stage:
        first = await stage.launched(CATALOG)
        await stage.press("down")
        await stage.launched(CATALOG)
        assert [row.id for row in await stage.sessions()] == [first.id]
        outcomes = [attempt.outcome for attempt in await stage.attempts()]
        assert outcomes == [Outcome.JOINED, Outcome.CREATED]
        assert "⚠️ An import was already launched recently" in stage.said()
        assert f"Session {first.id}" in stage.said()
        assert stage.main.session.id == first.id


async def test_every_opened_dialog_has_a_key_of_its_own(room: Any, gate: Gate) -> None:
    async with room() as stage:
        gate.open.set()
        for _ in range(2):
            await stage.launched(CATALOG)
        assert len({request.idempotency_key for request in gate.calls}) == 2


@pytest.mark.parametrize(
    "marks", [0, pytest.param(1, marks=pytest.mark.chaos), pytest.param(3, marks=pytest.mark.chaos)]
)
async def test_rows_of_the_table_never_change_a_launch(room: Any, gate: Gate, marks: int) -> None:
    """None, one or many marked: one session, of the first chosen type (docs/guarantees.md, "The founding report")."""
    async with room() as stage:
        gate.open.set()
        for kinds in ((CATALOG,), (STOCKS,), (CUSTOMERS,)):
            await stage.launched(*kinds)
        before = await stage.sessions()
        assert len(before) == 3
        await stage.press("home", *["space"] * marks)
        assert len(stage.main.table.marks) == marks
        session = await stage.launched(PRICES, STOCKS)
        assert len(await stage.sessions()) == 4
        assert session.type == "prices"
        assert session.kinds == ("prices", "stocks")
        assert gate.calls[-1].kinds == ("prices", "stocks")


async def test_the_key_is_minted_when_the_dialog_opens(room: Any, gate: Gate) -> None:
    async with room() as stage:
        await stage.press("n")
        key = stage.dialog._key
        await settled(stage.pilot)
        await stage.press("space", "enter")
        assert [request.idempotency_key for request in gate.calls] == [key]
        gate.open.set()
        await settled(stage.pilot)


async def test_a_launch_without_the_lock_says_so(room: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    launch = control.launch

    async def unlocked(*args: Any, **named: Any) -> LaunchResult:
        return msgspec.structs.replace(await launch(*args, **named), lock="unavailable")

    monkeypatch.setattr(control, "launch", unlocked)
    async with room() as stage:
        await stage.launched(CATALOG)
        assert "Redis" in stage.said()


async def test_a_launch_elsewhere_shows_up_with_its_log(room: Any, obmen: Any) -> None:
    async with room() as stage:
        process = await asyncio.to_thread(obmen.json, "import", "catalog")
        session = await stage.ended()
        assert session.id == process["id"]
        stage.main.log_view.action_follow()
        assert "Completed" in " ".join(stage.log())


async def test_a_launch_that_fails_is_told_and_leaves_the_screen_usable(
    room: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_args: Any, **_named: Any) -> LaunchResult:
        raise RuntimeError("boom")

    monkeypatch.setattr(control, "launch", broken)
    async with room() as stage:
        await stage.open_dialog(CATALOG)
        await stage.press("enter")
        await settled(stage.pilot)
        assert not stage.is_open
        assert "boom" in stage.said()


async def test_quitting_right_after_the_confirm_still_launches(obmen: Any, gate: Gate) -> None:
    app = ObmenApp(obmen.settings)
    async with app.run_test() as pilot:
        await settled(pilot)
        stage = Room(app, pilot)
        await stage.open_dialog(CATALOG)
        await stage.press("enter", "escape")
        asyncio.get_running_loop().call_later(0.3, gate.open.set)
        await stage.press("q")
    (session,) = await asyncio.to_thread(obmen.json, "sessions")
    assert session["type"] == "catalog"
    await asyncio.to_thread(obmen.run, "logs", "1", "-f")  # no worker outlives its test


async def test_a_palette_above_the_dialog_does_not_keep_it_open(room: Any, gate: Gate) -> None:
    async with room() as stage:
        await stage.open_dialog(CATALOG)
        await stage.press("enter", "ctrl+p")
        await stage.pilot.pause()
        gate.open.set()
        await settled(stage.pilot)
        await stage.press("escape", "escape")
        await settled(stage.pilot)
        assert stage.app.screen is stage.main
        await stage.ended()


async def test_a_retry_of_another_shops_session_is_refused(room: Any) -> None:
    """One journal for two shops: the control room of one must not put the other's export into its own catalog."""
    async with room() as stage:
        session = await stage.launched(CUSTOMERS)
        settings = stage.app.room.settings
        stage.app.room.settings = msgspec.structs.replace(
            settings, catalog=msgspec.structs.replace(settings.catalog, url=settings.catalog.url + ".other")
        )
        stage.app.room.retry(session.id)
        await settled(stage.pilot)
        assert "Nothing was launched: refused" in stage.said()
        assert (
            f"imported into {session.target}, these settings import into {session.target}.other"
            in stage.said()
        )
        assert [found.id for found in await stage.sessions()] == [session.id]
        assert [attempt.outcome for attempt in await stage.attempts()] == [Outcome.REFUSED, Outcome.CREATED]
