"""The command line: everything the control room does, for cron and scripts
(docs/guarantees.md, "What scripts hold on to").

Every listing has `--json`: one JSON document on stdout, while log lines go to stderr.
Exit codes: 0 done, 1 failed or cancelled or unknown id, 2 usage or bad source, 3 joined or refused.
"""

from __future__ import annotations

import asyncio
import math
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click
import msgspec

from importers import __version__, settings, texts
from importers.errors import ObmenError, SettingsError, SourceError, UsageError
from importers.output import (
    OutputLost,
    go_on,
    guard,
    log_line,
    print_csv,
    print_fields,
    print_json,
    print_summary,
    print_table,
    say,
    session_json,
)
from importers.texts import N_, _

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from importers.launch import LaunchRequest, LaunchResult
    from importers.sessions import Journal, Session
    from importers.settings import Settings
    from importers.worker.reaper import Trouble

EXIT_FAILED, EXIT_USAGE, EXIT_REFUSED, EXIT_INTERRUPTED = 1, 2, 3, 130
POLL_SECONDS = 0.1
REAP_SECONDS = 5.0
PATIENCE_SECONDS = 30.0

CLICK_TEXTS = (  # click looks its own texts up in our domain
    N_("Usage:"),
    N_("Options"),
    N_("Commands"),
    N_("Error: {message}"),
    N_("Show this message and exit."),
    N_("Show the version and exit."),
    N_("Try '{command} {option}' for help."),
    N_("Missing argument"),
    N_("Missing option"),
    N_("Missing command."),
    N_("No such command {name!r}."),
    N_("Invalid value: {message}"),
    N_("Invalid value for {param_hint}: {message}"),
    N_("{value!r} is not a valid {number_type}."),
    N_("Option {name!r} requires an argument."),
    N_("No such option: {name}"),
)


class Command(click.Command):
    """A command whose help is marked with N_() and translated when shown: the language is known only by then."""

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(_(self.help) if self.help else "")

    def get_short_help_str(self, limit: int = 80) -> str:
        return (_(self.help) if self.help else "").split(". ")[0].rstrip(".")


class Group(Command, click.Group):
    command_class = Command


class Option(click.Option):
    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        self.help = _(self.help) if self.help else None
        return super().get_help_record(ctx)


def option(*names: str, **attrs: Any) -> Callable[[Any], Any]:
    return click.option(*names, cls=Option, **attrs)


as_json = option("--json", "as_json", is_flag=True, help=N_("Print one JSON document."))


class SourcePath(click.Path):
    """A folder or .zip. An empty one, of a variable that is not set for instance, is not the working directory."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail(_("is empty; name the folder or .zip that 1C writes"), param, ctx)
        return super().convert(value, param, ctx)


class Seconds(click.FloatRange):
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        seconds = super().convert(value, param, ctx)
        if not math.isfinite(seconds):
            text = _("{value!r} is not a valid {number_type}.").format(value=value, number_type=self.name)
            self.fail(text, param, ctx)
        return seconds


def settings_of(ctx: click.Context) -> Settings:
    """The settings in force. Raises SettingsError where they cannot be read: some commands need none."""
    if isinstance(ctx.obj, SettingsError):
        raise ctx.obj
    config: Settings = ctx.obj
    return config


def pass_settings(command: Callable[..., Any]) -> Callable[..., Any]:
    @click.pass_context
    def with_settings(ctx: click.Context, /, *args: Any, **named: Any) -> Any:
        return command(settings_of(ctx), *args, **named)

    return update_wrapper(with_settings, command)


@click.group(
    cls=Group,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=N_("Imports from 1C into a shop's database: every confirm makes exactly one session."),
)
@option("--config", type=click.Path(path_type=Path), help=N_("The settings file to use."))
@option("--language", type=click.Choice(texts.LANGUAGES), help=N_("The language of texts and help."))
@click.version_option(__version__, "--version", message="obmen %(version)s")
@click.pass_context
def cli(ctx: click.Context, config: Path | None, language: str | None) -> None:
    """Settings that cannot be read are for the command to raise: help, inspect and demo do without."""
    try:
        loaded = settings.load(config)
    except SettingsError as error:
        ctx.obj = error
        if language:
            texts.use(language)
    else:
        ctx.obj = msgspec.structs.replace(loaded, language=language or loaded.language)
        texts.use(ctx.obj.language)


# Launching


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
    from importers.kinds.registry import names
    from importers.launch import LaunchRequest, new_key

    go_on()
    for kind in kinds:
        if kind not in names():
            raise _no_such_kind(kind)
    path = _source_path(config, source)
    request = LaunchRequest(
        kinds=tuple(dict.fromkeys(kinds)),
        source=path,
        idempotency_key=new_key(),
        options=Options(dry_run=dry_run, force=force, strict=strict),
    )
    _run(config, lambda journal: _import(config, journal, request, detach, wait, as_json))


def _no_such_kind(kind: str) -> UsageError:
    from importers.kinds.registry import names

    return UsageError(
        _("{kind}: no such import type; there are: {names}").format(kind=kind, names=", ".join(names()))
    )


def _source_path(config: Settings, source: Path | None) -> str:
    """What `--source` names, else the settings. Raises SourceError, SettingsError."""
    try:
        path = str((source or Path(config.source.path)).expanduser().absolute())
    except RuntimeError as error:
        raise SourceError(_("{path}: there is no such account").format(path=source)) from error
    if not texts.is_text(path):
        raise SourceError(_("{path}: the name is not in UTF-8; rename it").format(path=path))
    replace = msgspec.structs.replace
    settings.require_apart(replace(config, source=replace(config.source, path=path)))
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
        session = await _follow(config, journal, session.id, err=as_json)
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
    while True:
        while loop.time() < end and await journal.active(target_of(config)):
            await _next_change(config, journal, end)
        result = await launch(request, config, journal)
        running = result.outcome is Outcome.JOINED and result.session and not result.session.status.final
        if not running or loop.time() >= end:
            return result
        request = msgspec.structs.replace(request, idempotency_key=new_key())


async def _next_change(
    config: Settings, journal: Journal, until: float | None = None, trouble: Trouble | None = None
) -> None:
    """Sleep until somebody writes to the journal; dead workers are noticed meanwhile."""
    from importers.worker.reaper import reap

    loop = asyncio.get_running_loop()
    reap_at = loop.time() + REAP_SECONDS
    while not await journal.changed():
        if until is not None and loop.time() >= until:
            return
        if loop.time() >= reap_at:
            await reap(journal, config, trouble)
            reap_at = loop.time() + REAP_SECONDS
        await asyncio.sleep(POLL_SECONDS)


class _Patience:
    """Says once what keeps a dead worker's session from being ended, a full disk for instance; then gives up on it."""

    def __init__(self) -> None:
        self._since: float | None = None

    def __call__(self, error: ObmenError) -> None:
        now = time.monotonic()
        if self._since is None:
            self._since = now
            say(str(error), err=True)
        elif now - self._since > PATIENCE_SECONDS:
            raise error


async def _follow(config: Settings, journal: Journal, session_id: int, *, err: bool) -> Session:
    """Print the session's log lines as they are written, until it ends."""
    last = 0
    trouble = _Patience()
    while True:
        session = await journal.session(session_id)  # before the events: after its end no line comes
        while lines := await journal.events(session_id, after=last):
            for line in lines:
                say(log_line(line), err=err)
            last = lines[-1].id
        if session.status.final:
            return session
        try:
            await _next_change(config, journal, trouble=trouble)
        except asyncio.CancelledError:
            say(
                _("The import goes on. Follow: obmen logs -f {id}  Stop: obmen cancel {id}").format(
                    id=session_id
                )
            )
            raise


# Looking


@cli.command(help=N_("List the sessions, newest first."))
@option("--status", help=N_("Only sessions with this status."))
@option("--kind", help=N_("Only sessions with this import type."))
@option("--limit", type=click.IntRange(min=1), default=50, help=N_("How many at most."))
@as_json
@pass_settings
def sessions(config: Settings, status: str | None, kind: str | None, limit: int, as_json: bool) -> None:
    from importers.sessions import Status

    if status is not None and status not in set(Status):
        raise UsageError(
            _("{status}: no such status; there are: {names}").format(status=status, names=", ".join(Status))
        )

    async def show(journal: Journal) -> int:
        found = await journal.sessions(status=status, kind=kind, limit=limit)
        if kind is not None and not found:
            await _require_kind(journal, kind)
        if as_json:
            print_json([session_json(session) for session in found])
        else:
            print_table(
                (
                    _("ID"),
                    _("Type"),
                    _("Status"),
                    _("Created"),
                    _("Read"),
                    _("Rejected"),
                    _("Operator"),
                    _("Request"),
                ),
                (
                    (
                        s.id,
                        s.type,
                        s.status,
                        s.created_at,
                        s.counts.read,
                        s.counts.rejected,
                        s.operator,
                        s.request_id,
                    )
                    for s in found
                ),
            )
        return 0

    _run(config, show)


async def _require_kind(journal: Journal, kind: str) -> None:
    """Raises UsageError for one that is known neither here nor to the journal, which may be older than a plug-in that
    was taken away."""
    from importers.kinds.registry import names

    if not (
        kind in names()
        or await journal.sessions(kind=kind, limit=1)
        or await journal.attempts(kind=kind, limit=1)
    ):
        raise _no_such_kind(kind)


@cli.command(help=N_("Show one session: its state, counts per import type, and error."))
@click.argument("session_id", metavar="ID", type=int)
@as_json
@pass_settings
def show(config: Settings, session_id: int, as_json: bool) -> None:
    async def show(journal: Journal) -> int:
        session = await journal.session(session_id)
        if as_json:
            print_json(session_json(session))
        else:
            print_fields(session)
            print_summary(session)
        return 0

    _run(config, show)


@cli.command(help=N_("List the attempts to launch: every confirm, whatever came of it."))
@option("--request", "request_id", help=N_("Only the attempt with this request id."))
@option("--kind", help=N_("Only attempts with this import type."))
@option("--operator", help=N_("Only attempts of this operator."))
@option("--limit", type=click.IntRange(min=1), default=50, help=N_("How many at most."))
@as_json
@pass_settings
def attempts(
    config: Settings,
    request_id: str | None,
    kind: str | None,
    operator: str | None,
    limit: int,
    as_json: bool,
) -> None:
    async def show(journal: Journal) -> int:
        found = await journal.attempts(request_id=request_id, kind=kind, operator=operator, limit=limit)
        if kind is not None and not found:
            await _require_kind(journal, kind)
        if as_json:
            print_json(found)
        else:
            print_table(
                (
                    _("At"),
                    _("Request"),
                    _("Outcome"),
                    _("Session"),
                    _("Types"),
                    _("Operator"),
                    _("Host"),
                    _("Lock"),
                ),
                (
                    (
                        a.at,
                        a.request_id,
                        a.outcome,
                        a.session_id,
                        ",".join(a.kinds),
                        a.operator,
                        a.host,
                        a.lock,
                    )
                    for a in found
                ),
            )
        return 0

    _run(config, show)


@cli.command(help=N_("Print the log of a session."))
@click.argument("session_id", metavar="ID", type=int)
@option("-f", "--follow", is_flag=True, help=N_("Go on until the session ends."))
@as_json
@pass_settings
def logs(config: Settings, session_id: int, follow: bool, as_json: bool) -> None:
    async def show(journal: Journal) -> int:
        await journal.session(session_id)
        if follow:
            await _follow(config, journal, session_id, err=as_json)
        lines = [line async for line in _pages(journal.events, session_id)] if as_json or not follow else []
        if as_json:
            print_json(
                [
                    {**msgspec.to_builtins(line), "text": texts.render(line.message, line.args)}
                    for line in lines
                ]
            )
        else:
            for line in lines:
                say(log_line(line))
        return 0

    _run(config, show)


@cli.command(help=N_("List the records that a session did not take, with file, line and reason."))
@click.argument("session_id", metavar="ID", type=int)
@option("--csv", "as_csv", is_flag=True, help=N_("Print CSV."))
@as_json
@pass_settings
def rejects(config: Settings, session_id: int, as_csv: bool, as_json: bool) -> None:
    async def show(journal: Journal) -> int:
        await journal.session(session_id)
        found = [reject async for reject in _pages(journal.rejects, session_id)]
        rows = [
            (r.kind, r.file, r.line, r.record_id, texts.render(r.reason, r.args), r.fragment) for r in found
        ]
        names = ("kind", "file", "line", "id", "reason", "fragment")
        if as_json:
            print_json([dict(zip(names, row, strict=True)) for row in rows])
        elif as_csv:
            print_csv(names, rows)
        else:
            print_table((_("Type"), _("File"), _("Line"), _("ID"), _("Reason")), (row[:5] for row in rows))
        return 0

    _run(config, show)


async def _pages(page: Callable[..., Awaitable[Sequence[Any]]], session_id: int) -> AsyncIterator[Any]:
    last = 0
    while rows := await page(session_id, after=last):
        for row in rows:
            yield row
        last = rows[-1].id


@cli.command(help=N_("Show what an export holds: version, encoding, files and counts per import type."))
@click.argument("path", type=SourcePath(path_type=Path, readable=False))
@as_json
def inspect(path: Path, as_json: bool) -> None:
    from importers.commerceml.inspect import inspect_export

    try:
        found = inspect_export(path)
    except ObmenError as error:  # a bad file is a bad source here: nothing else was asked for
        raise SourceError(str(error)) from error
    if as_json:
        print_json(found)
        return
    say(f"{found.path}: CommerceML {found.version or '?'}, {found.encoding}")
    print_table(
        (_("Set"), _("Made"), _("File"), _("Bytes"), _("Encoding"), _("Version"), _("Holds")),
        (
            (
                f.set,
                f.made,
                f.name,
                f.size,
                f.encoding,
                f.version,
                ", ".join(f"{k} {n}" for k, n in f.counts.items() if n),
            )
            for f in found.files
        ),
    )
    say()
    print_table(
        (_("Type"), _("Files"), _("Bytes"), _("Records"), _("Newest")),
        ((kind, k.files, k.bytes, k.records, k.newest) for kind, k in found.kinds.items() if k.files),
    )
    for gap in found.gaps:
        say(gap)


@cli.command(
    help=N_("Check settings, source, databases, lock, worker and terminal; each failure with a cure.")
)
@as_json
@click.pass_context
def doctor(ctx: click.Context, /, as_json: bool) -> None:
    from importers.doctor import check

    config = settings_of(ctx)
    go_on()

    async def examine() -> int:
        found = []
        async for result in check(config, ctx.find_root().params["config"]):
            found.append(result)
            if not as_json:
                say(f"{_('ok') if result.ok else _('FAIL'):5} {_(result.name)}: {result.detail}")
                if not result.ok:
                    say(f"      → {result.cure}")
        if as_json:
            print_json(found)
        return 0 if all(result.ok for result in found) else EXIT_FAILED

    _exit(asyncio.run(examine()))


# Changing


@cli.command(help=N_("Cancel a session; the catalog stays as it was."))
@click.argument("session_id", metavar="ID", type=int)
@as_json
@pass_settings
def cancel(config: Settings, session_id: int, as_json: bool) -> None:
    go_on()

    async def ask(journal: Journal) -> int:
        before = await journal.session(session_id)
        session = await journal.cancel(session_id)
        if as_json:
            print_json(session_json(session))
        elif before.status.final:
            say(
                _("Session {id} had already ended: {status}").format(id=session_id, status=session.status),
                err=True,
            )
        else:
            say(_("Session {id}: {status}").format(id=session_id, status=session.status))
        return EXIT_FAILED if before.status.final else 0

    _run(config, ask)


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
            raise ObmenError(
                _("Session {id} has not ended yet; wait for it or cancel it").format(id=session_id)
            )
        return await _import(config, journal, retry_request(session), detach, None, as_json)

    _run(config, again)


@cli.command(help=N_("Delete finished sessions with their logs and rejects; attempts stay."))
@click.argument("session_ids", metavar="ID…", type=int, nargs=-1, required=True)
@pass_settings
def delete(config: Settings, session_ids: tuple[int, ...]) -> None:
    go_on()

    async def remove(journal: Journal) -> int:
        deleted = await journal.delete(session_ids)
        for session_id in deleted:
            say(_("Session {id} was deleted").format(id=session_id))
        for session_id in sorted(set(session_ids) - set(deleted)):
            say(
                _("Session {id} was not deleted: it is unknown or has not ended").format(id=session_id),
                err=True,
            )
        return 0 if set(deleted) == set(session_ids) else EXIT_FAILED

    _run(config, remove)


@cli.command(help=N_("Run a Celery worker for this project's queue."))
@pass_settings
def worker(config: Settings) -> None:
    raise UsageError(
        _('worker.engine = "celery" is not available yet; with "process" every session starts its own worker')
    )


# Running


@asynccontextmanager
async def _journal(config: Settings) -> AsyncIterator[Journal]:
    """The journal, after dead workers' sessions were ended."""
    from importers.sessions import open_journal
    from importers.worker.reaper import reap

    journal = await open_journal(config.journal.url)
    try:
        await reap(journal, config)
        yield journal
    finally:
        await journal.close()


def _run(config: Settings, command: Callable[[Journal], Awaitable[int]]) -> NoReturn:
    async def run() -> int:
        async with _journal(config) as journal:
            return await command(journal)

    _exit(asyncio.run(run()))


def _exit(code: int) -> NoReturn:
    click.get_current_context().exit(code)


def language_of(args: Sequence[str], environ: Mapping[str, str]) -> str:
    """The language before the settings are read: `--language`, $OBMEN_LANGUAGE, the locale."""
    for name, value in zip(args, [*args[1:], ""], strict=False):
        if name == "--language" and value in texts.LANGUAGES:
            return value
        if name.removeprefix("--language=") in texts.LANGUAGES:
            return name.removeprefix("--language=")
    chosen = environ.get("OBMEN_LANGUAGE", "auto")
    return chosen if chosen in texts.LANGUAGES else "auto"


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code. Errors meant for the operator are one line on stderr."""
    import os

    args = sys.argv[1:] if args is None else args
    guard()
    texts.use(language_of(args, os.environ))
    try:
        code = cli.main(list(args), prog_name="obmen", standalone_mode=False)
    except click.exceptions.Exit as exit_:
        code = exit_.exit_code
    except click.Abort:
        return EXIT_INTERRUPTED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except OutputLost as error:
        return 0 if error.quietly else _fail(str(error), error.exit_code)
    except ObmenError as error:
        return _fail(str(error), error.exit_code)
    except Exception as error:  # noqa: BLE001 (the last line: no operator should meet a traceback)
        return _unexpected(error)
    return code if isinstance(code, int) else 0


def _fail(message: str, code: int = EXIT_FAILED) -> int:
    say(texts.shorten(_("Error: {message}").format(message=message), 4 * texts.LONGEST), err=True)
    return code


def _unexpected(error: Exception) -> int:
    """A bug: its traceback goes to the log file, one line to the operator."""
    from importers.logs import log_to

    text = texts.shorten(f"{type(error).__name__}: {error}")
    try:
        path = str(settings.data_dir() / "obmen.log")
    except ObmenError:  # no home directory, so no log either
        return _fail(_("unexpected {error}").format(error=text))
    log_to(path).error("unexpected", exc_info=error)
    return _fail(_("unexpected {error}; the log {path} has the details").format(error=text, path=path))
