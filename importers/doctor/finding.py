"""What a check finds."""

from __future__ import annotations

import msgspec


class Check(msgspec.Struct, frozen=True):
    """One finding. `name` is an English msgid; `detail` and `cure` are in the operator's language."""

    name: str
    ok: bool
    detail: str
    cure: str = ""
