"""migrate."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from importers.cli.group import as_json, cli, option, pass_settings
from importers.errors import ReadOnly, UsageError
from importers.output import go_on, print_json, print_line
from importers.texts import N_, _, ngettext

if TYPE_CHECKING:
    from importers.settings import Settings


@cli.command(help=N_("Move journal and catalogs from files to PostgreSQL, verified row by row."))
@option(
    "--to",
    "address",
    metavar="URL",
    help=N_("The database: postgresql://user@host/name, without a password."),
)
@option("--catalog-schema", metavar="NAME", help=N_("The schema for the catalog, in place of public."))
@option(
    "--repair",
    is_flag=True,
    help=N_("After the journal was restored from a copy: go on behind what it has lost."),
)
@as_json
@pass_settings
def migrate(
    config: Settings, address: str | None, catalog_schema: str | None, repair: bool, as_json: bool
) -> None:
    from importers import migrate as moving
    from importers.addresses import has_password

    if repair == (address is not None):
        raise UsageError(N_("give either --to URL or --repair"))
    if config.read_only:
        raise ReadOnly
    go_on()
    if address is None:
        lost = asyncio.run(moving.repair(config))
        if as_json:
            print_json({"lost": lost})
        elif lost:
            text = ngettext(
                "The journal lacked {n} session up to {last}; new ones come after it.",
                "The journal lacked {n} sessions up to {last}; new ones come after them.",
                len(lost),
            )
            print_line(text.format(n=len(lost), last=lost[-1]))
        else:
            print_line(_("The journal lacks no session: nothing to repair."))
        return
    if has_password(address):
        raise UsageError(
            N_(
                "everybody on this host sees a password in a command line; put it into ~/.pgpass or $PGPASSWORD"
            )
        )
    moved = asyncio.run(moving.migrate(config, address, catalog_schema))
    if as_json:
        print_json(moved)
        return
    for one in moved:
        told = (
            _("{path}: rows moved before and compared again: {rows}")
            if one.before
            else _("{path}: rows moved and compared: {rows}")
        )
        print_line(told.format(path=one.path, rows=one.rows))
        if one.changed:
            print_line(_("{path}: changed there since: {row}").format(path=one.path, row=one.changed))
        if one.left:
            text = _("{path}: left there, as obmen did not make it: {names}")
            print_line(text.format(path=one.path, names=", ".join(one.left)))
    print_line(_("Now set, here and on every host that uses them:"))
    for one in moved:
        section, _dot, key = one.setting.rpartition(".")
        print_line(f"[{section}]")
        print_line(f'{key} = "{one.to}"')
