"""How the journal's values look on the screen: words, signs, times, numbers. All texts are in the reader's language.

Signs are ASCII or of narrow East Asian width, so that columns stay aligned in every terminal, and each stands
beside a word: nothing is said by colour alone.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal

from importers import words
from importers.events import Counts
from importers.kinds.registry import title_of
from importers.output import LEVELS
from importers.sessions.models import Attempt, LogLine, Outcome, Session, Status
from importers.texts import N_, Message, _, decimal, ngettext, render
from importers.texts import fitted as fitted
from importers.texts import plain as plain
from importers.texts import width as width
from importers.words import span as span

STATUS_SIGNS = {
    Status.STARTED: "◦",
    Status.IN_PROGRESS: "▸",
    Status.CANCELLING: "◂",
    Status.COMPLETED: "✓",
    Status.FAILED: "✗",
    Status.CANCELLED: "-",
}
OUTCOME_SIGNS = {
    Outcome.CREATED: "✓",
    Outcome.JOINED: "»",
    Outcome.REPLAYED: "=",
    Outcome.MISMATCH: "✗",
    Outcome.REFUSED: "-",
    Outcome.ERROR: "✗",
}


def message(value: Message | None) -> str:
    return plain(str(value)) if value else ""


def log_text(line: LogLine) -> str:
    """What stands behind its time: a word for its level, unless it is mere information, and its text."""
    text = plain(render(line.message, line.args)) or line.type
    return f"{_(LEVELS[line.level])}: {text}" if line.level in LEVELS else text


def status(value: Status) -> str:
    return f"{STATUS_SIGNS[value]} {words.status(value)}"


def outcome(attempt: Attempt) -> str:
    """What came of it, also that the session it made only tries; "?": the launching process died before it knew."""
    value = attempt.outcome
    word = _("dry run") if attempt.dry_run and value is Outcome.CREATED else words.outcome(value)
    return f"{OUTCOME_SIGNS[value] if value else '?'} {word}"


def kind(name: str) -> str:
    return plain(_(title_of(name)))


def kinds(item: Session | Attempt, room: int | None = None) -> str:
    """The type, and how many more kinds: "Product prices +2". Where that is more than `room` cells, the type is called
    as on the command line, "prices +2", and at last cut."""
    if not item.kinds:
        return ""
    name, more = kind(item.kinds[0]), f" +{len(item.kinds) - 1}" if len(item.kinds) > 1 else ""
    if room is None or width(name + more) <= room:
        return name + more
    return fitted(min(name, _(item.kinds[0]), key=width), room - len(more)) + more


def state(session: Session) -> str:
    """Its status in a table, in 14 cells: how far it is while it runs, and that it is a dry run."""
    word, sign = words.status(session.status), STATUS_SIGNS[session.status]
    if session.options.dry_run:
        if session.status in {Status.STARTED, Status.IN_PROGRESS, Status.COMPLETED}:
            word = _("dry run")
        elif session.status is Status.FAILED:
            word = ", ".join((word, _("dry")))
        elif session.status is Status.CANCELLED:
            word = ", ".join((_("canc."), _("dry")))
    if session.status is Status.COMPLETED and session.counts.rejected:
        sign = "!"
    elif session.status is Status.IN_PROGRESS and (done := progress(session)):
        word = f"{word} {done}"
    return f"{sign} {word}"


def short_state(session: Session) -> str:
    """Where there is no room: the sign and how far it is say that it runs."""
    done = progress(session) if session.status is Status.IN_PROGRESS and not session.options.dry_run else ""
    return f"{STATUS_SIGNS[session.status]} {done}" if done else state(session)


def ending(session: Session) -> str:
    """How it ended: status, records and how long it took."""
    parts = [state(session)]
    if session.error:
        parts.append(message(session.error))
    if session.counts.read:
        read = session.counts.read
        parts.append(ngettext("{count} record", "{count} records", read).format(count=number(read)))
    if count := session.counts.rejected:
        parts.append(rejected(count))
    return ", ".join(parts)


def rejected(count: int) -> str:
    return ngettext("{count} rejected", "{count} rejected", count).format(count=number(count))


def parse(at: str) -> datetime:
    return datetime.fromisoformat(at)


def when(at: str | None, now: datetime) -> str:
    """A journal time for a table, in the reader's time zone: without the year in this one, else without the hour."""
    if not at:
        return ""
    local = parse(at).astimezone()
    if local.year == now.astimezone(local.tzinfo).year:
        return local.strftime(_("%m-%d %H:%M")) + _offset(local)
    return local.strftime(_("%Y-%m-%d"))


def moment(at: str | None) -> str:
    """A journal time in full: to the second, with the offset of the reader's time zone."""
    if not at:
        return ""
    local = parse(at).astimezone()
    return local.strftime(_("%Y-%m-%d %H:%M:%S")) + f" {local.isoformat()[-6:]}"


def clock(at: str, *, seconds: bool = True) -> str:
    """The time of day of a journal time, in the reader's time zone."""
    local = parse(at).astimezone()
    return local.strftime("%H:%M:%S" if seconds else "%H:%M") + _offset(local)


def _offset(local: datetime) -> str:
    """Of the reader's time zone, as short as ISO 8601 allows: +03, with minutes only where there are some, +05:30."""
    return local.isoformat()[-6:].removesuffix(":00")


WHEN = len("12-31 23:59" + _offset(datetime.now().astimezone()))
"""Cells of `when`."""


def elapsed(session: Session, now: datetime) -> str:
    """How long the import ran, or has run until `now`: 0.3 s, 4:05, 1:02:03."""
    if not session.started_at:
        return ""
    exact = seconds(session, now)
    if session.finished_at and exact < 10:
        return _("{seconds} s").format(seconds=decimal(exact))
    return span(int(exact))


def seconds(session: Session, now: datetime) -> float:
    """The same exactly; 0 of one that has not begun."""
    if not session.started_at:
        return 0.0
    end = parse(session.finished_at) if session.finished_at else now
    return max(0.0, (end - parse(session.started_at)).total_seconds())


def age(since: datetime, now: datetime) -> str:
    """How long ago, in one unit: 5 min, 3 h, 2 d."""
    minutes = max(0, int((now - since).total_seconds())) // 60
    if minutes < 60:
        return _("{count} min").format(count=minutes)
    return (
        _("{count} h").format(count=minutes // 60)
        if minutes < 48 * 60
        else _("{count} d").format(count=minutes // 1440)
    )


def progress(session: Session) -> str:
    if session.status is Status.COMPLETED:
        return "100%"
    return f"{min(99, session.done * 100 // session.total)}%" if session.total else ""


def progress_bar(session: Session, width: int) -> str:
    """How far it is, as a bar of `width` cells and a number; of one that has ended nothing."""
    if session.status.final or not session.total:
        return ""
    return f"{words.bar(session.done / session.total, width)} {progress(session)}"


def number(value: int) -> str:
    """Never broken between two rows."""
    return words.number(value).replace(" ", "\N{NO-BREAK SPACE}")


def amount(value: float | str) -> str:
    """Of money or goods: a text of decimals with all its digits, a sum of floats to the thousandth; never as 1e+06."""
    exact = format(Decimal(value) if isinstance(value, str) else Decimal(f"{value:.3f}").normalize(), "f")
    whole, point, rest = exact.partition(".")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    return sign + number(int(digits)) + decimal(point + rest)


def size(count: int) -> str:
    """Bytes for people: 912 B, 4.2 MB."""
    value = float(count)
    for unit in (N_("B"), N_("kB"), N_("MB"), N_("GB")):
        if value < 1000 or unit == "GB":
            break
        value /= 1000
    return f"{value:.0f} {_(unit)}" if value >= 100 or unit == "B" else f"{decimal(value)} {_(unit)}"


COUNT_SIGNS = (("rejected", "!"), ("created", "+"), ("updated", "~"), ("removed", "-"), ("unchanged", "="))


def counts(value: Counts, room: int) -> str:
    """The counts that are not 0, by sign, as far as they fit into `room` cells: "!3 +12 ~40 …"."""
    text = ""
    parts = [f"{sign}{number(n)}" for field, sign in COUNT_SIGNS if (n := getattr(value, field))]
    for place, part in enumerate(parts):
        last = place == len(parts) - 1
        if len(text) + len(part) + (0 if last else 2) > room:
            return text + "…"
        text += part if last else f"{part} "
    return text


def shortened(path: str, room: int) -> str:
    """A path in `room` cells: its name whole, where there is room for it, and of its folder the beginning."""
    if len(path) <= room:
        return path
    _folder, slash, name = path.rpartition("/")
    end = slash + name if slash and len(name) + 2 <= room else path[len(path) - room // 3 :]
    return f"{path[: room - len(end) - 1]}…{end}"


PIECES = re.compile(r"[^ \n/]*(?:/+| +|\n|$)")
"""What lines are broken behind: words, and parts of paths."""


def broken(text: str, room: int) -> str:
    """In lines of `room` cells, so that paths are broken behind a "/", and names only where one alone has no room."""
    lines = [""]
    for piece in PIECES.findall(text):
        if lines[-1] and width(lines[-1]) + width(piece.rstrip()) > room:
            lines.append("")
        lines[-1] += piece
        while width(lines[-1].rstrip()) > room:
            fits = max(1, len(fitted(lines[-1], room, "")))
            lines[-1:] = [lines[-1][:fits], lines[-1][fits:]]
    return "\n".join(line.rstrip() for line in "\n".join(lines).split("\n"))


def sign_apart(text: str) -> tuple[str, str]:
    """A leading sign with an emoji selector (U+FE0F), and the rest.

    Terminals disagree on the width of such a sign, and some drop what is written in one piece with it: it is painted
    in a style of its own, and nothing stands to the right of its line.
    """
    sign, _space, rest = text.partition(" ")
    return (sign, " " + rest) if "\N{VARIATION SELECTOR-16}" in sign else ("", text)


def now() -> datetime:
    return datetime.now(UTC)
