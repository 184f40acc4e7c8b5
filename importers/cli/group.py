"""The group of all commands: its options, the kinds of arguments, the settings that a command is given."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from importers import __version__, settings, texts
from importers.errors import SettingsError
from importers.texts import N_, _

if TYPE_CHECKING:
    from importers.settings import Settings


CLICK_TEXTS = (  # click looks its own texts up in our domain
    N_("Usage:"),
    N_("Options"),
    N_("Commands"),
    N_("Error: {message}"),
    N_("Show this message and exit."),
    N_("Show the version and exit."),
    N_("Try '{command} {option}' for help."),
    N_("Missing argument"),
    N_("Missing option"),
    N_("Missing command."),
    N_("No such command {name!r}."),
    N_("Invalid value: {message}"),
    N_("Invalid value for {param_hint}: {message}"),
    N_("{value!r} is not a valid {number_type}."),
    N_("Option {name!r} requires an argument."),
    N_("No such option: {name}"),
)


class Command(click.Command):
    """A command whose help is marked with N_() and translated when shown: the language is known only by then."""

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(_(self.help) if self.help else "")

    def get_short_help_str(self, limit: int = 80) -> str:
        return (_(self.help) if self.help else "").split(". ")[0].rstrip(".")


class Group(Command, click.Group):
    command_class = Command


class Option(click.Option):
    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        self.help = _(self.help) if self.help else None
        return super().get_help_record(ctx)


def option(*names: str, **attrs: Any) -> Callable[[Any], Any]:
    return click.option(*names, cls=Option, **attrs)


as_json = option("--json", "as_json", is_flag=True, help=N_("Print one JSON document."))


class SourcePath(click.Path):
    """A folder or .zip. An empty one, of a variable that is not set for instance, is not the working directory."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail(_("is empty; name the folder or .zip that 1C writes"), param, ctx)
        return super().convert(value, param, ctx)


class Seconds(click.FloatRange):
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        seconds = super().convert(value, param, ctx)
        if not math.isfinite(seconds):
            text = _("{value!r} is not a valid {number_type}.").format(value=value, number_type=self.name)
            self.fail(text, param, ctx)
        return seconds


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
@option("--config", type=click.Path(path_type=Path), help=N_("The settings file to use."))
@option("--language", type=click.Choice(texts.LANGUAGES), help=N_("The language of texts and help."))
@click.version_option(__version__, "--version", message="obmen %(version)s")
@click.pass_context
def cli(ctx: click.Context, config: Path | None, language: str | None) -> None:
    """Settings that cannot be read are for the command to raise: help, inspect and demo do without."""
    try:
        loaded = settings.load(config)
    except SettingsError as error:
        ctx.obj = error
        if language:
            texts.use(language)
    else:
        ctx.obj = msgspec.structs.replace(loaded, language=language or loaded.language)
        texts.use(ctx.obj.language)
