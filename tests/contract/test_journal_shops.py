"""The contract of the journal (`Journal`): whose sessions and attempts they are."""

from __future__ import annotations

import msgspec
from support.engine_stage import Stage

from importers.launch import launch
from importers.sessions import SessionFilter, Status


async def test_sessions_and_attempts_by_shop(stage: Stage) -> None:
    """The name is kept as it was told; it decides nothing."""
    request = stage.request()
    for shop in ("main", "big-outlet"):
        target = msgspec.structs.replace(
            request.target, name=shop, catalog=f"{request.target.catalog}.{shop}"
        )
        for_shop = msgspec.structs.replace(request, target=target, idempotency_key=shop)
        result = await launch(for_shop, stage.settings, stage.journal, dispatcher=stage.dispatcher)
        assert result.session
        assert result.session.shop == shop
    journal = stage.journal
    assert [session.id for session in await journal.sessions(SessionFilter(shop="big-outlet"))] == [2]
    assert [
        session.id
        for session in await journal.sessions(SessionFilter(frozenset((Status.STARTED,)), shop="main"))
    ] == [1]
    assert await journal.sessions(SessionFilter(shop="outlet")) == []
    assert [attempt.session_id for attempt in await journal.attempts(shop="main")] == [1]
    assert [attempt.shop for attempt in await journal.attempts()] == ["big-outlet", "main"]
    assert {active.session.id for active in await journal.active_sessions()} == {1, 2}
    (first,) = await journal.active_sessions((await journal.session(1)).target)
    assert first.session.id == 1
