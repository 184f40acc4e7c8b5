"""sessions, show, attempts, logs, rejects."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

import click
import msgspec

from importers import texts
from importers.cli.arguments import KIND, SHOP, STATUS, SessionId, Whole
from importers.cli.group import as_json, cli, option, pass_settings
from importers.cli.running import follow_session, require_kind, require_shop, run
from importers.cli.shown import print_attempts, print_session, print_sessions
from importers.errors import UsageError
from importers.output import (
    REJECT_COLUMNS,
    attempt_json,
    log_line,
    print_csv,
    print_json,
    print_line,
    print_table,
    reject_row,
    session_json,
)
from importers.texts import N_, _
from importers.words import LOG_NOT_KEPT, NOT_KEPT

if TYPE_CHECKING:
    from importers.control import Control
    from importers.settings import Settings


@cli.command(help=N_("List the sessions, newest first."))
@option("--status", type=STATUS, metavar="STATUS", help=N_("Only sessions with this status."))
@option("--kind", type=KIND, metavar="KIND", help=N_("Only sessions with this import type."))
@option("--shop", type=SHOP, metavar="NAME", help=N_("Only sessions of this shop."))
@option("--limit", type=Whole(min=1), metavar="N", default=50, help=N_("How many at most."))
@as_json
@pass_settings
def sessions(
    config: Settings, status: str | None, kind: str | None, shop: str | None, limit: int, as_json: bool
) -> None:
    from importers.sessions import SessionFilter, Status

    if status is not None and status not in set(Status):
        raise UsageError(
            N_("{status}: no such status; there are: {names}"), status=status, names=", ".join(Status)
        )

    wanted = SessionFilter(
        frozenset() if status is None else frozenset((Status(status),)),
        frozenset() if kind is None else frozenset((kind,)),
        shop=shop,
    )

    async def show(control: Control) -> int:
        found = await control.journal.sessions(wanted, limit)
        if kind is not None and not found:
            await require_kind(control.journal, kind)
        if shop is not None and not found:
            await require_shop(control, shop)
        if as_json:
            print_json([session_json(session) for session in found])
        else:
            print_sessions(config, found)
        return 0

    run(config, show)


@cli.command(help=N_("Show one session: its state, counts per import type, and error."))
@click.argument("session_id", metavar="ID", type=SessionId())
@as_json
@pass_settings
def show(config: Settings, session_id: int, as_json: bool) -> None:
    from importers.sessions.details import Gains

    async def show(control: Control) -> int:
        session = await control.journal.session(session_id)
        if as_json:
            print_json(session_json(session))
        else:
            attempts = await control.journal.attempts(request_id=session.request_id, limit=1)
            gains = await control.journal.detail(session_id, Gains)
            kept = bool(await control.journal.reasons(session_id))
            print_session(config, session, next(iter(attempts), None), gains, rejects_kept=kept)
        return 0

    run(config, show)


@cli.command(help=N_("List the attempts to launch: every confirm, whatever came of it."))
@option("--request", "request_id", help=N_("Only the attempt with this request id."))
@option("--kind", type=KIND, metavar="KIND", help=N_("Only attempts with this import type."))
@option("--operator", help=N_("Only attempts of this operator."))
@option("--shop", type=SHOP, metavar="NAME", help=N_("Only attempts on this shop."))
@option("--limit", type=Whole(min=1), metavar="N", default=50, help=N_("How many at most."))
@as_json
@pass_settings
def attempts(
    config: Settings,
    request_id: str | None,
    kind: str | None,
    operator: str | None,
    shop: str | None,
    limit: int,
    as_json: bool,
) -> None:
    async def show(control: Control) -> int:
        found = await control.journal.attempts(
            request_id=request_id, kind=kind, operator=operator, shop=shop, limit=limit
        )
        if kind is not None and not found:
            await require_kind(control.journal, kind)
        if shop is not None and not found:
            await require_shop(control, shop)
        if as_json:
            print_json([attempt_json(attempt) for attempt in found])
        else:
            print_attempts(config, found)
        return 0

    run(config, show)


@cli.command(help=N_("Print the log of a session."))
@click.argument("session_id", metavar="ID", type=SessionId())
@option("-f", "--follow", is_flag=True, help=N_("Go on until the session ends."))
@as_json
@pass_settings
def logs(config: Settings, session_id: int, follow: bool, as_json: bool) -> None:
    async def show(control: Control) -> int:
        session = await control.journal.session(session_id)
        if follow:
            await follow_session(control, session_id, err=as_json, plain=False)
        lines = (
            [line async for line in _pages(control.journal.events, session_id)]
            if as_json or not follow
            else []
        )
        if as_json:
            print_json(
                [
                    {**msgspec.to_builtins(line), "text": texts.render(line.message, line.args)}
                    for line in lines
                ]
            )
        else:
            for line in lines:
                print_line(log_line(line))
        if session.status.final and not await control.journal.events(session_id, limit=1):
            print_line(_(LOG_NOT_KEPT), err=True)
        return 0

    run(config, show)


@cli.command(help=N_("List the records that a session did not take, with file, line and reason."))
@click.argument("session_id", metavar="ID", type=SessionId())
@option("--csv", "as_csv", is_flag=True, help=N_("Print CSV."))
@as_json
@pass_settings
def rejects(config: Settings, session_id: int, as_csv: bool, as_json: bool) -> None:
    async def show(control: Control) -> int:
        session = await control.journal.session(session_id)
        found = [reject async for reject in _pages(control.journal.rejects, session_id)]
        rows = [reject_row(reject) for reject in found]
        are_gone = session.status.final and session.counts.rejected > 0 and not found
        if are_gone:
            print_line(_(NOT_KEPT), err=True)
        if as_json:
            print_json([dict(zip(REJECT_COLUMNS, row, strict=True)) for row in rows])
        elif as_csv:
            print_csv(REJECT_COLUMNS, rows)
        elif not are_gone:
            head = (_("Type"), _("File"), _("Line"), _("ID"), _("Reason"))
            print_table(head, ((_(kind), *rest) for kind, *rest, _fragment in rows), _("No rejects"))
        return 0

    run(config, show)


async def _pages(page: Callable[..., Awaitable[Sequence[Any]]], session_id: int) -> AsyncIterator[Any]:
    last = 0
    while rows := await page(session_id, after=last):
        for row in rows:
            yield row
        last = rows[-1].id
