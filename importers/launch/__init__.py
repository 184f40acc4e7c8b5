"""The launch: the only place in the program that makes a session (DESIGN: "The launch, step by step").

request = LaunchRequest(kinds=("prices",), source="/srv/1c", idempotency_key=new_key())
result = await launch(request, settings, journal)
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import hashlib
import os
import secrets
import socket
import uuid
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from importers.errors import ObmenError
from importers.kinds import NEEDS_PRODUCTS, TITLES, Log, Options
from importers.logs import log_to
from importers.sessions.models import Attempt, Outcome, Session
from importers.texts import N_, render

if TYPE_CHECKING:
    from importers.sessions import Draft, Journal
    from importers.settings import Settings

ATTEMPT = N_("[Request {request_id}] Import launch attempt: {kinds}")
LAUNCHED = N_("[Request {request_id}] Import launched. Session ID: {id}, Task ID: {task_id}")
NOT_LAUNCHED = N_("[Request {request_id}] No new import: {outcome}. {reason}")


class LaunchRequest(msgspec.Struct, frozen=True):
    """What one confirm asks for. Minted when the dialog opens; every retry carries the same key."""

    kinds: tuple[str, ...]
    """In the order selected; the first one is the session's type."""
    source: str
    idempotency_key: str
    options: Options = Options()


class LaunchResult(msgspec.Struct, frozen=True):
    """What came of one confirm. `session` is None only for `refused` and `error`."""

    request_id: str
    outcome: Outcome
    session: Session | None
    reason: str | None = None
    """English message with `reason_args` for `texts.render`: why joined, refused, error."""
    reason_args: dict[str, str] = {}
    lock: str = "off"
    """acquired | busy | unavailable | off"""


def new_key() -> str:
    """An idempotency key: 128 random bits."""
    return secrets.token_hex(16)


def new_request_id() -> str:
    return secrets.token_hex(4)


async def launch(request: LaunchRequest, settings: Settings, journal: Journal) -> LaunchResult:
    """One confirm: makes a session, or finds the one that is there, or says why not. Never raises ObmenError."""
    attempt = Attempt(
        request_id=new_request_id(),
        idempotency_key=request.idempotency_key,
        kinds=request.kinds,
        source=request.source,
        target=target_of(settings),
        operator=getpass.getuser(),
        host=socket.gethostname(),
        pid=os.getpid(),
        at=journal.clock.now(),
    )
    _log(
        settings, Log("info", ATTEMPT, {"request_id": attempt.request_id, "kinds": str(list(request.kinds))})
    )
    try:
        await journal.begin_attempt(attempt)
        result = await _decide(attempt, request, settings, journal)
        # Kept even when the caller is cancelled now: the session is there, the attempt must say so.
        await asyncio.shield(asyncio.ensure_future(_tell(journal, attempt, result)))
    except ObmenError as error:
        result = LaunchResult(attempt.request_id, Outcome.ERROR, None, str(error))
        with contextlib.suppress(ObmenError):  # it may be the journal itself that cannot be written
            await _tell(journal, attempt, result)
    if result.outcome is not Outcome.CREATED:
        reason = render(result.reason or "", result.reason_args)
        _log(
            settings,
            Log(
                "warning",
                NOT_LAUNCHED,
                {"request_id": attempt.request_id, "outcome": result.outcome, "reason": reason},
            ),
        )
    return result


async def _decide(
    attempt: Attempt, request: LaunchRequest, settings: Settings, journal: Journal
) -> LaunchResult:
    from importers.launch.lock import holding, lock_for
    from importers.worker.dispatch import dispatch

    draft = _draft(attempt, request)
    recency = settings.launch.recency_seconds
    locked = "off"
    found = await journal.look(draft, recency)
    if found is None:
        if refusal := await _refusal(request, settings):
            return LaunchResult(attempt.request_id, Outcome.REFUSED, None, *refusal)
        async with holding(lock_for(settings, journal), attempt.target) as locked:
            found = await journal.create(draft, recency, _first_lines(draft))
    outcome, session = found
    if outcome in (Outcome.CREATED, Outcome.REPLAYED):
        if outcome is Outcome.CREATED:
            _log(settings, _first_lines(draft, session.id)[1])
        await dispatch(session, settings, journal)
    return LaunchResult(attempt.request_id, outcome, session, *_why(outcome, session), lock=str(locked))


def _draft(attempt: Attempt, request: LaunchRequest) -> Draft:
    from importers.sessions import Draft

    params = msgspec.json.encode((request.kinds, request.source, request.options, attempt.target))
    return Draft(
        request_id=attempt.request_id,
        idempotency_key=request.idempotency_key,
        params_hash=hashlib.sha256(params).hexdigest(),
        task_id=str(uuid.uuid4()),
        kinds=request.kinds,
        source=request.source,
        options=request.options,
        target=attempt.target,
        operator=attempt.operator,
        host=attempt.host,
    )


async def _refusal(request: LaunchRequest, settings: Settings) -> tuple[str, dict[str, str]] | None:
    """Why this cannot be imported now (guarantee 4). Raises SourceError, DatabaseError."""
    from importers.catalog import open_catalog
    from importers.commerceml import open_export

    if not request.kinds:
        return N_("no import type was chosen"), {}
    export = await asyncio.to_thread(open_export, request.source)
    for kind in request.kinds:
        if not export.files_for(kind):
            return N_("{kind}: the export at {source} has no file for it"), {
                "kind": kind,
                "source": request.source,
            }
    needy = [kind for kind in request.kinds if kind in NEEDS_PRODUCTS]
    if needy and "catalog" not in request.kinds:
        catalog = await open_catalog(settings.catalog.url)
        try:
            if not await catalog.has_products():
                return N_("{kind}: the catalog holds no product yet; import the catalog first"), {
                    "kind": needy[0]
                }
        finally:
            await catalog.close()
    return None


def _first_lines(draft: Draft, session_id: int = 0) -> tuple[Log, Log]:
    """What the founding report asks of the log: the attempt, then session and task, with one request id."""
    kinds = str(list(draft.kinds))
    return (
        Log("info", ATTEMPT, {"request_id": draft.request_id, "kinds": kinds}),
        Log("info", LAUNCHED, {"request_id": draft.request_id, "id": session_id, "task_id": draft.task_id}),
    )


def _why(outcome: Outcome, session: Session) -> tuple[str | None, dict[str, str]]:
    if outcome is Outcome.CREATED:
        return None, {}
    args = {
        "id": str(session.id),
        "kind": TITLES.get(session.type, session.type),
        "operator": session.operator,
        "host": session.host,
        "since": session.created_at,
    }
    if outcome is Outcome.REPLAYED:
        return N_("this confirm had already made session {id}"), args
    if outcome is Outcome.MISMATCH:
        return N_(
            "this confirm had already made session {id} with other import types, source or options"
        ), args
    if session.status.final:
        return N_("session {id} just did the same, launched by {operator}@{host} at {since}"), args
    return N_("session {id} is running, launched by {operator}@{host} at {since}"), args


async def _tell(journal: Journal, attempt: Attempt, result: LaunchResult) -> None:
    session_id = result.session.id if result.session else None
    await journal.end_attempt(
        attempt.request_id, result.outcome, session_id, result.lock, result.reason, result.reason_args
    )


def _log(settings: Settings, line: Log) -> None:
    """A launch goes on when its log file cannot be written: the journal has the same."""
    with contextlib.suppress(OSError):
        log_to(settings.log.path).info(render(line.message, line.args))


def retry_request(session: Session) -> LaunchRequest:
    """A new confirm of what a session imported."""
    return LaunchRequest(session.kinds, session.source, new_key(), session.options)


def target_of(settings: Settings) -> str:
    """The catalog that imports go to, named the same by everybody, without credentials."""
    url = settings.catalog.url
    if url.startswith("sqlite:///"):
        return f"sqlite:///{Path(url.removeprefix('sqlite:///')).resolve()}"
    parts = urlsplit(url)
    return f"postgresql://{parts.hostname}:{parts.port or 5432}{parts.path}"
