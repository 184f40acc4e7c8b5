"""inspect and doctor."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from importers import texts
from importers.cli.arguments import SourcePath
from importers.cli.group import as_json, cli, settings_of
from importers.cli.running import EXIT_FAILED, leave
from importers.errors import ObmenError, SourceError
from importers.output import go_on, print_json, print_line, print_table
from importers.texts import N_, _

if TYPE_CHECKING:
    from importers.doctor.checks import Rule

RULES: list[Rule] = []
"""What the doctor asks of the settings beyond the engine: whoever adds commands adds to them."""


@cli.command(help=N_("Show what an export holds: version, encoding, files and counts per import type."))
@click.argument("path", type=SourcePath())
@as_json
def inspect(path: Path, as_json: bool) -> None:
    from importers.kinds.inspect import TITLES, inspect_export

    try:
        found = inspect_export(path)
    except ObmenError as error:  # a bad file is a bad source here: nothing else was asked for
        raise SourceError(error.message) from error
    if as_json:
        print_json(found)
        return
    print_line(f"{found.path}: CommerceML {found.version or '?'}, {found.encoding}")
    print_table(
        (_("Set"), _("Made"), _("File"), _("Bytes"), _("Encoding"), _("Version"), _("Holds")),
        (
            (
                f.set,
                (f.made or "").replace("T", " "),
                f.name,
                f.size,
                f.encoding,
                f.version,
                ", ".join(f"{_(TITLES[name])} {n}" for name, n in f.counts.items() if n),
            )
            for f in found.files
        ),
    )
    print_line()
    print_table(
        (_("Type"), _("Files"), _("Bytes"), _("Records"), _("Newest")),
        (
            (_(kind), k.files, k.bytes, k.records, texts.when(k.newest))
            for kind, k in found.kinds.items()
            if k.files
        ),
    )
    for gap in found.gaps:
        print_line(gap)


@cli.command(
    help=N_("Check settings, source, databases, lock, worker and terminal; each failure with a cure.")
)
@as_json
@click.pass_context
def doctor(ctx: click.Context, /, as_json: bool) -> None:
    from importers.doctor import check

    config = settings_of(ctx)
    go_on()
    arrow = "→" if texts.has_signs() else "->"

    async def examine() -> int:
        found = []
        async for result in check(config, ctx.find_root().params["config"], RULES):
            found.append(result)
            if not as_json:
                word = _("ok") if result.ok else _("FAIL")
                print_line(f"{word:5} {result.title}: {result.detail}")
                if not result.ok:
                    print_line(f"      {arrow} {result.cure}")
        if as_json:
            print_json(found)
        return 0 if all(result.ok for result in found) else EXIT_FAILED

    leave(asyncio.run(examine()))
