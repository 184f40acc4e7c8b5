"""What a check finds."""

from __future__ import annotations

import msgspec

from importers.texts import _


class Check(msgspec.Struct, frozen=True):
    """One finding. `name` is an English msgid; `detail` and `cure` are in the operator's language."""

    name: str
    ok: bool
    detail: str
    cure: str = ""
    shop: str = ""
    """Which of several it is about."""

    @property
    def title(self) -> str:
        """The name in the operator's language, with that of the shop."""
        return f"{_(self.name)} {self.shop}".rstrip()
