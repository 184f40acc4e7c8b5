"""Whose folder of images it is."""

from __future__ import annotations

import socket
from pathlib import Path

import msgspec

from importers.addresses import SQLITE


class Mark(msgspec.Struct, frozen=True):
    """The catalog that a folder belongs to: its identity, and where it was when it was here last."""

    catalog: str
    host: str
    path: str

    @classmethod
    def of(cls, identity: str, path: str) -> Mark:
        return cls(identity, socket.gethostname(), path)

    def may_follow(self, other: Mark) -> bool:
        """Whether this catalog stands where the other one stood, or is the same one, moved: a copy is not."""
        if (self.host, self.path) == (other.host, other.path):
            return True
        return self.catalog == other.catalog and not (
            self.host == other.host and _is_in_use(Path(other.path))
        )


def _is_in_use(catalog: Path) -> bool:
    """One whose content was moved to a server is not."""
    from importers.database.looking import look
    from importers.database.migrations import MOVED

    return catalog.exists() and not look(f"{SQLITE}{catalog}", "", MOVED, f"SELECT place FROM {MOVED}")  # noqa: S608


class Stuck(msgspec.Struct, frozen=True):
    """Copies that could not be put in place."""

    count: int
    first: str
    """The path of the first of them."""
    error: str
    """A text marked with N_, or words of the system."""
