"""Targets: what may be imported into by one session at a time. Each shop of the settings has one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from importers.addresses import is_postgres, without_secrets
from importers.catalog.opening import identity_of
from importers.errors import DatabaseError, UsageError
from importers.settings import Limits, nearest
from importers.texts import N_

if TYPE_CHECKING:
    from importers.sessions import Session
    from importers.settings import Settings


class Target(msgspec.Struct, frozen=True):
    """A catalog, and what belongs to it. Who launches or works is given one, and reads no settings for it."""

    name: str
    """Of the shop in the settings: `Session.shop`."""
    catalog: str
    """Its address."""
    source: str
    """Where 1C puts its exports, unless a launch names another place."""
    shared: bool
    """Whether every host sees the same files there."""
    images: str
    """The folder of its pictures."""
    limits: Limits = Limits()
    keep_unlisted: str = ""
    """As settings.Prices.keep_unlisted."""

    @property
    def shown(self) -> str:
        """Its address as people may see it."""
        return without_secrets(self.catalog) if is_postgres(self.catalog) else self.catalog

    async def key(self) -> str:
        """The catalog itself, named the same by everybody, whatever address each has of it: `Session.target`. What a
        server said is good for KEY_SECONDS. Raises DatabaseError."""
        if not is_postgres(self.catalog):
            return await identity_of(self.catalog)
        key, until = _keys.get(self.catalog, ("", 0.0))
        if time.monotonic() >= until:
            key = await identity_of(self.catalog)
            _keys[self.catalog] = key, time.monotonic() + KEY_SECONDS
        return key


KEY_SECONDS = 60.0
"""A control room stays open for weeks, and a database may be restored under its address meanwhile."""
_keys: dict[str, tuple[str, float]] = {}
"""By the address, until when it may be used."""


def all_targets(settings: Settings) -> tuple[Target, ...]:
    return tuple(_target(settings, shop) for shop in settings.shop_names)


def target_of(settings: Settings, shop: str | None = None) -> Target:
    """That of a shop; None: of the shop that is meant where none is named. Raises UsageError."""
    names = settings.shop_names
    if shop is None:
        shop = settings.default_shop or (names[0] if len(names) == 1 else None)
    if shop is None:
        raise UsageError(
            N_("there are several shops; name one with --shop, or set default_shop: {names}"),
            names=", ".join(names),
        )
    if shop not in names:
        raise UsageError(N_("{shop}: there is no such shop; {hint}"), shop=shop, hint=nearest(shop, names))
    return _target(settings, shop)


def _target(settings: Settings, shop: str) -> Target:
    flat = settings.for_shop(shop)
    return Target(
        shop,
        flat.catalog.url,
        flat.source.path,
        flat.source.shared,
        flat.images.path,
        flat.limits,
        flat.prices.keep_unlisted,
    )


async def target_with(settings: Settings, session: Session) -> Target | None:
    """The shop whose catalog a session imports into, whatever it was called when that was launched; None: it is
    another installation's. Raises DatabaseError where that cannot be known, as a catalog does not answer."""
    trouble: DatabaseError | None = None
    for target in sorted(all_targets(settings), key=lambda target: target.name != session.shop):
        try:
            if await target.key() == session.target:
                return target
        except DatabaseError as error:
            trouble = trouble or error
    if trouble:
        raise trouble
    return None
