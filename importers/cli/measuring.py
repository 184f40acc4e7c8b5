"""metrics."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from importers.cli.arguments import FilePath, Whole
from importers.cli.group import cli, option, pass_settings
from importers.errors import UsageError
from importers.output import print_line
from importers.texts import N_, _

if TYPE_CHECKING:
    from importers.settings import Settings


@cli.command(help=N_("Print the journal's figures for Prometheus; nothing is changed."))
@option(
    "--output",
    type=FilePath(),
    metavar="FILE",
    help=N_("Write them whole to FILE, a .prom that node_exporter reads."),
)
@option(
    "--port",
    type=Whole(0, 65535),
    metavar="N",
    help=N_("Answer scrapes by HTTP at this port until the command is ended."),
)
@option("--host", help=N_("The address to listen at; 127.0.0.1 unless it is named."))
@pass_settings
def metrics(config: Settings, output: Path | None, port: int | None, host: str | None) -> None:
    if port is not None and output is not None:
        raise UsageError(N_("give either --output or --port"))
    if host is not None and port is None:
        raise UsageError(N_("--host is of use together with --port only"))
    if find_spec("prometheus_client") is None:
        raise UsageError(N_('metrics need another library: pip install "obmen[metrics]"'))
    from importers.metrics import Scrapes, serve, write_whole

    scrapes = Scrapes(config)
    if port is not None:
        serve(
            scrapes,
            host or "127.0.0.1",
            port,
            lambda address: print_line(_("Metrics: {address}").format(address=address), err=True),
        )
        return
    text = scrapes.text()
    if output is not None:
        write_whole(output, text)
    else:
        for line in text.removesuffix("\n").split("\n"):
            print_line(line)
    if scrapes.error:
        raise scrapes.error
