"""How sessions and attempts are shown to a person; for scripts there is JSON (importers/output.py)."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from importers import texts, words
from importers.output import print_line, print_table
from importers.texts import N_, _, ngettext
from importers.words import NOT_KEPT

if TYPE_CHECKING:
    from importers.events import Counts
    from importers.sessions import Attempt, Session
    from importers.sessions.details import Gains
    from importers.settings import Settings

OPTIONS = {"dry_run": N_("dry run"), "force": N_("past the limits"), "strict": N_("strict")}


def kinds(names: Sequence[str]) -> str:
    return ", ".join(_(name) for name in names)


def options(session: Session) -> str:
    return ", ".join(_(word) for name, word in OPTIONS.items() if getattr(session.options, name))


def status(session: Session) -> str:
    """In words, and whether it only tried: "completed (dry run)"."""
    return _told(words.status(session.status), dry_run=session.options.dry_run)


def _told(word: str, *, dry_run: bool) -> str:
    tried = _("dry run")
    return f"{word} ({tried})" if dry_run else word


def shop_column(
    settings: Settings, rows: Sequence[Session | Attempt]
) -> tuple[list[str], Callable[[Session | Attempt], list[str]]]:
    """Title and cells of the column that tells the shop: nothing where there is only one."""
    several = len({*settings.shop_names, *(row.shop for row in rows)}) > 1
    return ([_("Shop")], lambda row: [row.shop]) if several else ([], lambda _row: [])


def print_sessions(settings: Settings, found: Sequence[Session]) -> None:
    title, of = shop_column(settings, found)
    head = (_("ID"), *title, _("Types"), _("Status"), _("Created"), _("Read"), _("Rejected"), _("Operator"))
    print_table(
        (*head, _("Request"), _("Reason")),
        (
            (
                s.id,
                *of(s),
                kinds(s.kinds),
                status(s),
                texts.when(s.created_at),
                s.counts.read,
                s.counts.rejected,
                s.operator,
                s.request_id,
                s.error or s.waiting,
            )
            for s in found
        ),
        _("No sessions"),
    )


def print_attempts(settings: Settings, found: Sequence[Attempt]) -> None:
    title, of = shop_column(settings, found)
    head = (_("At"), _("Request"), _("Outcome"), _("Session"), *title, _("Types"), _("Operator"), _("Host"))
    print_table(
        (*head, _("Lock"), _("Reason")),
        (
            (
                texts.when(a.at),
                a.request_id,
                _told(words.outcome(a.outcome), dry_run=a.dry_run),
                a.session_id,
                *of(a),
                kinds(a.kinds),
                a.operator,
                a.host,
                words.lock(a.lock),
                a.reason,
            )
            for a in found
        ),
        _("No attempts"),
    )


def print_session(
    settings: Settings, session: Session, attempt: Attempt | None, gains: Gains | None, *, rejects_kept: bool
) -> None:
    """`attempt`: the one that made it."""
    elsewhere = session.source_host not in (None, socket.gethostname())
    rows = [
        (_("Session"), session.id),
        (_("Request"), session.request_id),
        (_("Task"), session.task_id),
        (_("Shop"), session.shop if shop_column(settings, [session])[0] else None),
        (_("Types"), kinds(session.kinds)),
        (_("Launched with"), options(session)),
        (_("Status"), words.status(session.status)),
        (_("Waits"), session.waiting),
        (_("Source"), session.source),
        (_("Source on"), session.source_host if elsewhere else None),
        (_("Operator"), session.operator),
        (_("Host"), session.host),
        (_("Created"), texts.when(session.created_at)),
        (_("Started"), texts.when(session.started_at)),
        (_("Finished"), texts.when(session.finished_at)),
        (_("Lock"), words.lock(attempt.lock) if attempt else None),
        (_("Error"), session.error),
    ]
    width = max(len(title) for title, _value in rows)
    for title, value in rows:
        if value not in (None, ""):
            print_line(f"{title:{width}}  {texts.shorten(str(value))}")
    print_counts(session, gains, rejects_kept=rejects_kept)


def print_counts(session: Session, gains: Gains | None, *, rejects_kept: bool = True) -> None:
    """What became of the records, by type and of each by table, and what is to know of that."""
    told = gains.kinds if gains else {}
    rows: list[tuple[str, Counts]] = []
    for kind, counts in session.by_kind.items():
        rows.append((_(kind), counts))
        if kind in told:
            rows += [(f"  {texts.table(name)}", one) for name, one in told[kind].tables.items()]
    if rows:
        head = [_("Type"), _("Read"), _("Created"), _("Updated"), _("Unchanged"), _("Removed"), _("Rejected")]
        cells = [[name, c.read, c.created, c.updated, c.unchanged, c.removed, c.rejected] for name, c in rows]
        if session.counts.orphans:  # else it would only keep the rest from 80 columns
            head.append(_("Without product"))
            for row, (_name, counts) in zip(cells, rows, strict=True):
                row.append(counts.orphans)
        print_table(head, cells)
    if session.options.dry_run and session.status.final:
        print_line(_("This was a dry run: the catalog is as before."))
    if session.counts.rejected and not rejects_kept:
        print_line(_(NOT_KEPT))  # the table tells how many there were
    elif rejected := session.counts.rejected:
        text = ngettext(
            "{n} record was rejected; see why: obmen rejects {id}",
            "{n} records were rejected; see why: obmen rejects {id}",
            rejected,
        )
        print_line(text.format(n=rejected, id=session.id))
