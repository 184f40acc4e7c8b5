"""How the journal's values read on the command line: times on the reader's clock, numbers, states and outcomes."""

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
