"""Keys take turns: each one is looked at when all that the one before it does has been done.

Textual gives a key at once to what has the focus now. Behind `f`, which opens the filter, keys of a paste or of a slow
line that come in one burst would so still go to the table, and delete or launch what they were never meant for.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from textual import events
from textual.app import App
from textual.message import Message

LOST_SECONDS = 0.5
"""A widget that goes away may take with it what was sent behind its key: so long that is waited for."""


class TurnEnds(Message):
    """Comes up to the app through the same queues as the key that it was sent behind."""

    def __init__(self, turn: int) -> None:
        super().__init__()
        self.turn = turn


class TurnsApp(App[int], inherit_bindings=False):
    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._waiting: deque[events.Key | events.Paste] = deque()
        self._turn = 0
        """How many keys have had theirs."""
        self._lost: asyncio.TimerHandle | None = None
        """While it is the turn of one."""

    async def on_event(self, event: events.Event) -> None:
        if not isinstance(event, (events.Key, events.Paste)) or event.is_forwarded:
            await super().on_event(event)
        elif self._lost:
            self._waiting.append(event)
        else:
            await self._take(event)

    async def _take(self, event: events.Key | events.Paste) -> None:
        self._turn = turn = self._turn + 1
        self._lost = asyncio.get_running_loop().call_later(
            LOST_SECONDS, self.call_later, self._end_behind_screen, turn
        )
        target = self.focused or (self.screen if self.screen_stack else None)
        await super().on_event(event)
        if not (event.is_forwarded and target and target.post_message(TurnEnds(turn))):
            self.call_later(self._end_behind_screen, turn)

    def on_turn_ends(self, event: TurnEnds) -> None:
        """What asks for the focus has sent its messages by now."""
        self.call_later(self._end_behind_screen, event.turn)

    def _end_behind_screen(self, turn: int) -> None:
        """A screen that came to the front may have to be made, and to look for its focus."""
        if not (self.screen_stack and self.screen.call_later(self.call_later, self._end, turn)):
            self.call_later(self._end, turn)

    async def _end(self, turn: int) -> None:
        if turn == self._turn and self._lost:
            self._lost.cancel()
            self._lost = None
            if self._waiting:
                await self._take(self._waiting.popleft())
