"""One confirm: a session is made, or found, or refused (docs/guarantees.md, "The launch, step by step")."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import secrets
import socket
import uuid
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from importers.addresses import is_postgres
from importers.errors import ObmenError
from importers.events import Log, Options
from importers.kinds.registry import is_known, title_of
from importers.logs import log_to, unexpected
from importers.processes import account
from importers.sessions.models import Attempt, Outcome, Session
from importers.shielding import to_the_end
from importers.targets import Target, all_targets, target_of, target_with
from importers.texts import N_, Message, render

if TYPE_CHECKING:
    from importers.launch.lock import LaunchLock
    from importers.sessions import Journal, NewSession
    from importers.settings import Settings
    from importers.upload import Parcel, Report
    from importers.worker.dispatch import Dispatcher

ATTEMPT = N_("[Request {request_id}] Import launch attempt: {kinds}")
LAUNCHED = N_("[Request {request_id}] Import launched. Session ID: {id}, Task ID: {task_id}")
OTHER_TARGET = N_(
    "the session imported into {theirs}, these settings import into {ours}: "
    "retry it with the settings of its own catalog, or launch a new import"
)
OTHER_HOST = N_(
    "the source {source} is on {host}: retry the session there, or launch a new import of what is here"
)
EXIT_REFUSED = 3
NOT_LAUNCHED = N_("[Request {request_id}] No new import: {outcome}. {reason}")


class LaunchRequest(msgspec.Struct, frozen=True):
    """What one confirm asks for. Minted when the dialog opens; every retry carries the same key."""

    kinds: tuple[str, ...]
    """In the order selected; the first one is the session's type."""
    source: str
    idempotency_key: str
    target: Target
    operator: str
    options: Options = Options()
    again: Session | None = None
    """What is to be done once more: it goes to that one's catalog only, whichever shop has it now."""
    only_host: str | None = None
    """The only host on which the path of the source means what it should; None: any."""
    send_along: bool = False
    """Send the source along, so that any worker can read it."""


class LaunchResult(msgspec.Struct, frozen=True):
    """What came of one confirm. `session` is None only for `refused` and `error`."""

    request_id: str
    outcome: Outcome
    session: Session | None
    reason: Message | None = None
    """Why it is another outcome than `created`."""
    lock: str = "off"
    """acquired | busy | unavailable | off"""
    error_code: int = 1
    """The exit code of what went wrong, of an `error`."""

    @property
    def exit_code(self) -> int:
        """0: made a session; 3: another one is there, or it was refused; of an error that of the error."""
        if self.outcome is Outcome.ERROR:
            return self.error_code
        return 0 if self.outcome is Outcome.CREATED else EXIT_REFUSED


def left_out(wanted: LaunchRequest | Session, by: Session) -> tuple[str, ...]:
    """The types of what is wanted that the session `by` does not import: of another source none, and a dry run none."""
    if by.source != wanted.source or (by.options.dry_run and not wanted.options.dry_run):
        return wanted.kinds
    return tuple(kind for kind in wanted.kinds if kind not in by.kinds)


def new_key() -> str:
    """An idempotency key: 128 random bits."""
    return secrets.token_hex(16)


def new_request(
    settings: Settings,
    kinds: tuple[str, ...],
    *,
    shop: str | None = None,
    source: str | None = None,
    key: str | None = None,
    options: Options = Options(),  # noqa: B008 (it is frozen)
    send_along: bool = False,
) -> LaunchRequest:
    """A confirm of this process's account, into a shop, or else that of the settings, and from its source unless
    another is named. Raises UsageError for a shop that is not there, or where one has to be named."""
    target = target_of(settings, shop)
    return LaunchRequest(
        kinds, source or target.source, key or new_key(), target, account(), options, send_along=send_along
    )


def new_request_id() -> str:
    return secrets.token_hex(4)


def prepare(settings: Settings) -> None:
    """Load what the first launch of a process would wait for (redis-py takes a tenth of a second)."""
    import importers.worker.dispatch

    if settings.redis.url:
        import importers.launch.redis_lock  # noqa: F401


async def launch(
    request: LaunchRequest,
    settings: Settings,
    journal: Journal,
    *,
    dispatcher: Dispatcher | None = None,
    report: Report | None = None,
) -> LaunchResult:
    """One confirm: makes a session, or finds the one that is there, or says why not. Never raises. `dispatcher`: the
    one of the settings. `report` is told how much of the source was sent along."""
    from importers.worker.dispatch import dispatcher_for

    dispatcher = dispatcher or dispatcher_for(settings)
    request = msgspec.structs.replace(request, kinds=tuple(dict.fromkeys(request.kinds)))
    attempt = Attempt(
        request_id=new_request_id(),
        idempotency_key=request.idempotency_key,
        kinds=request.kinds,
        source=request.source,
        target=request.target.shown,
        shop=request.again.shop if request.again else request.target.name,
        operator=request.operator,
        host=socket.gethostname(),
        pid=os.getpid(),
    )
    _log(settings, _attempt_line(attempt.request_id, request.kinds))
    try:
        await journal.begin_attempt(attempt)
        result = await _decide(attempt, request, settings, journal, dispatcher, report)
        # A caller that is cancelled from here on has launched: the worker comes, the attempt says so.
        await to_the_end(_carry_out(result, attempt, settings, journal, dispatcher))
    except ObmenError as error:
        result = await _failed(journal, attempt, error.message, error.exit_code)
    except Exception as error:  # noqa: BLE001 (the last line: a bug must not leave an attempt without its outcome)
        log_to(settings.log.path).error("[Request %s]", attempt.request_id, exc_info=error)
        result = await _failed(journal, attempt, unexpected(error, settings.log.path))
    if result.outcome is not Outcome.CREATED:
        args: dict[str, str | int] = {
            "request_id": attempt.request_id,
            "outcome": result.outcome,
            "reason": str(result.reason or ""),
        }
        _log(settings, Log("warning", NOT_LAUNCHED, args))
    return result


async def _failed(journal: Journal, attempt: Attempt, reason: Message, exit_code: int = 1) -> LaunchResult:
    result = LaunchResult(attempt.request_id, Outcome.ERROR, None, reason, error_code=exit_code)
    with suppress(Exception):  # when the journal itself cannot be written
        await to_the_end(_settle_attempt(journal, attempt, result))
    return result


async def _decide(
    attempt: Attempt,
    request: LaunchRequest,
    settings: Settings,
    journal: Journal,
    dispatcher: Dispatcher,
    report: Report | None,
) -> LaunchResult:
    from importers.launch.lock import holding
    from importers.launch.sending import sent_along

    dispatcher.check()
    if request.only_host not in (None, attempt.host):
        refusal = Message.of(OTHER_HOST, source=request.source, host=request.only_host)
        return LaunchResult(attempt.request_id, Outcome.REFUSED, None, refusal)
    if request.again:
        target = await target_with(settings, request.again)
        if target is None:
            ours = ", ".join(target.shown for target in all_targets(settings))
            refusal = Message.of(OTHER_TARGET, theirs=request.again.target, ours=ours)
            return LaunchResult(attempt.request_id, Outcome.REFUSED, None, refusal)
        request = msgspec.structs.replace(request, target=target)
    new = _new_session(attempt, request, await request.target.key())
    new, parcel = await _placed(new, request)
    recency = settings.launch.recency_seconds
    locked = "off"
    found = await journal.find_answer(new, recency)
    if found is None:
        reason, seen = await _refusal(request)
        if reason:
            return LaunchResult(attempt.request_id, Outcome.REFUSED, None, reason)
        new = msgspec.structs.replace(new, source_print=new.source_print or seen)
        lock = lock_for(settings, journal)
        existing = partial(journal.find_answer, new, recency)
        async with (
            sent_along(parcel, new, journal, report),
            holding(lock, new.target, existing) as (locked, found),
        ):
            found = found or await journal.create(new, recency, _first_lines(new))
    outcome, session = found
    reason = _why(outcome, session, request)
    return LaunchResult(attempt.request_id, outcome, session, reason, str(locked))


def lock_for(settings: Settings, journal: Journal) -> LaunchLock:
    """Redis where the settings name it, else the table."""
    if settings.redis.url:
        from importers.launch.redis_lock import RedisLock

        return RedisLock(settings.redis.url, log_to(settings.log.path))
    from importers.launch.table_lock import TableLock

    return TableLock(journal.database)


async def _carry_out(
    result: LaunchResult, attempt: Attempt, settings: Settings, journal: Journal, dispatcher: Dispatcher
) -> None:
    from importers.worker.dispatch import dispatch

    if result.session and result.outcome is Outcome.CREATED:
        _log(settings, _launched_line(attempt.request_id, result.session.id, result.session.task_id))
    if result.session and result.outcome in (Outcome.CREATED, Outcome.REPLAYED):
        await dispatch(result.session, dispatcher, journal)
    await _settle_attempt(journal, attempt, result)


def _new_session(attempt: Attempt, request: LaunchRequest, target: str) -> NewSession:
    from importers.sessions import NewSession

    params = msgspec.json.encode((request.kinds, request.source, request.options, target))
    return NewSession(
        request_id=attempt.request_id,
        idempotency_key=request.idempotency_key,
        params_hash=hashlib.sha256(params).hexdigest(),
        task_id=str(uuid.uuid4()),
        kinds=request.kinds,
        source=request.source,
        options=request.options,
        target=target,
        operator=attempt.operator,
        host=attempt.host,
        shop=request.target.name,
        again=request.again.id if request.again else 0,
    )


async def _placed(new: NewSession, request: LaunchRequest) -> tuple[NewSession, Parcel | None]:
    """With where its source can be read: on this host, on all, or nowhere but in what is sent along. Raises
    SourceError."""
    replace = msgspec.structs.replace
    if not request.send_along:
        return replace(new, source_host=None if request.target.shared else new.host), None
    from importers.launch.sending import parcel_of
    from importers.sessions.uploads import new_name

    parcel = await parcel_of(request.source, request.kinds)
    return replace(new, upload=new_name(), source_print=parcel.fingerprint), parcel


async def _refusal(request: LaunchRequest) -> tuple[Message | None, str]:
    """Why this cannot be imported now (guarantee 4), and the fingerprint of its source. Raises SourceError,
    DatabaseError."""
    from importers.launch.survey import look_at

    if not request.kinds:
        return Message(N_("no import type was chosen")), ""
    for kind in request.kinds:
        if not is_known(kind):
            return Message.of(N_("{kind}: there is no such import type"), kind=kind), ""
    look = await asyncio.to_thread(look_at, request.source, request.kinds)
    return await _lacking(request, look.served), look.fingerprint


async def _lacking(request: LaunchRequest, found: Sequence[str]) -> Message | None:
    from importers.launch.survey import NO_FILE, NO_PRODUCTS, has_products, lacks_products

    if not found or (request.options.strict and len(found) < len(request.kinds)):
        kinds = ", ".join(kind for kind in request.kinds if kind not in found)
        return Message.of(NO_FILE, kinds=kinds, source=request.source)
    needy = [kind for kind in request.kinds if lacks_products(kind, request.kinds, has_products=False)]
    if needy and not await has_products(request.target):
        return Message.of(NO_PRODUCTS, kind=needy[0])
    return None


def _first_lines(new: NewSession) -> tuple[Log, Log]:
    """What the founding report asks of the log: the attempt, then session and task, with one request id. The journal
    fills in the session's number."""
    return _attempt_line(new.request_id, new.kinds), _launched_line(new.request_id, 0, new.task_id)


def _attempt_line(request_id: str, kinds: tuple[str, ...]) -> Log:
    return Log("info", ATTEMPT, {"request_id": request_id, "kinds": str(list(kinds))})


def _launched_line(request_id: str, session_id: int, task_id: str) -> Log:
    return Log("info", LAUNCHED, {"request_id": request_id, "id": session_id, "task_id": task_id})


def _why(outcome: Outcome, session: Session, request: LaunchRequest) -> Message | None:
    if outcome is Outcome.CREATED:
        return None
    args = {
        "id": str(session.id),
        "kind": title_of(session.type),
        "operator": session.operator,
        "host": session.host,
        "since": session.created_at,
    }
    if outcome is Outcome.REPLAYED:
        text = N_("this confirm had already led to session {id}")
    elif outcome is Outcome.MISMATCH:
        text = N_("this confirm came before with other types, source or options, and led to session {id}")
    elif not session.status.final:
        text = N_("session {id} is running, launched by {operator}@{host} at {since}")
    elif (session.kinds, session.source, session.options) == (
        request.kinds,
        request.source,
        request.options,
    ):
        text = N_("session {id} just did the same, launched by {operator}@{host} at {since}")
    else:
        text = N_("this confirm had joined session {id}, launched by {operator}@{host} at {since}")
    return Message(text, args)


async def _settle_attempt(journal: Journal, attempt: Attempt, result: LaunchResult) -> None:
    session_id = result.session.id if result.session else None
    await journal.end_attempt(attempt.request_id, result.outcome, session_id, result.lock, result.reason)


def _log(settings: Settings, line: Log) -> None:
    level = logging.WARNING if line.level == "warning" else logging.INFO
    log_to(settings.log.path).log(level, "%s", render(line.message, line.args))


def retry_request(session: Session, settings: Settings) -> LaunchRequest:
    """A new confirm of what a session imported, into the same catalog and from the same host's files: a journal may
    serve several. One in a file serves one machine, whose containers may have other names every day."""
    request = new_request(
        settings,
        session.kinds,
        shop=session.shop if session.shop in settings.shop_names else settings.shop_names[0],
        source=session.source,
        options=session.options,
        send_along=session.upload is not None,
    )
    only_host = None
    if is_postgres(settings.journal.url):
        only_host = session.host if session.upload else session.source_host
    return msgspec.structs.replace(request, again=session, only_host=only_host)
