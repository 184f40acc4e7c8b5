"""import and retry."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from importers import texts
from importers.apart import require_apart
from importers.cli.group import Seconds, SourcePath, as_json, cli, option, pass_settings
from importers.cli.running import EXIT_FAILED, EXIT_REFUSED, follow_session, next_change, no_such_kind, run
from importers.errors import ObmenError, SourceError
from importers.output import go_on, print_json, print_summary, say, session_json
from importers.texts import N_, _

if TYPE_CHECKING:
    from importers.launch import LaunchRequest, LaunchResult
    from importers.sessions import Journal
    from importers.settings import Settings


@cli.command("import", help=N_("Import KINDs from the source and follow the session to its end."))
@click.argument("kinds", metavar="KIND…", nargs=-1, required=True)
@option(
    "--source",
    type=SourcePath(path_type=Path, readable=False),
    help=N_("Folder or .zip written by 1C, instead of the setting."),
)
@option("--dry-run", is_flag=True, help=N_("Do everything but the commit and report what would change."))
@option("--force", is_flag=True, help=N_("Go past the limits on rejects and removals."))
@option("--strict", is_flag=True, help=N_("Fail unless the export has something of every KIND."))
@option("--detach", is_flag=True, help=N_("Launch only, do not follow the session."))
@option(
    "--wait",
    type=Seconds(min=0),
    metavar="SECONDS",
    help=N_("While another import runs, wait for its end."),
)
@as_json
@pass_settings
def import_(
    config: Settings,
    kinds: tuple[str, ...],
    source: Path | None,
    dry_run: bool,
    force: bool,
    strict: bool,
    detach: bool,
    wait: float | None,
    as_json: bool,
) -> None:
    from importers.events import Options
    from importers.kinds.registry import is_known
    from importers.launch import LaunchRequest, new_key

    go_on()
    for kind in kinds:
        if not is_known(kind):
            raise no_such_kind(kind)
    path = _source_path(config, source)
    request = LaunchRequest(
        kinds=tuple(dict.fromkeys(kinds)),
        source=path,
        idempotency_key=new_key(),
        options=Options(dry_run=dry_run, force=force, strict=strict),
    )
    run(config, lambda journal: _import(config, journal, request, detach, wait, as_json))


def _source_path(config: Settings, source: Path | None) -> str:
    """What `--source` names, else the settings. Raises SourceError, SettingsError."""
    try:
        path = str((source or Path(config.source.path)).expanduser().absolute())
    except RuntimeError as error:
        raise SourceError(N_("{path}: there is no such account"), path=source) from error
    if not texts.is_text(path):
        raise SourceError(N_("{path}: the name is not in UTF-8; rename it"), path=path)
    replace = msgspec.structs.replace
    require_apart(replace(config, source=replace(config.source, path=path)))
    return path


async def _import(
    config: Settings,
    journal: Journal,
    request: LaunchRequest,
    detach: bool,
    wait: float | None,
    as_json: bool,
) -> int:
    from importers.sessions import Outcome, Status

    result = await _launch(config, journal, request, wait)
    if result.session is None:
        if as_json:
            print_json({"outcome": result.outcome, "request_id": result.request_id, "error": _reason(result)})
        say(f"[Request {result.request_id}] {_reason(result)}", err=True)
        return EXIT_REFUSED if result.outcome is Outcome.REFUSED else _error_code(request.source)
    session = result.session
    if result.outcome is not Outcome.CREATED:
        say(f"[Request {result.request_id}] {_reason(result)}", err=True)
        if as_json:
            print_json({**session_json(session), "outcome": result.outcome})
        else:
            say(str(session.id))
        return EXIT_REFUSED
    if detach:
        if not as_json:
            say(_("Session {id} was launched; follow it with: obmen logs -f {id}").format(id=session.id))
    else:
        session = await follow_session(config, journal, session.id, err=as_json)
        if not as_json:
            print_summary(session)
    if as_json:
        print_json({**session_json(session), "outcome": result.outcome})
    return 0 if detach or session.status is Status.COMPLETED else EXIT_FAILED


def _reason(result: LaunchResult) -> str:
    return texts.plain(texts.render(result.reason or result.outcome, result.reason_args))


def _error_code(source: str) -> int:
    """2 when the source itself is to blame, else 1."""
    from importers.commerceml import open_export

    try:
        open_export(source)
    except SourceError as error:
        return error.exit_code
    return EXIT_FAILED


async def _launch(
    config: Settings, journal: Journal, request: LaunchRequest, wait: float | None
) -> LaunchResult:
    """Launch, with `wait` once no import of the target runs; whoever was faster than us is waited for, too."""
    from importers.launch import launch, new_key, target_of
    from importers.sessions import Outcome

    loop = asyncio.get_running_loop()
    end = loop.time() + (wait or 0)
    watch = journal.watch()
    while True:
        while loop.time() < end and await journal.active(target_of(config)):
            await next_change(config, journal, watch, end)
        result = await launch(request, config, journal)
        running = result.outcome is Outcome.JOINED and result.session and not result.session.status.final
        if not running or loop.time() >= end:
            return result
        request = msgspec.structs.replace(request, idempotency_key=new_key())


@cli.command(help=N_("Launch once more what a finished session imported."))
@click.argument("session_id", metavar="ID", type=int)
@option("--detach", is_flag=True, help=N_("Launch only, do not follow the session."))
@as_json
@pass_settings
def retry(config: Settings, session_id: int, detach: bool, as_json: bool) -> None:
    from importers.launch import retry_request

    go_on()

    async def again(journal: Journal) -> int:
        session = await journal.session(session_id)
        if not session.status.final:
            raise ObmenError(N_("Session {id} has not ended yet; wait for it or cancel it"), id=session_id)
        return await _import(config, journal, retry_request(session), detach, None, as_json)

    run(config, again)
