"""The engine's command line, plus the commands that open the screen, in a terminal or a browser."""

from __future__ import annotations

import asyncio
import os
import sys
from importlib.util import find_spec
from pathlib import Path

import click
import msgspec

from importers import cli as engine
from importers import settings, texts
from importers.cli.arguments import Whole
from importers.cli.checking import RULES
from importers.cli.group import option
from importers.errors import UsageError
from importers.output import print_line
from importers.settings import Settings
from importers.texts import N_, _
from tui.opening import open_room

main = engine.main


def require_keys(config: Settings) -> None:
    """Raises SettingsError where the room would refuse the keys of the settings."""
    from tui import keys  # 50 ms that other commands need not wait

    keys.use(config.keys)


RULES.append(require_keys)


@engine.cli.result_callback()
@click.pass_context
def control_room(ctx: click.Context, /, *_results: object, **_options: object) -> None:
    """Without a command: the control room."""
    if ctx.invoked_subcommand is None:
        open_room(engine.settings_of(ctx), file=ctx.params["config"])


@engine.cli.command(help=N_("Open the control room on a sample export, in a directory of its own."))
def demo() -> None:
    folder = settings.data_dir() / "demo"
    # In the language of the operator's own settings, unless these cannot be read.
    config = msgspec.structs.replace(demo_settings(folder), language=texts.language())
    open_room(config, demo=True, file=folder / DEMO_FILE)


DEMO_FILE = "config.toml"
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
    config = folder / DEMO_FILE
    config.write_text(DEMO_CONFIG, encoding="utf-8")
    for name in [
        name for name in os.environ if name.startswith(settings.PREFIX) and name != "OBMEN_LANGUAGE"
    ]:
        del os.environ[name]  # the workers inherit the environment
    return settings.load(config)


@engine.cli.command(help=N_("Open the control room in a browser, by the address that is printed."))
@option("--host", default="127.0.0.1", help=N_("The address to listen at; 127.0.0.1 unless it is named."))
@option(
    "--port",
    type=Whole(0, 65535),
    default=8000,
    metavar="N",
    help=N_("The port to listen at; 8000 unless it is named, 0 takes any that is free."),
)
@option("--title", default="obmen", help=N_("What the browser's tab is called."))
@click.pass_context
def serve(ctx: click.Context, host: str, port: int, title: str) -> None:
    require_keys(engine.settings_of(ctx))  # what is wrong there is told here rather than in each tab
    if find_spec("textual_serve") is None:
        raise UsageError(N_('serve needs another library: pip install "obmen[serve]"'))
    from tui import serving

    def ready(address: str, port: int) -> None:
        if not serving.is_loopback(host):
            text = _(
                "Nothing on the way to this port is encrypted: whoever listens there can read along and take over. "
                "Put a reverse proxy with TLS in front, or leave --host out and go through "
                "ssh -L {port}:127.0.0.1:{port}"
            )
            print_line(text.format(port=port), err=True)
        print_line(address)
        print_line(
            _("Open this address in a browser; whoever knows it can do all that you can. ^C ends it."),
            err=True,
        )

    asyncio.run(serving.serve(_room_command(ctx), host, port, title=title, ready=ready))


def _room_command(ctx: click.Context) -> list[str]:
    """What opens a room with the settings that this command was given; the rest is in the environment."""
    given = ctx.find_root().params
    options = [f"--{name}={given[name]}" for name in ("config", "language") if given[name] is not None]
    return [sys.executable, "-P", "-m", "tui", *options]
