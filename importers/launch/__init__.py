"""The launch: the only place in the program that makes a session (DESIGN: "The launch, step by step").

request = LaunchRequest(kinds=("prices",), source="/srv/1c", idempotency_key=new_key())
result = await launch(request, settings, journal)
"""

from __future__ import annotations

import secrets

import msgspec

from importers.kinds import Options
from importers.sessions.models import Outcome, Session


class LaunchRequest(msgspec.Struct, frozen=True):
    """What one confirm asks for. Minted when the dialog opens; every retry carries the same key."""

    kinds: tuple[str, ...]
    """In the order selected; the first one is the session's type."""
    source: str
    idempotency_key: str
    options: Options = Options()


class LaunchResult(msgspec.Struct, frozen=True):
    """What came of one confirm. `session` is None only for `refused` and `error`."""

    request_id: str
    outcome: Outcome
    session: Session | None
    reason: str | None = None
    """English message with `reason_args` for `texts.render`: why joined, refused, error."""
    reason_args: dict[str, str] = {}
    lock: str = "off"
    """acquired | busy | unavailable | off"""


def new_key() -> str:
    """An idempotency key: 128 random bits."""
    return secrets.token_hex(16)


def new_request_id() -> str:
    return secrets.token_hex(4)
