"""The top line: what matters now. What runs, how far, since when and by whom; else how old the export is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.text import Text

from importers.targets import target_of
from importers.texts import _, ngettext
from tui import present

if TYPE_CHECKING:
    from importers.sessions import Session
    from importers.sessions.details import Standing
    from tui.pages import Pages
    from tui.room import Room

GAP = 3
"""Cells between parts."""


def heading(room: Room, running: Sequence[Session], standing: Standing | None, width: int) -> Text:
    """As many parts as fit into `width` cells, the most important first. `standing`: of the oldest that runs."""
    settings = room.settings
    name = " obmen " + (_("demo") + " " if room.demo else "")
    name += _("read-only") + " " if settings.read_only else ""
    line = Text.assemble((name, "bold"), " ")
    running_parts = _running(room, running, standing, width - line.cell_len)
    parts = [*running_parts, *_export(room), Text(_engine(room))]
    for number, part in enumerate(part for part in parts if part):
        gap = GAP if number else 0
        if number and line.cell_len + gap + part.cell_len > width:
            break
        line.append(" · " if number else "").append_text(part)
    return line


def _running(room: Room, running: Sequence[Session], standing: Standing | None, width: int) -> list[Text]:
    """The one that runs in parts; of several how many, and the oldest of them. The word for its state gives way to who
    launched it, then its types and its shop do, which its row tells, too."""
    if not running:
        return []
    session = running[-1]
    parts = [Text(present.elapsed(session, room.now())), Text(present.plain(session.operator))]
    if standing and standing.seconds_left is not None and not session.status.final:
        left = _("{time} left").format(time=present.span(round(standing.seconds_left)))
        parts.insert(0, Text(left, "bold"))
    if len(running) > 1:
        parts.insert(0, Text(_("and {count} more").format(count=len(running) - 1), "bold"))
    shop = f" ({session.shop})" if room.has_shops else ""
    which = f"#{session.id}"
    states, kinds = (present.state(session), present.short_state(session)), present.kinds(session)
    firsts = [f"{state} {which} {kinds}{shop}" for state in states]
    firsts += [f"{state} {which}{more}" for more in (shop, "") for state in states]
    parts = [part for part in parts if part]
    tries = (_first_with(parts[:number], firsts, width) for number in range(len(parts), -1, -1))
    first = next(filter(None, tries), firsts[-1])
    since = _("since {time}").format(time=_began(session, room.now()))
    return [Text(first, "bold"), *parts, Text(since)]


def _first_with(parts: Sequence[Text], firsts: Sequence[str], width: int) -> str | None:
    """The first text that leaves room for these parts."""
    taken = sum(GAP + part.cell_len for part in parts)
    return next((first for first in firsts if cell_len(first) + taken <= width), None)


def _began(session: Session, now: datetime) -> str:
    """The hour alone tells it only of today."""
    at = session.started_at or session.created_at
    is_today = present.parse(at).astimezone().date() == now.astimezone().date()
    return present.clock(at, seconds=False) if is_today else present.when(at, now)


def _export(room: Room) -> list[Text]:
    settings = room.settings
    if settings.shops:
        return [Text(present.plain(", ".join(settings.shop_names)))]
    source = Text(present.plain(target_of(settings).source))
    if room.export_at is None:
        return [source]
    age = present.age(room.export_at, room.now())
    return [Text(_("export {age} old").format(age=age)), source]


def _engine(room: Room) -> str:
    """How launches are kept single, and who does the work."""
    settings = room.settings
    lock = "Redis" if settings.redis.url else _("lock in the journal")
    return f"{lock}, Celery" if settings.worker.engine == "celery" else lock


def counts(pages: Pages[Any], named: Callable[[int], str], marked: int = 0) -> str:
    """How many are marked and listed; "…" as long as nobody knows how many match. `named`: so many, with their name."""
    parts = [ngettext("{count} marked", "{count} marked", marked).format(count=marked)] if marked else []
    if pages.total is not None:
        if pages.wanted:
            matching = "…" if pages.matching is None else present.number(pages.matching)
            total = present.number(pages.total)
            parts.append(_("{count} of {total}").format(count=matching, total=total))
        else:
            parts.append(named(pages.total))
    return ", ".join(parts)


def sessions_in(number: int) -> str:
    return ngettext("{count} session", "{count} sessions", number).format(count=present.number(number))


def attempts_in(number: int) -> str:
    return ngettext("{count} attempt", "{count} attempts", number).format(count=present.number(number))
