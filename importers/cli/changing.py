"""cancel, delete, worker."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from importers import words
from importers.cli.arguments import SessionId, Whole
from importers.cli.group import as_json, cli, option, pass_settings
from importers.cli.running import EXIT_FAILED, leave, run
from importers.errors import UnknownSession
from importers.output import go_on, print_json, print_line, session_json
from importers.texts import N_, _

if TYPE_CHECKING:
    from importers.control import Control
    from importers.settings import Settings


@cli.command(help=N_("Cancel a session; the catalog stays as it was."))
@click.argument("session_id", metavar="ID", type=SessionId(ended=False))
@as_json
@pass_settings
def cancel(config: Settings, session_id: int, as_json: bool) -> None:

    go_on()

    async def ask(control: Control) -> int:
        before = await control.journal.session(session_id)
        session = await control.cancel(session_id)
        if as_json:
            print_json(session_json(session))
        elif before.status.final:
            print_line(
                _("Session {id} had already ended: {status}").format(
                    id=session_id, status=words.status(session.status)
                ),
                err=True,
            )
        else:
            print_line(_("Session {id}: {status}").format(id=session_id, status=words.status(session.status)))
        return EXIT_FAILED if before.status.final else 0

    run(config, ask)


@cli.command(help=N_("Delete finished sessions with their logs and rejects; attempts stay."))
@click.argument("session_ids", metavar="ID…", type=SessionId(ended=True), nargs=-1, required=True)
@pass_settings
def delete(config: Settings, session_ids: tuple[int, ...]) -> None:
    go_on()

    async def remove(control: Control) -> int:
        deleted = await control.delete(session_ids)
        for session_id in deleted:
            print_line(_("Session {id} was deleted").format(id=session_id))
        left = sorted(set(session_ids) - set(deleted))
        for session_id in left:
            try:
                await control.journal.session(session_id)
            except UnknownSession as error:
                why = str(error)
            else:
                why = _("Session {id} has not ended yet; wait for it or cancel it").format(id=session_id)
            print_line(_("Error: {message}").format(message=why), err=True)
        return EXIT_FAILED if left else 0

    run(config, remove)


@cli.command(help=N_("Run a Celery worker for this project's queues, until SIGTERM or Ctrl+C."))
@option("--concurrency", type=Whole(1, 64), metavar="N", default=1, help=N_("So many sessions at a time."))
@pass_settings
def worker(config: Settings, concurrency: int) -> None:
    from importers.worker.celery_dispatch import require_usable

    asyncio.run(require_usable(config))
    from importers.worker.celery_worker import run_worker

    leave(run_worker(config, concurrency))
