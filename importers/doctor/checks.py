"""All checks, in the order in which they are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from importers import settings
from importers.addresses import JOURNAL_SCHEMA
from importers.doctor.finding import Check
from importers.doctor.places import check_database, check_images, check_log
from importers.doctor.servers import silent_servers
from importers.doctor.surroundings import (
    check_locale,
    check_logout,
    check_redis,
    check_terminal,
    check_worker,
)
from importers.doctor.trial import checklist
from importers.errors import ObmenError, SettingsError
from importers.targets import all_targets
from importers.texts import N_, _, ngettext, when

if TYPE_CHECKING:
    from importers.commerceml.source import Export
    from importers.settings import Settings


STALE = timedelta(days=2)
READ_BYTES = 512 * 1024 * 1024
"""So much of an export is read through; a larger one would keep the operator waiting."""


Rule = Callable[["Settings"], None]
"""Raises SettingsError unless these settings are right, as far as it can tell."""


async def check(
    config: Settings, file: Path | None = None, rules: Iterable[Rule] = ()
) -> AsyncIterator[Check]:
    """All checks, in the order in which a person would look. `file`: what --config named; `rules`: of those who read
    more of the settings than the engine does."""
    shops = {name if config.shops else "": config.for_shop(name) for name in config.shop_names}
    yield check_settings(config, file, rules)
    if config.read_only:  # whoever only watches needs the journal, and nothing else
        yield await asyncio.to_thread(check_readable, config)
        yield check_locale()
        yield check_terminal()
        return
    for name, shop in shops.items():
        yield of(name, await asyncio.to_thread(check_source, Path(shop.source.path)))
    silent = await silent_servers(config)
    yield await check_database(N_("journal"), config, silent)
    for name, shop in shops.items():
        yield of(name, await check_database(N_("catalog"), shop, silent))
    if len(shops) > 1:
        yield await check_targets(config, silent)
    if not silent and (trouble := await asyncio.to_thread(check_restored, config)):
        yield trouble
    for name, shop in shops.items():
        yield of(name, await asyncio.to_thread(check_images, shop, silent))
    yield await asyncio.to_thread(check_log, Path(config.log.path))
    yield await check_redis(config)
    yield await check_worker(config)
    yield await asyncio.to_thread(check_logout)
    yield check_locale()
    yield check_terminal()
    async for result in checklist(config):
        yield result


def of(shop: str, finding: Check) -> Check:
    return msgspec.structs.replace(finding, shop=shop)


async def check_targets(config: Settings, silent: Collection[str] = ()) -> Check:
    """Whether each shop has a catalog of its own, whatever the addresses look like. `silent`: those that are not to be
    asked."""
    name = N_("shops")
    found: dict[str, str] = {}
    for target in all_targets(config):
        if target.catalog in silent:  # the line of its catalog tells
            continue
        try:
            key = await target.key()
        except ObmenError:  # so it does here
            continue
        if key in found:
            return Check(
                name,
                False,
                _("{one} and {other} import into one catalog, by two addresses").format(
                    one=found[key], other=target.name
                ),
                _("give each shop its own catalog.url, or take one of them out of the settings"),
            )
        found[key] = target.name
    return Check(name, True, ", ".join(config.shop_names))


def check_settings(config: Settings, file: Path | None, rules: Iterable[Rule]) -> Check:
    name, path = N_("settings"), settings.find(file)
    try:
        for rule in rules:
            rule(config)
    except SettingsError as error:
        return Check(name, False, str(error), _("correct that in the settings"))
    return Check(name, True, str(path) if path else _("no settings file, defaults are in force"))


def check_readable(config: Settings) -> Check:
    """The journal, for one who only watches."""
    from importers.database.looking import looking, require_schema
    from importers.sessions.opening import SCHEMAS

    name, url = N_("journal"), config.journal.url
    try:
        with looking(url, JOURNAL_SCHEMA) as look:
            version = require_schema(look, SCHEMAS)
            look.fetch("SELECT count(*) FROM session")
            return Check(
                name,
                True,
                _("{path}, to be read only, schema {version}").format(path=look.place, version=version),
            )
    except ObmenError as error:
        return Check(name, False, str(error), _("let this account read it, or set journal.url to another"))


def check_restored(config: Settings) -> Check | None:
    """Told only when it is so: that the journal is a copy which is older than what the catalogs have seen."""
    from importers.migrate import lost_sessions

    try:
        lost = lost_sessions(config)
    except ObmenError:  # the lines of journal and catalog tell
        return None
    if not lost:
        return None
    text = ngettext(
        "the journal lacks {n} session that changed a catalog, the last one is {last}: it is a restored copy",
        "the journal lacks {n} sessions that changed a catalog, the last one is {last}: it is a restored copy",
        len(lost),
    )
    return Check(
        N_("restored copy"), False, text.format(n=len(lost), last=lost[-1]), _("run: obmen migrate --repair")
    )


def check_source(path: Path) -> Check:
    """Is there an export, is it whole, is it fresh?"""
    from importers.commerceml import open_export

    name = N_("source")
    try:
        export = open_export(path)
    except ObmenError as error:
        return Check(name, False, str(error), _("set source.path to the folder or .zip that 1C writes"))
    parts = export.parts or export.holding_pictures()  # pictures may come alone
    newest = max(datetime.fromisoformat(part.modified) for part in parts)
    files = ngettext("{n} file", "{n} files", len(parts)).format(n=len(parts))
    detail = f"{path}: {files}, {when(newest.isoformat())}"
    if export.gaps:
        return Check(
            name,
            False,
            f"{detail}; {'; '.join(map(str, export.gaps))}",
            _("let 1C write the whole export again"),
        )
    try:
        _read_through(export)
    except ObmenError as error:
        return Check(name, False, f"{path}: {error}", _("let 1C write the whole export again"))
    if datetime.now(UTC) - newest > STALE:
        return Check(name, False, detail, _("the export is old: check the exchange schedule in 1C"))
    return Check(name, True, detail)


def _read_through(export: Export) -> None:
    """Raises BadFile: cut, not well-formed, another root or encoding than it should have."""
    from importers.commerceml.reader import read_part
    from importers.commerceml.records import Section

    done = 0
    for part in export.parts:
        for _batch in read_part(part, frozenset((Section,))):
            pass
        done += part.size
        if done > READ_BYTES:
            return
