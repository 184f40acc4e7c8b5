"""Rows of the journal as structs, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from importers.processes import WorkerProcess
from importers.sessions import rules
from importers.sessions.models import ActiveSession, LogLine, Session
from importers.texts import LONGEST, shorten

if TYPE_CHECKING:
    from importers.clock import Now
    from importers.database.protocol import Row
    from importers.texts import Message

_MESSAGES = {"error_args": "error", "reason_args": "reason", "waiting_args": "waiting"}
"""A Message stands in two columns, its args and its text; the text is NULL where there is none."""
_DECODED: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("kinds", "options", "by_kind", "args", *_MESSAGES), msgspec.json.decode),
    "dry_run": bool,
}
_LINES = msgspec.json.Encoder()
T = TypeVar("T", bound=msgspec.Struct)


def struct(row: Row, of: type[T]) -> T:
    fields = {
        name: _DECODED[name](row[name]) if name in _DECODED else row[name]
        for name in row.keys()  # noqa: SIM118 (a Row iterates over its values)
        if name in of.__struct_fields__ or name in _MESSAGES
    }
    for args, text in _MESSAGES.items():
        if args in fields:
            message = {"text": fields[text], "args": fields.pop(args)}
            fields[text] = message if message["text"] else None
    return msgspec.convert(fields, of)


def log_line(row: Row) -> LogLine:
    """As `struct`, in less than half of the time: a log has many."""
    number, session_id, at, kind, level, message, args = row
    return LogLine(number, session_id, at, kind, level, message, msgspec.json.decode(args))


def active_session(row: Row, now: Now) -> ActiveSession:
    """What the reaper asks of an active session."""
    session = struct(row, Session)
    owner = None
    if session.owner:
        host, _colon, pid = session.owner.rpartition(":")
        owner = WorkerProcess(host, int(pid), row["owner_start"], row["owner_boot"])
    since = row["created_clock"] if row["dispatched_clock"] is None else row["dispatched_clock"]
    return ActiveSession(
        session,
        owner,
        lease_over=rules.is_lease_over(row["lease_until"], row["lease_epoch"], now),
        dispatched=row["dispatched_clock"] is not None,
        age=rules.seconds_since(since, row["boot_id"], now),
        dispatches=row["dispatches"],
        retries=row["retries"],
    )


def json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def args_json(args: Mapping[str, object]) -> str:
    """The arguments of a message."""
    return _shortened(args, json(args))


def each_args_json(messages: Sequence[Mapping[str, object]]) -> list[str]:
    """As `args_json`, of many at once in a third of the time."""
    texts = _LINES.encode_lines(messages).decode().split("\n")  # JSON itself has no line breaks
    return [_shortened(args, text) for args, text in zip(messages, texts, strict=False)]


def _shortened(args: Mapping[str, object], text: str) -> str:
    """An export may call a thing by megabytes; no reader wants them, nor the journal."""
    if len(text) <= LONGEST:
        return text
    return json({name: shorten(value) if isinstance(value, str) else value for name, value in args.items()})


def message_columns(message: Message | None) -> tuple[str | None, str]:
    return (stored_text(message.text), args_json(message.args)) if message else (None, args_json({}))


def stored_text(text: str) -> str:
    """Of one that was put together already, the same is true."""
    return shorten(text, 4 * LONGEST)
