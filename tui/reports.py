"""One session as pages of text: how it stands, its counts, its files, what the shop gained and lost, its facts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from rich.text import Text

from importers import texts
from importers.events import Changes, Counts
from importers.sessions import Session, Status
from importers.sessions.details import Files, Gains, Standing
from importers.texts import N_, _, decimal, ngettext
from tui import present
from tui.widgets.sessions import status_style

COLUMNS = (
    ("read", N_("read"), N_("recs.")),
    ("created", N_("created"), N_("creat.")),
    ("updated", N_("updated"), N_("upd.")),
    ("unchanged", N_("unchanged"), N_("unch.")),
    ("removed", N_("removed"), N_("rem.")),
    ("rejected", N_("rejected"), N_("rej.")),
    ("orphans", N_("without product"), N_("no prod.")),
)
"""Counts, their titles, and what these are where there is little room."""
SPARKS = "▁▂▃▄▅▆▇█"
STAGES = {"read": N_("reading"), "merge": N_("merging"), "commit": N_("committing")}
NOT_YET = N_("Not known yet: the session has not ended.")
FEW = 20
"""So many of each sort of change are listed."""
LEAST_OF_A_NAME = 20
"""Cells of a file's name beside its numbers."""
LEAST_OF_A_FACT = 20


class Details(NamedTuple):
    """What a session tells beside its row; None: nothing."""

    standing: Standing | None = None
    files: Files | None = None
    gains: Gains | None = None


def summary(session: Session, details: Details, now: datetime, width: int) -> Text:
    """How it stands, then tables by counts."""
    page = Text()
    if session.error:
        page.append(present.message(session.error) + "\n\n", "bold red")
    if details.standing:
        _standing(page, session, details.standing, now, width)
    if session.options.dry_run:
        page.append(_("dry run: nothing is written") + "\n\n", "bold cyan")
    told = details.gains.kinds if details.gains else {}
    groups: dict[str, Mapping[str, Counts | str]] = {
        present.kind(kind): {"  " + texts.table(name): one for name, one in changes.tables.items()}
        for kind, changes in told.items()
    }
    if rest := _by_kind(session, told):
        groups[_("Type")] = rest
    page.append_text(_table(groups, width))
    return page


def standing_line(session: Session, standing: Standing, width: int) -> Text:
    """How far a running session is, in a line: as many parts as fit into `width` cells, the most important first."""
    line = Text(present.progress_bar(session, max(10, width // 5)), "bold", no_wrap=True)
    parts = []
    if standing.seconds_left is not None:
        parts.append(_("{time} left").format(time=present.span(round(standing.seconds_left))))
    if standing.rate:
        parts.append(_rate(standing.rate))
    if standing.kind:
        parts.append(_doing(standing, standing.kind))
    for part in parts:
        if line.cell_len + 2 + present.width(part) > width:
            break
        line.append("  " + part, "not bold")
    return line


def _rate(rate: float) -> str:
    return _("{n} records/s").format(n=present.number(round(rate)))


def _doing(standing: Standing, kind: str) -> str:
    return f"{present.kind(kind)}: {_(STAGES.get(standing.stage, standing.stage))}"


def _standing(page: Text, session: Session, standing: Standing, now: datetime, width: int) -> None:
    if not session.status.final:
        room = max(10, min(40, width - 40))
        page.append(present.progress_bar(session, room), "bold cyan")
        if standing.seconds_left is not None:
            page.append("  " + _("{time} left").format(time=present.span(round(standing.seconds_left))))
        page.append("\n")
        if standing.kind:
            file = "" if standing.reading else f" {standing.file}"
            page.append(present.plain(_doing(standing, standing.kind) + file) + "\n")
            page.append_text(_reading(standing))
        for kind, one in standing.kinds.items():
            page.append(f"  {present.kind(kind)}  ", "dim").append(
                _("{read} read, {merged} merged").format(
                    read=f"{int(one.read * 100)}%", merged=f"{int(one.merged * 100)}%"
                )
                + "\n"
            )
    rate, records = standing.rate, standing.records
    if session.status.final and session.counts.read:
        records = session.counts.read
        rate = records / max(present.seconds(session, now), 0.001)
    if records:
        count = ngettext("{count} record", "{count} records", records).format(count=present.number(records))
        page.append(count)
        if standing.rate or any(standing.rates):  # else nothing was read: the export was known
            page.append(f", {_rate(rate)}  ")
            page.append(sparkline(standing.rates, min(60, max(10, width - 50))), "cyan")
        page.append("\n\n")


def sparkline(values: Sequence[float], width: int) -> str:
    """The last `width` values as bars, the highest one full."""
    shown = values[-width:]
    top = max(shown, default=0) or 1
    return "".join(
        SPARKS[min(len(SPARKS) - 1, int(value / top * (len(SPARKS) - 1) + 0.5))] for value in shown
    )


def _by_kind(session: Session, told: Collection[str]) -> dict[str, Counts | str]:
    """One row a kind that has no tables of its own; kinds that have no counts yet show that they wait."""
    rows: dict[str, Counts | str] = {}
    for kind in session.kinds:
        if kind in told:
            continue
        waiting = _("running") if kind == session.running_kind else "-"
        rows[present.kind(kind)] = session.by_kind.get(kind, waiting)
    return rows


def _table(groups: Mapping[str, Mapping[str, Counts | str]], width: int) -> Text:
    """Names by counts, in groups below each other, in `width` cells as far as numbers leave room; zeros are dim, and
    orphans left out where there are none."""
    page = Text()
    told = [counts for rows in groups.values() for counts in rows.values() if isinstance(counts, Counts)]
    first = max(present.width(name) for title, rows in groups.items() for name in (title, *rows))
    columns = [one for one in COLUMNS if one[0] != "orphans" or any(counts.orphans for counts in told)]
    fields = [field for field, _title, _short in columns]
    numbers = [max([1, *(len(present.number(getattr(one, field))) for one in told)]) for field in fields]
    titles = [_(title) for _field, title, _short in columns]
    rooms = _rooms(titles, numbers, width - first)
    if any(present.width(title) >= room for title, room in zip(titles, rooms, strict=True)):
        titles = [_(short) for _field, _title, short in columns]
        rooms = _rooms(titles, numbers, width - first)
    head = "".join(
        present.fitted(title, room - 1).rjust(room) for title, room in zip(titles, rooms, strict=True)
    )
    for number, (title, rows) in enumerate(groups.items()):
        page.append(title + " " * (first - present.width(title)), "bold")
        page.append(("" if number else head) + "\n", "dim")
        for name, counts in rows.items():
            page.append(name + " " * (first - present.width(name)))
            if isinstance(counts, str):
                page.append("  " + counts, "dim")
            else:
                for field, room in zip(fields, rooms, strict=True):
                    value = getattr(counts, field)
                    style = "dim" if not value else "bold yellow" if field in {"rejected", "orphans"} else ""
                    page.append(present.number(value).rjust(room), style)
            page.append("\n")
    return page


def _rooms(titles: Sequence[str], numbers: Sequence[int], width: int) -> list[int]:
    """Cells of each column: what is between them gives way, then the longest titles do, numbers never."""
    least = [number + 1 for number in numbers]
    whole = [max(present.width(title) + 1, room) for title, room in zip(titles, least, strict=True)]
    rooms = [max(present.width(title) + 2, room) for title, room in zip(titles, least, strict=True)]
    for smallest in (whole, least):
        while sum(rooms) > width and rooms != smallest:
            longest = max(range(len(rooms)), key=lambda place: rooms[place] - smallest[place])
            rooms[longest] -= 1
    return rooms


def facts(session: Session, now: datetime, width: int, *, shops: bool) -> Text:
    """One fact a line, longer ones in several. `shops`: whether there are several."""
    options = [_("dry run: nothing is written")] if session.options.dry_run else []
    options += [_("past the limits")] if session.options.force else []
    options += [_("strict")] if session.options.strict else []
    told = [
        (_("Shop"), session.shop if shops else ""),
        (_("Status"), present.state(session)),
        (_("Types"), ", ".join(map(present.kind, session.kinds))),
        (_("Started"), present.moment(session.started_at or session.created_at)),
        (_("Finished"), present.moment(session.finished_at)),
        (_("Duration"), present.elapsed(session, now)),
        (_("Launched with"), ", ".join(options)),
        (_("Request"), session.request_id),
        (_("Task"), session.task_id),
        (_("Operator"), f"{session.operator}@{session.host}"),
        (_("Worker"), session.owner or ""),
        (_("Source"), session.source),
        (_("Only on"), session.source_host or ""),
        (_("Target"), session.target),
    ]
    told = [(title, text) for title, text in told if text]
    room = max(present.width(title) for title, _text in told) + 2
    page = Text()
    for title, text in told:
        style = status_style(session) if title == _("Status") else ""
        lines = present.broken(present.plain(text), max(LEAST_OF_A_FACT, width - room))
        page.append(title + " " * (room - present.width(title)), "dim")
        page.append(lines.replace("\n", "\n" + " " * room) + "\n", style)
    page.rstrip()
    return page


def _reading(standing: Standing) -> Text:
    """Each file that is read now, and how far."""
    page = Text()
    for name, share in standing.reading.items():
        page.append(present.plain(f"  {name}  {int(share * 100)}%") + "\n")
    return page


def files(told: Details, now: datetime, width: int, *, ended: bool = True) -> Text:
    """Each file with size, time, records and seconds. Before the session has `ended`, also what of them is read now:
    the rest of a file is known when an import type is through with it."""
    reading = _reading(told.standing) if told.standing and not ended else Text()
    if reading:
        reading = Text.assemble((_("Being read now:") + "\n", "dim"), reading)
    files = told.files.files if told.files else ()
    if not files:
        nothing = _("No file was read, or it is not told any more.") if ended else _(NOT_YET)
        if ended and told.gains:  # it is told of, so it is the files that were not read
            nothing = _(
                "No file was read: neither the export nor the catalog had changed since the last time."
            )
        return reading or Text(nothing, "dim")
    page = reading + Text("\n") if reading else Text()
    numbers = [
        (
            present.size(one.size),
            present.when(one.modified, now),
            present.number(sum(sum(read.records.values()) + read.rejected for read in one.read.values())),
            present.number(sum(read.rejected for read in one.read.values())),
            decimal(one.seconds),
        )
        for one in files
    ]
    titles = (_("Size"), _("Written"), _("Records"), _("Rejected"), _("Seconds"))
    rooms = [max(map(present.width, column)) for column in zip(titles, *numbers, strict=True)]
    beside = width - sum(rooms) - 2 * len(rooms) - 2

    short = {present.shortened(present.plain(one.name), beside) for one in files}
    is_narrow = beside < LEAST_OF_A_NAME or len(short) < len(files)

    def named(name: str) -> str:
        """In front of the numbers, or, where these leave too little room to tell files apart, on a line of its own."""
        if is_narrow:
            return present.shortened(name, width) + "\n"
        return present.shortened(name, beside).ljust(beside)

    page.append(
        named(_("File"))
        + "".join("  " + title.rjust(room) for title, room in zip(titles, rooms, strict=True))
        + "\n",
        "dim",
    )
    for one, row in zip(files, numbers, strict=True):
        page.append(named(present.plain(one.name)))
        for place, (cell, room) in enumerate(zip(row, rooms, strict=True)):
            page.append("  " + cell.rjust(room), "bold yellow" if place == 3 and cell != "0" else "")
        page.append("\n")
    return page


def changes(session: Session, told: Gains | None) -> Text:
    """What the shop gained and lost; or would have, of a session that wrote nothing."""
    page, parts = Text(), Text()
    for kind, one in (told.kinds if told else {}).items():
        if part := _changes_of(one):
            parts.append(present.kind(kind) + "\n", "bold").append_text(part).append("\n")
    if not parts:
        nothing = _("Nothing changed in the shop, or it is not told any more.")
        return Text(nothing if session.status.final else _(NOT_YET), "dim")
    if session.options.dry_run or session.status in {Status.FAILED, Status.CANCELLED}:
        page.append(_("Nothing of this was written:") + "\n\n", "bold yellow")
    return page.append_text(parts)


def _changes_of(one: Changes) -> Text:
    page = Text()
    for name, counts in one.tables.items():
        if counts.created or counts.updated or counts.removed:
            page.append(f"  {texts.table(name)}  ")
            page.append(f"+{present.number(counts.created)} ~{present.number(counts.updated)} ")
            page.append(f"-{present.number(counts.removed)}\n", "yellow" if counts.removed else "")
    if one.prices:
        page.append(
            "  "
            + _("Prices: {raised} raised, {lowered} lowered; the largest changes:").format(
                raised=present.number(one.raised), lowered=present.number(one.lowered)
            )
            + "\n"
        )
        for price in one.prices[:FEW]:
            percent = "" if price.percent is None else f"{_signed(round(price.percent))}%"
            old, new = present.amount(price.old), present.amount(price.new)
            page.append(f"    {percent:>7}  ", "bold").append(
                present.plain(f"{old} > {new} {price.currency}  {price.name}, {price.price_type}") + "\n"
            )
    if one.stocks:
        page.append(
            "  "
            + _("Out of stock now: {count}; the largest losses:").format(count=present.number(one.emptied))
            + "\n"
        )
        for stock in one.stocks[:FEW]:
            old, new = present.amount(stock.old), present.amount(stock.new)
            page.append(f"    {old} > {new}  ", "bold").append(present.plain(stock.name) + "\n")
    for table, gone in one.gone.items():
        page.append("  " + _("Removed: {table}").format(table=texts.table(table)) + "\n")
        for thing in gone[:FEW]:
            page.append(f"    {present.plain(thing.name)}  ").append(present.plain(thing.id) + "\n", "dim")
    return page


def _signed(value: int) -> str:
    return ("" if value < 0 else "+") + present.number(value)
