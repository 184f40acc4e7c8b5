"""How the journal's values read, on the command line and on the screen: states and outcomes, numbers, durations."""

from __future__ import annotations

from datetime import UTC, datetime

from importers.clock import utc_text
from importers.texts import N_, _

STATUSES = {
    "started": N_("started"),
    "in_progress": N_("running"),
    "cancelling": N_("cancelling"),
    "completed": N_("completed"),
    "failed": N_("failed"),
    "cancelled": N_("cancelled"),
}
OUTCOMES = {
    "created": N_("created"),
    "joined": N_("joined"),
    "replayed": N_("replayed"),
    "mismatch": N_("mismatch"),
    "refused": N_("refused"),
    "error": N_("error"),
}
LOCKS = {
    "acquired": N_("taken"),
    "busy": N_("held by another launch"),
    "unavailable": N_("Redis did not answer"),
    "off": N_("not needed"),
}

NO_REDIS = N_("Redis did not answer; the journal alone sees to it that there is one session")
NOT_KEPT = N_("Its rejects are kept no longer.")
"""Of a session that had some."""
LOG_NOT_KEPT = N_("Its log is kept no longer.")
"""Of one that has ended; it had a line at least."""


def status(value: str) -> str:
    return _(STATUSES[value])


def outcome(value: str | None) -> str:
    """None: the launching process died before it knew."""
    return _(OUTCOMES[value]) if value else _("unknown")


def lock(value: str | None) -> str:
    return _(LOCKS[value]) if value in LOCKS else value or ""


def now_text() -> str:
    """As the journal writes it."""
    return utc_text(datetime.now(UTC))


def number(value: int) -> str:
    return f"{value:,}".replace(",", " ")


def span(seconds: int) -> str:
    """0:35, 4:05, 1:02:03, 12 d 4 h."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 100:
        return _("{days} d {hours} h").format(days=hours // 24, hours=hours % 24)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def bar(share: float, cells: int, *, signs: bool = True) -> str:
    """Of a share of 1. Without `signs` in ASCII."""
    full = min(cells, int(share * cells))
    done, left = ("█", "░") if signs else ("#", ".")
    return done * full + left * (cells - full)
