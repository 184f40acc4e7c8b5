"""What the command line prints: sessions as JSON, log lines, tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click
import msgspec

from importers import texts
from importers.texts import _, plain

if TYPE_CHECKING:
    from importers.sessions import LogLine, Session


def session_json(session: Session) -> dict[str, Any]:
    """A session as `show --json` and `import --json` print it (docs/guarantees.md, "What scripts hold on to")."""
    return {
        "id": session.id,
        "request_id": session.request_id,
        "task_id": session.task_id,
        "type": session.type,
        "kinds": list(session.kinds),
        "status": session.status.value,
        "source": session.source,
        "operator": session.operator,
        "host": session.host,
        "created_at": session.created_at,
        "started_at": session.started_at,
        "finished_at": session.finished_at,
        "counts": msgspec.to_builtins(session.counts),
        "by_kind": {kind: msgspec.to_builtins(counts) for kind, counts in session.by_kind.items()},
        "error": texts.render(session.error, session.error_args) if session.error else None,
    }


def log_line(line: LogLine) -> str:
    """`07:31:05 WARNING text`; the level is named only where it is not info. Times are UTC, as stored."""
    level = "" if line.level == "info" else f"{_(line.level.upper())} "
    return f"{line.at[11:19]} {level}{plain(texts.render(line.message, line.args))}"


def print_fields(session: Session) -> None:
    fields = session_json(session)
    for name in ("id", "request_id", "task_id", "kinds", "status", "source", "operator", "host", "created_at",
                 "started_at", "finished_at", "error"):  # fmt: skip
        value = fields[name]
        text = ", ".join(value) if isinstance(value, list) else "" if value is None else str(value)
        click.echo(f"{name:12} {plain(text)}")


def print_summary(session: Session) -> None:
    if session.error:
        click.echo(plain(texts.render(session.error, session.error_args)), err=True)
    head = (
        _("Type"),
        _("Read"),
        _("Created"),
        _("Updated"),
        _("Unchanged"),
        _("Removed"),
        _("Rejected"),
        _("Orphans"),
    )
    print_table(
        head,
        (
            (kind, c.read, c.created, c.updated, c.unchanged, c.removed, c.rejected, c.orphans)
            for kind, c in session.by_kind.items()
        ),
    )


def print_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    cells = [head, *(["" if value is None else plain(str(value)) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def print_json(value: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
