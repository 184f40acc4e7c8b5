"""The facts and counts of one session on one page."""

from __future__ import annotations

from datetime import datetime

from rich.text import Text
from textual.containers import VerticalScroll
from textual.widgets import Static

from importers.sessions.models import Session
from importers.texts import N_, _
from tui import show
from tui.widgets.sessions import STATUS_STYLES

COLUMNS = (
    ("read", N_("read")),
    ("created", N_("created")),
    ("updated", N_("updated")),
    ("unchanged", N_("unchanged")),
    ("removed", N_("removed")),
    ("rejected", N_("rejected")),
    ("orphans", N_("orphans")),
)


class SummaryPane(VerticalScroll):
    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (Textual's name)
        super().__init__(id=id)
        self._page = Static(Text(), markup=False)
        self._shown = Text()

    def compose(self):  # type: ignore[no-untyped-def]
        yield self._page

    def show(self, session: Session | None, now: datetime) -> None:
        page = summary(session, now) if session else Text()
        if page != self._shown:
            self._shown = page
            self._page.update(page)


def summary(session: Session, now: datetime) -> Text:
    """Counts by kind as a table, then one fact a line."""
    page = Text()
    if session.error:
        page.append(show.message(session.error, session.error_args) + "\n\n", "bold red")
    _counts(page, session)
    options = [_("dry run: nothing is written")] if session.options.dry_run else []
    options += [_("past the limits")] if session.options.force else []
    facts = [
        (_("Status"), show.status(session.status)),
        (_("Started"), show.when(session.started_at or session.created_at, long=True)),
        (_("Finished"), show.when(session.finished_at, long=True)),
        (_("Duration"), show.elapsed(session, now)),
        (_("Options"), ", ".join(options)),
        (_("Request"), session.request_id),
        (_("Task"), session.task_id),
        (_("Operator"), f"{session.operator}@{session.host}"),
        (_("Worker"), session.owner or ""),
        (_("Source"), session.source),
        (_("Target"), session.target),
    ]
    facts = [(title, text) for title, text in facts if text]
    room = max(show.width(title) for title, _text in facts) + 2
    for title, text in facts:
        style = STATUS_STYLES[session.status] if title == _("Status") else ""
        page.append(title + " " * (room - show.width(title)), "dim").append(show.plain(text) + "\n", style)
    page.rstrip()
    return page


def _counts(page: Text, session: Session) -> None:
    """One row a kind; kinds that have no counts yet show that they wait."""
    columns = [(field, _(title)) for field, title in COLUMNS]
    names = [show.kind(kind) for kind in session.kinds]
    first = max(map(show.width, [*names, _("Type")])) + 2
    page.append(_("Type") + " " * (first - show.width(_("Type"))), "dim")
    for _field, title in columns:
        page.append(" " * max(1, 10 - show.width(title)) + title, "dim")
    page.append("\n")
    for kind, name in zip(session.kinds, names, strict=True):
        page.append(name + " " * (first - show.width(name)))
        counts = session.by_kind.get(kind)
        if counts is None:
            page.append("  " + (_("running") if kind == session.running_kind else "-") + "\n", "dim")
            continue
        for field, title in columns:
            value = show.number(getattr(counts, field))
            style = "bold yellow" if field == "rejected" and value != "0" else "dim" if value == "0" else ""
            page.append(value.rjust(max(10, show.width(title) + 1)), style)
        page.append("\n")
    page.append("\n")
