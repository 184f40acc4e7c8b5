"""import and retry."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from importers import texts, words
from importers.apart import require_apart
from importers.cli import shown
from importers.cli.arguments import KIND, SHOP, Seconds, SessionId, SourcePath
from importers.cli.group import as_json, cli, option, pass_settings
from importers.cli.live import Live
from importers.cli.running import EXIT_FAILED, follow_session, no_such_kind, run
from importers.cli.shown import print_counts
from importers.errors import SourceError
from importers.output import go_on, print_json, print_line, session_json
from importers.targets import target_of
from importers.texts import N_, _, decimal

if TYPE_CHECKING:
    from importers.control import Control
    from importers.launch import LaunchRequest, LaunchResult
    from importers.sessions import Session
    from importers.settings import Settings


@cli.command("import", help=N_("Import KINDs from the source and follow the session to its end."))
@click.argument("kinds", metavar="KIND…", type=KIND, nargs=-1, required=True)
@option("--shop", type=SHOP, metavar="NAME", help=N_("The shop to import into, instead of the default one."))
@option(
    "--source",
    type=SourcePath(),
    help=N_("Folder or .zip written by 1C, instead of the setting."),
)
@option("--upload", is_flag=True, help=N_("Send the source along, for workers that do not see it."))
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
    shop: str | None,
    source: Path | None,
    upload: bool,
    dry_run: bool,
    force: bool,
    strict: bool,
    detach: bool,
    wait: float | None,
    as_json: bool,
) -> None:
    from importers.events import Options
    from importers.kinds.registry import is_known
    from importers.launch import new_request

    go_on()
    for kind in kinds:
        if not is_known(kind):
            raise no_such_kind(kind)
    target = target_of(config, shop)
    path = _source_path(config.for_shop(target.name), source)
    request = new_request(
        config,
        tuple(dict.fromkeys(kinds)),
        shop=target.name,
        source=path,
        options=Options(dry_run=dry_run, force=force, strict=strict),
        send_along=upload,
    )

    async def launch(control: Control) -> int:
        result = await control.launch(request, wait or 0, Uploading())
        return await _report(control, result, request, detach=detach, as_json=as_json)

    run(config, launch)


class Uploading:
    """Says how much was sent along."""

    def __init__(self) -> None:
        self._live = Live(err=True)
        self._said = -1

    def __call__(self, done: int, total: int) -> None:
        text = _("Uploading: {done} of {total} MB").format(
            done=decimal(done / 1e6), total=decimal(total / 1e6)
        )
        if done < total:
            self._live.show(text, at_once=self._said < 0)
        elif done > self._said:
            self._live.clear()
            print_line(text, err=True)
        self._said = done


def _source_path(config: Settings, source: Path | None) -> str:
    """What `--source` names, else the settings of its shop. Raises SourceError, SettingsError."""
    try:
        path = str((source or Path(config.source.path)).expanduser().absolute())
    except RuntimeError as error:
        raise SourceError(N_("{path}: there is no such account"), path=source) from error
    if not texts.is_text(path):
        raise SourceError(N_("{path}: the name is not in UTF-8; rename it"), path=path)
    replace = msgspec.structs.replace
    require_apart(replace(config, source=replace(config.source, path=path)))
    return path


async def _report(
    control: Control, result: LaunchResult, wanted: LaunchRequest | Session, *, detach: bool, as_json: bool
) -> int:
    """Print what came of a confirm of what is `wanted`, and follow its session; the exit code."""
    from importers.launch import left_out
    from importers.sessions import Outcome, Status
    from importers.sessions.details import Gains

    session = result.session
    if result.lock == "unavailable":
        print_line(_(words.NO_REDIS), err=True)
    if result.outcome is not Outcome.CREATED or session is None:
        print_line(f"[Request {result.request_id}] {_reason(result)}", err=True)
        if session and (lacking := left_out(wanted, session)):
            print_line(_told_lacking(session, lacking, wanted.source), err=True)
        if session is None and as_json:
            print_json(
                {
                    "outcome": result.outcome,
                    "request_id": result.request_id,
                    "error": _reason(result),
                    "exit_code": result.exit_code,
                }
            )
        elif session and as_json:
            print_json({**session_json(session), "outcome": result.outcome})
        elif session:
            print_line(str(session.id))
        return result.exit_code
    if not detach:
        session = await follow_session(control, session.id, err=as_json)
    if as_json:
        print_json({**session_json(session), "outcome": result.outcome})
    elif detach:
        print_line(_("Session {id} was launched; follow it with: obmen logs -f {id}").format(id=session.id))
    else:
        if session.error:
            print_line(str(session.error), err=True)
        print_counts(session, await control.journal.detail(session.id, Gains))
    return 0 if detach or session.status is Status.COMPLETED else EXIT_FAILED


def _told_lacking(session: Session, lacking: Sequence[str], source: str) -> str:
    text = (
        _("Not imported: {kinds} from this source. Launch again when session {id} has ended, or with --wait")
        if session.source != source
        else _("Not imported: {kinds}. Launch again when session {id} has ended, or with --wait")
    )
    return text.format(kinds=shown.kinds(lacking), id=session.id)


def _reason(result: LaunchResult) -> str:
    return texts.plain(str(result.reason or words.outcome(result.outcome)))


@cli.command(help=N_("Launch once more what a finished session imported."))
@click.argument("session_id", metavar="ID", type=SessionId(ended=True))
@option("--detach", is_flag=True, help=N_("Launch only, do not follow the session."))
@as_json
@pass_settings
def retry(config: Settings, session_id: int, detach: bool, as_json: bool) -> None:
    go_on()

    async def again(control: Control) -> int:
        wanted = await control.journal.session(session_id)
        result = await control.retry(session_id)
        return await _report(control, result, wanted, detach=detach, as_json=as_json)

    run(config, again)
