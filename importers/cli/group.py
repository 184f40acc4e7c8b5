"""The group of all commands: its options, the kinds of arguments, the settings that a command is given."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec
from click.shell_completion import CompletionItem

from importers import __version__, settings, texts
from importers.cli.arguments import FilePath, Name
from importers.cli.click_texts import speak
from importers.errors import SettingsError
from importers.texts import N_, _

if TYPE_CHECKING:
    from importers.settings import Settings


class Command(click.Command):
    """A command whose texts are marked with N_() and translated when shown: the language is known only by then."""

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [_(piece) for piece in super().collect_usage_pieces(ctx)]

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        option = super().get_help_option(ctx)
        if option:  # click keeps it, with the words of the language in which it was first asked for
            option.help = _("Show this message and exit.")
        return option

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(_(self.help) if self.help else "")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for name in (param.type for param in self.params if isinstance(param.type, Name)):
            if name.title:
                with formatter.section(_(name.title)):
                    formatter.write_dl([*name.known(ctx).items()])
        super().format_options(ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[Any]]:
        found = super().shell_complete(ctx, incomplete)
        for item in found:  # of options the texts are as they are marked
            item.help = _(item.help) if item.help else None
        return found

    def get_short_help_str(self, limit: int = 80) -> str:
        return (_(self.help) if self.help else "").split(". ")[0].rstrip(".")


class Group(Command, click.Group):
    command_class = Command


PIECES = (N_("[OPTIONS]"), N_("[COMMAND] [ARGS]..."))
"""Of a usage line."""


class Option(click.Option):
    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        translated = copy(self)
        translated.help = _(self.help) if self.help else None
        return click.Option.get_help_record(translated, ctx)


def option(*names: str, **attrs: Any) -> Callable[[Any], Any]:
    return click.option(*names, cls=Option, **attrs)


as_json = option("--json", "as_json", is_flag=True, help=N_("Print one JSON document."))


def settings_of(ctx: click.Context) -> Settings:
    """The settings in force. Raises SettingsError where they cannot be read: some commands need none."""
    if isinstance(ctx.obj, SettingsError):
        raise ctx.obj
    config: Settings = ctx.obj
    return config


def pass_settings(command: Callable[..., Any]) -> Callable[..., Any]:
    @click.pass_context
    def with_settings(ctx: click.Context, /, *args: Any, **named: Any) -> Any:
        return command(settings_of(ctx), *args, **named)

    return update_wrapper(with_settings, command)


@click.group(
    cls=Group,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=N_("Imports from 1C into a shop's database: every confirm makes exactly one session."),
)
@option("--config", type=FilePath(), metavar="FILE", help=N_("The settings file to use."))
@option("--language", type=click.Choice(texts.LANGUAGES), help=N_("The language of texts and help."))
@click.version_option(
    __version__,
    "--version",
    message="obmen %(version)s",
    cls=Option,
    help=N_("Show the version and exit."),
)
@click.pass_context
def cli(ctx: click.Context, config: Path | None, language: str | None) -> None:
    """Settings that cannot be read are for the command to raise: help, inspect and demo do without."""
    try:
        loaded = settings.load(config)
    except SettingsError as error:
        ctx.obj = error
        if language:
            speak(language)
    else:
        ctx.obj = msgspec.structs.replace(loaded, language=language or loaded.language)
        speak(ctx.obj.language)
