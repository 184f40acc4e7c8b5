"""How the journal's values look on the screen: words, signs, times, numbers. All texts are in the reader's language.

Signs are ASCII or of narrow East Asian width, so that columns stay aligned in every terminal, and each stands
beside a word: nothing is said by colour alone.
"""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

from importers.events import Counts
from importers.kinds.registry import title_of
from importers.sessions.models import Attempt, LogLine, Outcome, Session, Status
from importers.texts import N_, Message, _, language, render
from importers.texts import plain as plain

STATUS_WORDS = {
    Status.STARTED: N_("started"),
    Status.IN_PROGRESS: N_("running"),
    Status.CANCELLING: N_("cancelling"),
    Status.COMPLETED: N_("completed"),
    Status.FAILED: N_("failed"),
    Status.CANCELLED: N_("cancelled"),
}
STATUS_SIGNS = {
    Status.STARTED: "◦",
    Status.IN_PROGRESS: "▸",
    Status.CANCELLING: "◂",
    Status.COMPLETED: "✓",
    Status.FAILED: "✗",
    Status.CANCELLED: "-",
}
OUTCOME_WORDS = {
    Outcome.CREATED: N_("created"),
    Outcome.JOINED: N_("joined"),
    Outcome.REPLAYED: N_("replayed"),
    Outcome.MISMATCH: N_("mismatch"),
    Outcome.REFUSED: N_("refused"),
    Outcome.ERROR: N_("error"),
}
OUTCOME_SIGNS = {
    Outcome.CREATED: "✓",
    Outcome.JOINED: "»",
    Outcome.REPLAYED: "=",
    Outcome.MISMATCH: "✗",
    Outcome.REFUSED: "-",
    Outcome.ERROR: "✗",
}
LEVEL_WORDS = {"warning": N_("WARNING"), "error": N_("ERROR")}


def message(value: Message | None) -> str:
    return plain(str(value)) if value else ""


def log_text(line: LogLine) -> str:
    return plain(render(line.message, line.args))


def status(value: Status) -> str:
    return f"{STATUS_SIGNS[value]} {_(STATUS_WORDS[value])}"


def outcome(value: Outcome | None) -> str:
    """`None`: the launching process died before it knew."""
    return f"{OUTCOME_SIGNS[value]} {_(OUTCOME_WORDS[value])}" if value else "? " + _("unknown")


def kind(name: str) -> str:
    return plain(_(title_of(name)))


def kinds(item: Session | Attempt) -> str:
    """The type, how many more kinds, and whether it only tries: "Product prices +2 (dry run)"."""
    if not item.kinds:
        return ""
    more = f" +{len(item.kinds) - 1}" if len(item.kinds) > 1 else ""
    tried = " (" + _("dry run") + ")" if isinstance(item, Session) and item.options.dry_run else ""
    return kind(item.kinds[0]) + more + tried


def parse(at: str) -> datetime:
    return datetime.fromisoformat(at)


def when(at: str | None, *, long: bool = False) -> str:
    """A journal time in the reader's time zone; to the second when `long`."""
    if not at:
        return ""
    form = _("%Y-%m-%d %H:%M:%S") if long else _("%m-%d %H:%M")
    return parse(at).astimezone().strftime(form)


def clock(at: str) -> str:
    return parse(at).astimezone().strftime("%H:%M:%S")


def elapsed(session: Session, now: datetime) -> str:
    """How long the import ran, or has run until `now`: 0.3 s, 4:05, 1:02:03."""
    if not session.started_at:
        return ""
    end = parse(session.finished_at) if session.finished_at else now
    exact = max(0.0, (end - parse(session.started_at)).total_seconds())
    if session.finished_at and exact < 10:
        return _("{seconds} s").format(seconds=decimal(exact))
    minutes, seconds = divmod(int(exact), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def progress(session: Session) -> str:
    if session.status is Status.COMPLETED:
        return "100%"
    return f"{min(99, session.done * 100 // session.total)}%" if session.total else ""


def number(value: int) -> str:
    return f"{value:,}".replace(",", "\N{NO-BREAK SPACE}")


def size(count: int) -> str:
    """Bytes for people: 912 B, 4.2 MB."""
    value = float(count)
    for unit in (N_("B"), N_("kB"), N_("MB"), N_("GB")):
        if value < 1000 or unit == "GB":
            break
        value /= 1000
    return f"{value:.0f} {_(unit)}" if value >= 100 or unit == "B" else f"{decimal(value)} {_(unit)}"


def decimal(value: float) -> str:
    """One digit after the reader's decimal sign."""
    return f"{value:.1f}".replace(".", "," if language() == "ru" else ".")


COUNT_SIGNS = (("created", "+"), ("updated", "~"), ("unchanged", "="), ("removed", "-"), ("rejected", "!"))


def counts(value: Counts) -> str:
    """The counts that are not 0, by sign: "+12 ~40 =300 !3"."""
    return " ".join(f"{sign}{number(n)}" for field, sign in COUNT_SIGNS if (n := getattr(value, field)))


def width(text: str) -> int:
    """Cells that `text` takes in a terminal."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def sign_apart(text: str) -> tuple[str, str]:
    """A leading sign with an emoji selector (U+FE0F), and the rest.

    Terminals disagree on the width of such a sign, and some drop what is written in one piece with it: it is painted
    in a style of its own, and nothing stands to the right of its line.
    """
    sign, _space, rest = text.partition(" ")
    return (sign, " " + rest) if "\N{VARIATION SELECTOR-16}" in sign else ("", text)


def now() -> datetime:
    return datetime.now(UTC)
