"""The engine's command line, plus the two commands that open the screen."""

from __future__ import annotations

import os
from pathlib import Path

import click
import msgspec

from importers import cli as engine
from importers import settings, texts
from importers.settings import Settings
from importers.texts import N_
from tui import LOCALE
from tui.opening import open_room

main = engine.main
texts.add_domain("tui", LOCALE)


@engine.cli.result_callback()
@click.pass_context
def control_room(ctx: click.Context, /, *_results: object, **_options: object) -> None:
    """Without a command: the control room."""
    if ctx.invoked_subcommand is None:
        ctx.exit(open_room(engine.settings_of(ctx), file=ctx.params["config"]))


@engine.cli.command(help=N_("Open the control room on a sample export, in a directory of its own."))
@click.pass_context
def demo(ctx: click.Context) -> None:
    config = demo_settings(settings.data_dir() / "demo")
    # In the language of the operator's own settings, unless these cannot be read.
    ctx.exit(open_room(msgspec.structs.replace(config, language=texts.language()), demo=True))


DEMO_CONFIG = """\
# Made by `obmen demo`; written anew at each start.
[source]
path = "export"
[catalog]
url = "sqlite:///catalog.sqlite3"
[journal]
url = "sqlite:///journal.sqlite3"
[images]
path = "images"
[log]
path = "obmen.log"
"""


def demo_settings(folder: Path) -> Settings:
    """Settings that touch nothing outside `folder`, whatever the operator's own settings and environment say."""
    import shutil

    from importers.sample import EXPORT

    export = folder / "export"
    if not export.exists():
        shutil.copytree(EXPORT, export)
    config = folder / "config.toml"
    config.write_text(DEMO_CONFIG, encoding="utf-8")
    for name in [
        name for name in os.environ if name.startswith(settings.PREFIX) and name != "OBMEN_LANGUAGE"
    ]:
        del os.environ[name]  # the workers inherit the environment
    return settings.load(config)
