"""completion."""

from __future__ import annotations

import re

import click
from click.shell_completion import BashComplete, FishComplete, ZshComplete

from importers.cli.group import cli
from importers.cli.main import COMPLETING
from importers.output import print_line
from importers.texts import N_

SHELLS = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


@cli.command(help=N_('Print what makes a shell complete obmen\'s commands: eval "$(obmen completion bash)".'))
@click.argument("shell", metavar="SHELL", type=click.Choice(tuple(SHELLS)))
def completion(shell: str) -> None:
    for line in script(shell).split("\n"):
        print_line(line)


def script(shell: str) -> str:
    """click's own. It asks `obmen` without arguments, which is the screen's; with one more word it is the commands'."""
    source = SHELLS[shell](cli, {}, "obmen", COMPLETING)
    return re.sub(r"(\$1|\bobmen)(?=\))", r"\1 completion", source.source_template % source.source_vars())
