"""The facts and counts of one session on one page."""

from __future__ import annotations

from datetime import datetime

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from importers.sessions.models import Session
from importers.texts import N_, _
from tui import present
from tui.widgets.sessions import STATUS_STYLES

COLUMNS = (
    ("read", N_("read")),
    ("created", N_("created")),
    ("updated", N_("updated")),
    ("unchanged", N_("unchanged")),
    ("removed", N_("removed")),
    ("rejected", N_("rejected")),
)


class SummaryPane(VerticalScroll):
    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (Textual's name)
        super().__init__(id=id)
        self._page = Static(Text(), markup=False)
        self._shown = Text()

    def compose(self) -> ComposeResult:
        yield self._page

    def show(self, session: Session | None, now: datetime, *, shops: bool) -> None:
        """`shops`: whether there are several."""
        page = summary(session, now, shops=shops) if session else Text()
        if page != self._shown:
            self._shown = page
            self._page.update(page)


def summary(session: Session, now: datetime, *, shops: bool = False) -> Text:
    """Counts by kind as a table, then one fact a line."""
    page = Text()
    if session.error:
        page.append(present.message(session.error) + "\n\n", "bold red")
    _counts(page, session)
    options = [_("dry run: nothing is written")] if session.options.dry_run else []
    options += [_("past the limits")] if session.options.force else []
    orphans = session.counts.orphans
    facts = [
        (_("Without a product"), present.number(orphans) if orphans else ""),
        (_("Shop"), session.shop if shops else ""),
        (_("Status"), present.state(session)),
        (_("Started"), present.moment(session.started_at or session.created_at)),
        (_("Finished"), present.moment(session.finished_at)),
        (_("Duration"), present.elapsed(session, now)),
        (_("Options"), ", ".join(options)),
        (_("Request"), session.request_id),
        (_("Task"), session.task_id),
        (_("Operator"), f"{session.operator}@{session.host}"),
        (_("Worker"), session.owner or ""),
        (_("Source"), session.source),
        (_("Target"), session.target),
    ]
    facts = [(title, text) for title, text in facts if text]
    room = max(present.width(title) for title, _text in facts) + 2
    for title, text in facts:
        style = STATUS_STYLES[session.status] if title == _("Status") else ""
        page.append(title + " " * (room - present.width(title)), "dim").append(
            present.plain(text) + "\n", style
        )
    page.rstrip()
    return page


def _counts(page: Text, session: Session) -> None:
    """One row a kind; kinds that have no counts yet show that they wait."""
    names = [present.kind(kind) for kind in session.kinds]
    first = max(map(present.width, [*names, _("Type")]))
    columns = []
    for field, title in COLUMNS:
        numbers = [present.number(getattr(counts, field)) for counts in session.by_kind.values()]
        columns.append((field, _(title), max(map(present.width, [_(title), *numbers])) + 2))
    page.append(
        _("Type").ljust(first) + "".join(title.rjust(room) for _field, title, room in columns) + "\n", "dim"
    )
    for kind, name in zip(session.kinds, names, strict=True):
        page.append(name + " " * (first - present.width(name)))
        counts = session.by_kind.get(kind)
        if counts is None:
            page.append("  " + (_("running") if kind == session.running_kind else "-"), "dim")
        else:
            for field, _title, room in columns:
                value = getattr(counts, field)
                style = "dim" if not value else "bold yellow" if field == "rejected" else ""
                page.append(present.number(value).rjust(room), style)
        page.append("\n")
    page.append("\n")
