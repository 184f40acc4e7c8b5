"""What commands run in: the journal, after dead workers' sessions were ended, and following a session."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, NoReturn

import click

from importers.errors import ObmenError, UsageError
from importers.output import print_line
from importers.texts import N_, _

if TYPE_CHECKING:
    from importers.cli.progress import Teller
    from importers.control import Control
    from importers.sessions import Journal, Session
    from importers.settings import Settings


EXIT_FAILED, EXIT_INTERRUPTED = 1, 130
PATIENCE_SECONDS = 30.0


@asynccontextmanager
async def control_of(config: Settings) -> AsyncIterator[Control]:
    """Of the journal, after dead workers' sessions were ended."""
    from importers.control import Control
    from importers.sessions import open_journal
    from importers.worker.reaper import reap

    journal = await open_journal(config.journal.url, read_only=config.read_only)
    try:
        if not config.read_only:
            await reap(journal, config)
        yield Control(config, journal)
    finally:
        await journal.close()


def run(config: Settings, command: Callable[[Control], Awaitable[int]]) -> NoReturn:
    async def run() -> int:
        async with control_of(config) as control:
            return await command(control)

    leave(asyncio.run(run()))


def leave(code: int) -> NoReturn:
    click.get_current_context().exit(code)


class Patience:
    """Says once what keeps a dead worker's session from being ended, a full disk for instance; then gives up on it."""

    def __init__(self, say: Callable[[object], None]) -> None:
        self._say = say
        self._since: float | None = None

    def __call__(self, error: ObmenError) -> None:
        now = time.monotonic()
        if self._since is None:
            self._since = now
            self._say(error)
        elif now - self._since > PATIENCE_SECONDS:
            raise error


async def follow_session(control: Control, session_id: int, *, err: bool, plain: bool = True) -> Session:
    """Print the session's log lines as they are written, and how far it is, until it ends. `plain`: the latter even
    where no terminal shows it."""
    from importers.cli.progress import Teller

    teller = Teller(err=err, plain=plain)
    ticking = asyncio.create_task(_tick(control, session_id, teller))
    try:
        return await control.follow(session_id, teller.log, trouble=Patience(teller.say), waiting=teller.say)
    except asyncio.CancelledError:
        teller.live.clear(typed=True)
        print_line(
            _("The import goes on. Follow: obmen logs -f {id}  Cancel: obmen cancel {id}").format(
                id=session_id
            ),
            err=err,
        )
        raise
    finally:
        ticking.cancel()
        with suppress(asyncio.CancelledError):
            await ticking
        teller.live.clear()


async def _tick(control: Control, session_id: int, teller: Teller) -> None:
    from importers.cli.progress import Course

    course = Course(control.journal, session_id)
    while True:
        await asyncio.sleep(teller.live.seconds)
        with suppress(ObmenError):  # who follows is told of it
            teller.show(await course.standing())


def no_such_kind(kind: str) -> UsageError:
    from importers.kinds.registry import names

    return UsageError(
        N_("{kind}: no such import type; there are: {names}"), kind=kind, names=", ".join(names())
    )


async def require_kind(journal: Journal, kind: str) -> None:
    """Raises UsageError for one that is known neither here nor to the journal, which may be older than a plug-in that
    was taken away."""
    from importers.kinds.registry import is_known
    from importers.sessions import SessionFilter

    if not (
        is_known(kind)
        or await journal.sessions(SessionFilter(kinds=frozenset((kind,))), 1)
        or await journal.attempts(kind=kind, limit=1)
    ):
        raise no_such_kind(kind)


async def require_shop(control: Control, shop: str) -> None:
    """Raises UsageError as `require_kind`: the settings of earlier sessions may have had other shops."""
    from importers.sessions import SessionFilter
    from importers.targets import target_of

    journal = control.journal
    if not (
        await journal.sessions(SessionFilter(shop=shop), 1) or await journal.attempts(shop=shop, limit=1)
    ):
        target_of(control.settings, shop)
