"""Targets: what may be imported into by one session at a time. The settings name one, the default."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from importers.addresses import SQLITE
from importers.settings import Limits

if TYPE_CHECKING:
    from importers.settings import Settings

DEFAULT = "default"


class Target(msgspec.Struct, frozen=True):
    """A catalog, and what belongs to it. Who launches or works is given one, and reads no settings for it."""

    name: str
    catalog: str
    """Its address."""
    source: str
    """Where 1C puts its exports, unless a launch names another place."""
    images: str
    """The folder of its pictures."""
    limits: Limits = Limits()
    keep_unlisted: str = ""
    """As settings.Prices.keep_unlisted."""

    @property
    def key(self) -> str:
        """The catalog, named the same by everybody, without credentials: `Session.target`."""
        if self.catalog.startswith(SQLITE):
            return f"{SQLITE}{Path(self.catalog.removeprefix(SQLITE)).resolve()}"
        parts = urlsplit(self.catalog)
        return f"postgresql://{parts.hostname}:{parts.port or 5432}{parts.path}"


def all_targets(settings: Settings) -> tuple[Target, ...]:
    return (default_target(settings),)


def default_target(settings: Settings) -> Target:
    return Target(
        DEFAULT,
        settings.catalog.url,
        settings.source.path,
        settings.images.path,
        settings.limits,
        settings.prices.keep_unlisted,
    )
